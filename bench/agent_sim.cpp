// The agent against a simulated model: what each part of it brings, at equal calls of the model. The
// executor, its store and its learner are the real ones; only the replies are drawn.
//   bench_agent_sim [--seeds 20] [--calls 600] [--learning] [--keep FILE]
// --keep: the store of "learner + traces" with the first seed, for pope agent history and report.
// There are six types of tasks. On four, one of the five approaches works (0.7), the others hardly do (0.1).
// On two nothing works without help: there the model succeeds (0.6) when what it is shown of a trace and what
// it has learned make at least three steps. A frozen model learns nothing. With --learning every guided
// success on a type teaches it a quarter of a step there, as training on what was solved might. A lesson of a
// reflection is useful with probability 0.3, and then adds 0.4 to the retry's chance.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/fake_agent.h"
#include "agent/learner_store.h"
#include "agent/run.h"
#include "core/error.h"
#include "core/rng.h"
#include "core/statistics.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

constexpr auto kStore = "store.db";
constexpr int kTypes = 6, kValleys = 2, kTasks = 400, kTraceSteps = 16, kNeeded = 3;

struct Arguments {
  int seeds = 20, calls = 600;
  bool learning = false;
  fs::path keep;
};

// The simulated model: it reads which type, approach, prefix and lesson stand in its prompt.
class Simulated {
 public:
  Simulated(std::uint64_t seed, bool learning, const AgentConfig& config)
      : seed_(seed), learning_(learning), config_(config) {
    RngStream random(seed, {key_of("agent sim types")});
    for (int type = 0; type < kTypes; ++type) best_.push_back(random.below(config.approaches.size()));
  }

  std::string reply(const std::string& prompt, std::uint64_t key) {
    RngStream random(seed_, {key});
    const std::size_t at = prompt.find("Kind ");
    const int type = prompt[at + 5] - '0';
    if (prompt.find("You are the judge") != std::string::npos)
      return std::string("GUIDANCE\n- ") + (random.uniform() < 0.3 ? "useful advice" : "empty advice") +
             "\n- go on\n";
    if (prompt.find("You are the") != std::string::npos) return "a view";
    const int shown = fake::count_of(prompt, fmt::format(" of type {}\n", type));
    double chance;
    if (type < kValleys) {
      chance = shown + skill_[type] >= kNeeded ? 0.6 : 0;
    } else {
      const bool best =
          prompt.find(approach_text(config_, config_.approaches[best_[type]])) != std::string::npos;
      chance = best ? 0.7 : 0.1;
    }
    if (prompt.find("useful advice") != std::string::npos) chance += 0.4;
    const bool passes = random.uniform() < chance;
    if (learning_ && passes && shown > 0) skill_[type] += 0.25;
    return passes ? "```finish\n2\n```" : "```finish\n3\n```";
  }

 private:
  const std::uint64_t seed_;
  const bool learning_;
  const AgentConfig config_;
  std::vector<std::size_t> best_;
  std::map<int, double> skill_;
};

struct Arm {
  const char* name;
  bool learn, reflection, traces, shrink, shared;
  const char* against;  // the arm that it is compared with
};
constexpr auto kLearner = "learner", kTraces = "learner + traces";
constexpr Arm kArms[] = {{"uniform choice", false, false, false, true, false, kLearner},
                         {kLearner, true, false, false, true, false, nullptr},
                         {"learner + reflection", true, true, false, true, false, kLearner},
                         {kTraces, true, false, true, true, false, kLearner},
                         {"learner + traces, without decay", true, false, true, false, false, kTraces},
                         {"learner + traces, one for all types", true, false, true, true, true, kTraces}};

struct Result {
  double succeeded = 0;  // tasks, at the budget of calls
  double valleys = 0;    // of them, of the types that nothing works on without help
  double unguided = 0;   // of the last 60 unguided attempts on those types, how many passed
  double shown = 0;      // steps that a guided attempt was shown, on average
};

double one_number(Database& database, const std::string& sql) {
  Query query(database, sql);
  query.next();
  return query.real(0);
}

