// From steps to command lines, and from these to processes. OUT.command, beside a job's output, holds the
// arguments that it was started with and fingerprints of its config files.
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
#include "core/interrupt.h"
#include "core/progress.h"

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

// As long as it lives, this thread gets no signals. Between a fork and its exec the child would take a
// request to stop for its parent's, and go on.
class HoldSignals {
 public:
  HoldSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~HoldSignals() { release(); }
  HoldSignals(const HoldSignals&) = delete;
  HoldSignals& operator=(const HoldSignals&) = delete;
  void release() const { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

pid_t start(const fs::path& program, const Job& job) {
  std::vector<std::string> arguments = {program.string()};
  arguments.insert(arguments.end(), job.command.begin(), job.command.end());
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  const std::string log = beside(job.out, ".log");
  const HoldSignals held;
  const pid_t parent = getpid(), child = fork();
  if (child < 0) throw Error(kOperation, std::string("cannot start a process: ") + std::strerror(errno));
  if (child > 0) return child;
  // In the child: only calls that are safe after a fork.
  setpgid(0, 0);  // Ctrl-C is passed on, once
  for (const int one : {SIGINT, SIGTERM, SIGPIPE, SIGXFSZ}) signal(one, SIG_DFL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  held.release();  // what came since ends it
  const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (file >= 0) dup2(file, 1), dup2(file, 2);
  execv(pointers[0], pointers.data());
  _exit(127);
}

// Asks the running processes to stop, and waits until they have saved what they have. Throws Interrupted.
[[noreturn]] void stop(const std::map<std::size_t, pid_t>& running) {
  for (const auto& [index, pid] : running) kill(pid, SIGTERM);
  for (const auto& [index, pid] : running) {
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  throw Interrupted();
}

// Waits until one of the running processes ends; returns its index and whether it did well.
std::pair<std::size_t, bool> wait_for_one(const std::map<std::size_t, pid_t>& running) {
  for (;;) {
    if (interrupted()) stop(running);
    for (const auto& [index, pid] : running) {
      int status = 0;
      if (waitpid(pid, &status, WNOHANG) == pid)
        return {index, WIFEXITED(status) && WEXITSTATUS(status) == 0};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

// What one base's jobs refer to: the job of a step, by RL seed (0: of steps).
using Index = std::map<std::pair<std::string, int>, std::size_t>;

// An arm's run of the same RL seed, else its first; a step has one.
std::size_t job_of(const Index& index, const std::string& step, int rl) {
  for (const int seed : {rl, 1, 0}) {
    if (const auto found = index.find({step, seed}); found != index.end()) return found->second;
  }
  throw Error(kOperation, "no run of '" + step + "'");
}

// Everything but where it runs: `job` has its out and seeds, `read` gives the job that "@NAME" means.
void set_command(Job& job, const Step& step, std::uint64_t seed, const std::vector<std::string>& settings,
                 const std::vector<Job>& jobs, const std::function<std::size_t(const std::string&)>& read) {
  const auto path_of = [&](const std::string& name) { return jobs[read(name)].out.string(); };
  job.command = {step.verb};
  for (const std::string& file : step.config) job.command.insert(job.command.end(), {"-c", file});
  for (const auto& [key, value] : step.settings) {
    job.command.insert(job.command.end(),
                       {"--set", key + "=" + (may_refer(key) ? with_references(value, path_of) : value)});
  }
  // `problems` and `init` compute nothing that threads or devices are for.
  if (job.run_directory) {
    for (const std::string& setting : settings) job.command.insert(job.command.end(), {"--set", setting});
  }
  job.command.insert(job.command.end(), {"--seed", std::to_string(seed)});
  if (!step.label.empty()) job.command.insert(job.command.end(), {"--label", step.label});
  if (!step.argument.empty()) job.command.push_back(with_references(step.argument, path_of));
  job.command.insert(job.command.end(), {"--out", job.out.string()});
  for (const std::string& name : references(step)) job.after.push_back(read(name));
}

// Marks what has to wait for a failed job for good.
void skip_dependents(const std::vector<Job>& jobs, std::vector<bool>& lost) {
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      if (lost[i] || jobs[i].complete() ||
          std::none_of(jobs[i].after.begin(), jobs[i].after.end(), [&](std::size_t j) { return lost[j]; }))
        continue;
      lost[i] = changed = true;
    }
  }
}

}  // namespace

void Outcome::add(const Outcome& later) {
  failures.insert(failures.end(), later.failures.begin(), later.failures.end());
  skipped.insert(skipped.end(), later.skipped.begin(), later.skipped.end());
}

bool Job::complete() const { return fs::exists(run_directory ? out / "result.json" : out); }

fs::path Runs::base(std::uint64_t base) const { return out / fmt::format("base-{}", base); }
fs::path Runs::rl(std::uint64_t b, int seed) const { return base(b) / fmt::format("rl-{}", seed); }

void add_jobs(std::vector<Job>& jobs, const std::vector<Step>& steps, const Runs& runs, std::uint64_t base,
              const std::map<std::string, std::string>& stands_for) {
  Index index;
  for (const Step& step : steps) {
    const bool of_arm = !step.arm.empty();
    for (int rl = of_arm ? 1 : 0; rl <= (of_arm ? step.all_rl ? runs.rl_seeds : 1 : 0); ++rl) {
      Job job;
      job.name = fmt::format("base-{}/{}{}", base, of_arm ? fmt::format("rl-{}/", rl) : "", step.name);
      job.out = (of_arm ? runs.rl(base, rl) : runs.base(base)) / step.out;
      job.config = step.config;
      job.weight = weight_of(step.verb);
      job.run_directory = step.verb != "problems" && step.verb != "init";
      job.step = step.name;
      job.rl = rl;
      const bool trains = of_arm && step.verb != "eval";
      set_command(job, step, trains ? 1000 * base + static_cast<std::uint64_t>(rl) : base, runs.settings,
                  jobs, [&](const std::string& name) {
                    const auto other = step.literal ? stands_for.end() : stands_for.find(name);
                    return job_of(index, other == stands_for.end() ? name : other->second, rl);
                  });
      index[{step.name, rl}] = jobs.size();
      jobs.push_back(std::move(job));
    }
  }
}

Outcome run_jobs(const fs::path& program, const std::vector<Job>& jobs, int workers,
                 const std::function<void(double, const std::string&)>& progress) {
  std::vector<bool> complete;
  for (const Job& job : jobs) {
    fs::create_directories(job.out.parent_path());
    check_settings(job);
    complete.push_back(job.complete());
  }
  std::vector<bool> started = complete, lost(jobs.size(), false);
  std::map<std::size_t, pid_t> running;
  Outcome outcome;
  const auto ready = [&](std::size_t i) {
    return !started[i] && std::all_of(jobs[i].after.begin(), jobs[i].after.end(),
                                      [&](std::size_t j) { return complete[j]; });
  };
  for (;;) {
    for (std::size_t i = 0; i < jobs.size() && std::cmp_less(running.size(), workers); ++i) {
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
    if (complete[index]) continue;
    lost[index] = true;
    outcome.failures.push_back({jobs[index].name, last_lines(beside(jobs[index].out, ".log"), 6)});
    log_line(fmt::format("{} failed; the others go on. The end of {}:\n{}", jobs[index].name,
                         beside(jobs[index].out, ".log").string(), outcome.failures.back().log));
  }
  std::vector<bool> skipped = lost;
  skip_dependents(jobs, skipped);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (skipped[i] && !lost[i]) outcome.skipped.push_back(jobs[i].name);
  }
  return outcome;
}

}  // namespace pope
