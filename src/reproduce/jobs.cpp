// Processes of a plan. See jobs.h. OUT.command, beside a job's output, holds the arguments it was begun with
// and what its config files held.
#include "reproduce/jobs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <thread>

#include "core/error.h"
#include "core/files.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

constexpr auto kOperation = "reproduce";

// As measured on the embedded family.
double weight_of(const std::string& verb) {
  static const std::map<std::string, double> kWeights = {{"train", 10},  {"sft", 10},    {"mine", 3},
                                                         {"guide", 1.5}, {"collect", 2}, {"eval", 1.5}};
  const auto found = kWeights.find(verb);
  return found == kWeights.end() ? 0.5 : found->second;
}

fs::path beside(const fs::path& out, const std::string& suffix) { return out.string() + suffix; }

// A line with the arguments, and one per config file that names its content.
std::string begun_with(const Job& job) {
  std::string text = fmt::format("pope {}\n", fmt::join(job.command, " "));
  for (const std::string& file : job.config) text += fmt::format("{} {}\n", file, fingerprint(file));
  return text;
}

// What a run was begun with is written as it starts.
void check_settings(const Job& job) {
  const fs::path file = beside(job.out, ".command");
  if (!fs::exists(file) || read_file(file) == begun_with(job)) return;
  throw Error(kOperation,
              job.name + " was begun with other settings; it was\n" + read_file(file) + "and is now\n" +
                  begun_with(job),
              "choose another --out, or remove " + job.out.string() + "*");
}

std::string last_lines(const fs::path& file, int count) {
  const std::string text = fs::exists(file) ? read_file(file) : "";
  if (text.empty()) return "";
  std::size_t at = text.size();
  for (int i = 0; i <= count && at != std::string::npos && at > 0; ++i) at = text.rfind('\n', at - 1);
  return at == std::string::npos ? text : text.substr(at + 1);
}

pid_t start(const fs::path& program, const Job& job) {
  std::vector<std::string> arguments = {program.string()};
  arguments.insert(arguments.end(), job.command.begin(), job.command.end());
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  const std::string log = beside(job.out, ".log");
  const pid_t parent = getpid(), child = fork();
  if (child < 0) throw Error(kOperation, std::string("cannot start a process: ") + std::strerror(errno));
  if (child > 0) return child;
  // In the child: only calls that are safe after a fork.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (file >= 0) dup2(file, 1), dup2(file, 2);
  execv(pointers[0], pointers.data());
  _exit(127);
}

// Waits until one of the running processes ends; returns its index and whether it did well.
std::pair<std::size_t, bool> wait_for_one(const std::map<std::size_t, pid_t>& running) {
  for (;;) {
    for (const auto& [index, pid] : running) {
      int status = 0;
      if (waitpid(pid, &status, WNOHANG) == pid)
        return {index, WIFEXITED(status) && WEXITSTATUS(status) == 0};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

}  // namespace

bool Job::complete() const { return fs::exists(run_directory ? out / "result.json" : out); }

std::vector<Job> jobs_of(const std::vector<Step>& steps, const std::vector<std::uint64_t>& seeds,
                         const fs::path& out, const std::vector<std::string>& settings) {
  std::vector<Job> jobs;
  for (const std::uint64_t seed : seeds) {
    const fs::path folder = out / fmt::format("seed-{}", seed);
    std::map<std::string, fs::path> outputs;
    std::map<std::string, std::size_t> index;
    const auto path_of = [&](const std::string& name) { return outputs.at(name).string(); };
    for (const Step& step : steps) {
      Job job{fmt::format("seed-{}/{}", seed, step.name), {step.verb}, folder / step.out};
      job.config = step.config;
      job.weight = weight_of(step.verb);
      job.run_directory = step.verb != "problems" && step.verb != "init";
      for (const std::string& file : step.config) job.command.insert(job.command.end(), {"-c", file});
      for (const auto& [key, value] : step.settings) {
        job.command.insert(job.command.end(),
                           {"--set", key + "=" + (may_refer(key) ? with_references(value, path_of) : value)});
      }
      for (const std::string& setting : settings) job.command.insert(job.command.end(), {"--set", setting});
      job.command.insert(job.command.end(), {"--seed", std::to_string(seed)});
      if (!step.label.empty()) job.command.insert(job.command.end(), {"--label", step.label});
      if (!step.argument.empty()) job.command.push_back(with_references(step.argument, path_of));
      job.command.insert(job.command.end(), {"--out", job.out.string()});
      for (const std::string& name : references(step)) job.after.push_back(index.at(name));
      outputs[step.name] = job.out;
      index[step.name] = jobs.size();
      jobs.push_back(std::move(job));
    }
  }
  return jobs;
}

void run_jobs(const fs::path& program, const std::vector<Job>& jobs, int workers,
              const std::function<void(double, const std::string&)>& progress) {
  std::vector<bool> complete;
  for (const Job& job : jobs) {
    fs::create_directories(job.out.parent_path());
    check_settings(job);
    complete.push_back(job.complete());
  }
  std::vector<bool> started = complete;
  std::map<std::size_t, pid_t> running;
  std::string failed;
  const auto ready = [&](std::size_t i) {
    return !started[i] && std::all_of(jobs[i].after.begin(), jobs[i].after.end(),
                                      [&](std::size_t j) { return complete[j]; });
  };
  for (;;) {
    for (std::size_t i = 0; i < jobs.size() && failed.empty() && std::cmp_less(running.size(), workers);
         ++i) {
      if (!ready(i)) continue;
      started[i] = true;
      write_file(beside(jobs[i].out, ".command"), begun_with(jobs[i]));
      running[i] = start(program, jobs[i]);
    }
    std::string names;
    for (const auto& [index, pid] : running) names += (names.empty() ? "" : ", ") + jobs[index].name;
    double weight = 0;
    for (std::size_t i = 0; i < jobs.size(); ++i) weight += complete[i] ? jobs[i].weight : 0;
    progress(weight, names);
    if (running.empty()) break;
    const auto [index, well] = wait_for_one(running);
    running.erase(index);
    complete[index] = well && jobs[index].complete();
    if (!complete[index] && failed.empty()) {
      const fs::path log = beside(jobs[index].out, ".log");
      failed =
          fmt::format("{} failed; the end of {}:\n{}", jobs[index].name, log.string(), last_lines(log, 6));
    }
  }
  if (!failed.empty()) throw Error(kOperation, failed, "mend what it says and start this command again; or leave this seed out by --seed and --seeds");
}

}  // namespace pope