Result simulate(const Arm& arm, std::uint64_t seed, const Arguments& arguments, const fs::path& folder) {
  AgentConfig config;
  config.learn = arm.learn;
  config.reflection = arm.reflection;
  config.traces = arm.traces;
  config.shrink = arm.shrink;
  config.max_calls = arguments.calls;
  config.scratch = folder.string();
  const fs::path path = folder / kStore;
  for (const char* end : {"", "-wal", "-shm"}) fs::remove(path.string() + end);
  Database database(path);
  open_schema(database);
  std::vector<Task> tasks;
  RngStream random(seed, {key_of("agent sim tasks")});
  for (int i = 0; i < kTasks; ++i) {
    const std::string kind = std::to_string(random.below(kTypes));
    Task task{.id = "t" + std::to_string(i), .type = arm.shared ? "all" : "type " + kind};
    task.instruction = fmt::format("Kind {}, number {}.", kind, i);
    task.check.answer = "2";
    tasks.push_back(std::move(task));
  }
  Queue(database).add(tasks);
  // A senior's trace for each type, which helps on no other.
  TraceStore traces(database, config.trace_limits);
  for (int type = 0; type < kTypes; ++type) {
    Trace trace{.type = arm.shared ? "all" : "type " + std::to_string(type), .source = "senior"};
    for (int i = 0; i < kTraceSteps; ++i)
      trace.steps.push_back(fmt::format("part{}-{} of type {}", type, i, type));
    traces.add(std::move(trace), now_ms());
  }
  Simulated simulated(seed, arguments.learning, config);
  const fake::PlayedModel played(
      [&](const std::string& prompt, std::uint64_t key) { return simulated.reply(prompt, key); }, seed);
  const auto verifier = make_verifier(VerifyConfig{});
  run_agent({.store = path, .config = config, .seed = seed, .model = played.model, .verifier = *verifier});
  const std::string valley = "(body like '%Kind 0,%' or body like '%Kind 1,%')";
  return {one_number(database, "select count(*) from tasks where state = 'succeeded'"),
          one_number(database, "select count(*) from tasks where state = 'succeeded' and " + valley),
          one_number(database,
                     "select coalesce(avg(passed), 0) from (select attempts.end = 'passed' as passed from "
                     "attempts join tasks on tasks.id = attempts.task where mode = 'unguided' and " +
                         valley + " order by attempts.number desc limit 60)"),
          one_number(database, "select coalesce(avg(prefix_steps), 0) from attempts where mode = 'guided'")};
}

std::string interval(const std::vector<double>& values, int digits) {
  const Interval mean = bootstrap_mean(values);
  return fmt::format("{:.{}f} ({:.{}f} to {:.{}f})", mean.value, digits, mean.low, digits, mean.high, digits);
}

std::vector<double> column(const std::vector<Result>& rows, double Result::*member) {
  std::vector<double> values;
  for (const Result& row : rows) values.push_back(row.*member);
  return values;
}

// What an arm has more than another one on the same seed.
std::string gain(const std::vector<Result>& rows, const std::vector<Result>& others, double Result::*member,
                 int digits) {
  std::vector<double> values = column(rows, member);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] -= others[i].*member;
  return interval(values, digits);
}

void print_table(std::map<std::string, std::vector<Result>>& results) {
  fmt::print("| arm | tasks solved | of valleys | unguided there, at the end | steps shown |\n");
  fmt::print("|---|---|---|---|---|\n");
  for (const Arm& arm : kArms) {
    const auto& rows = results[arm.name];
    fmt::print("| {} | {} | {} | {} | {} |\n", arm.name, interval(column(rows, &Result::succeeded), 1),
               interval(column(rows, &Result::valleys), 1), interval(column(rows, &Result::unguided), 2),
               interval(column(rows, &Result::shown), 2));
  }
  fmt::print("\n| difference, paired by seed | tasks solved | of valleys | unguided there | steps shown |\n");
  fmt::print("|---|---|---|---|---|\n");
  for (const Arm& arm : kArms) {
    if (arm.against == nullptr) continue;
    const auto &rows = results[arm.name], &others = results[arm.against];
    fmt::print("| {} − {} | {} | {} | {} | {} |\n", arm.name, arm.against,
               gain(rows, others, &Result::succeeded, 1), gain(rows, others, &Result::valleys, 1),
               gain(rows, others, &Result::unguided, 2), gain(rows, others, &Result::shown, 2));
  }
}

int simulate_all(const Arguments& arguments) {
  const fs::path memory = "/dev/shm";
  const fs::path root = fs::is_directory(memory) ? memory : fs::temp_directory_path();
  const fs::path folder = root / fmt::format("pope-agent-sim-{}", getpid());
  fs::create_directories(folder);
  std::map<std::string, std::vector<Result>> results;
  for (int seed = 1; seed <= arguments.seeds; ++seed) {
    for (const Arm& arm : kArms) {
      results[arm.name].push_back(simulate(arm, static_cast<std::uint64_t>(seed), arguments, folder));
      if (seed == 1 && std::string_view(arm.name) == kTraces && !arguments.keep.empty())
        fs::copy_file(folder / kStore, arguments.keep, fs::copy_options::overwrite_existing);
    }
  }
  fs::remove_all(folder);
  fmt::print("{} seeds, {} tasks, {} calls, a {} model; means with 95 % intervals over seeds\n\n",
             arguments.seeds, kTasks, arguments.calls, arguments.learning ? "learning" : "frozen");
  print_table(results);
  return 0;
}

}  // namespace
}  // namespace pope

int main(int argc, char** argv) {
  pope::Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--learning") {
      arguments.learning = true;
    } else if ((flag == "--seeds" || flag == "--calls") && i + 1 < argc) {
      (flag == "--seeds" ? arguments.seeds : arguments.calls) = std::atoi(argv[++i]);
    } else if (flag == "--keep" && i + 1 < argc) {
      arguments.keep = argv[++i];
    } else {
      fmt::print(stderr, "usage: bench_agent_sim [--seeds 20] [--calls 600] [--learning] [--keep FILE]\n");
      return 2;
    }
  }
  return pope::simulate_all(arguments);
}
