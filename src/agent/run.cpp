// See run.h. A worker is a thread with a connection of its own. An attempt is two transactions: one claims
// and plans it, one records its end and what was learned from it; between them only the lease is renewed.
#include "agent/run.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "agent/learner_store.h"
#include "agent/lesson.h"
#include "agent/planner.h"
#include "core/chars.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/rng.h"
#include "core/threads.h"

namespace pope {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr auto kScratchName = "pope-agent-";

fs::path scratch_root(const AgentConfig& config) {
  return config.scratch.empty() ? fs::temp_directory_path() : fs::path(config.scratch);
}

// What processes that were killed have left: "pope-agent-PID-ATTEMPT".
void remove_left_scratch(const fs::path& root) {
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(root, code)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kScratchName) || !fs::is_directory(entry.symlink_status(code))) continue;
    pid_t pid = 0;
    const char* const begin = name.data() + std::string_view(kScratchName).size();
    const auto read = std::from_chars(begin, name.data() + name.size(), pid);
    if (read.ec != std::errc() || pid <= 0 || kill(pid, 0) == 0 || errno != ESRCH) continue;
    try {
      remove_scratch(entry.path());
    } catch (const Error&) {  // another user's
    }
  }
}

// Renews a lease for as long as it lives.
class LeaseKeeper {
 public:
  LeaseKeeper(const fs::path& store, const Lease& claim, std::int64_t lease_ms) {
    thread_ = std::jthread([this, store, claim, lease_ms](const std::stop_token& stop) {
      std::unique_lock lock(mutex_);
      const auto wait = std::chrono::milliseconds(lease_ms / 3);
      while (!lost_) {
        stopped_.wait_for(lock, stop, wait, [] { return false; });
        if (stop.stop_requested()) return;
        try {
          Database database(store);
          lost_ = !Queue(database).renew(claim, now_ms(), lease_ms);
        } catch (const Error&) {  // a store that cannot be written now may be by the next time
        }
      }
    });
  }
  bool lost() const { return lost_; }

 private:
  std::mutex mutex_;
  std::condition_variable_any stopped_;
  std::atomic<bool> lost_ = false;
  std::jthread thread_;
};

// What all workers of this process share.
struct Shared {
  const AgentRun& run;
  std::mutex mutex;
  Json counts = {{"attempts", 0}, {"passed", 0}, {"failed", 0}, {"faults", 0},
                 {"lost", 0},     {"calls", 0},  {"tokens", 0}};
  std::atomic<std::int64_t> calls = 0;
  std::atomic<bool> stop = false;
  std::exception_ptr failure;
};

class Worker {
 public:
  explicit Worker(Shared& shared)
      : shared_(shared),
        run_(shared.run),
        config_(shared.run.config),
        lease_ms_(static_cast<std::int64_t>(1000 * config_.lease_s)),
        database_(run_.store),
        queue_(database_) {}

  void work() {
    while (!shared_.stop && !interrupted()) {
      if (config_.max_calls > 0 && shared_.calls >= config_.max_calls) return;
      queue_.reap(config_.retries(), now_ms());
      std::optional<Planned> planned;
      const std::optional<Lease> claim = begin(planned);
      if (!claim) {
        if (!queue_.work_left()) return;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      } else if (planned) {
        attempt(*claim, *planned);
      }
    }
  }

 private:
  // Claims a task and plans the attempt. A claim without a plan is a task that has become a dead letter.
  std::optional<Lease> begin(std::optional<Planned>& planned) {
    Transaction transaction(database_);
    std::optional<Lease> claim = queue_.claim(worker_name(), config_.name, now_ms(), lease_ms_);
    if (!claim) return std::nullopt;
    LearnerState state = load_learner(database_, config_.name, claim->task.type);
    const std::set<std::string> tried = queue_.tried(claim->task.id);
    if (claim->plan && is_in_use(claim->plan->approach))
      planned = follow(database_, config_, claim->task, *claim->plan);
    // A plan whose trace is gone may come to what was tried before.
    if (!planned || tried.contains(planned->key))
      planned = plan_attempt(database_, config_, claim->task, tried, run_.seed, state);
    if (planned) {
      save_learner(database_, config_.name, claim->task.type, state);
      queue_.record_plan(*claim, planned->plan, planned->key, dump(to_json(state)));
    } else {
      queue_.bury(*claim, fmt::format("every way to go about it was tried ({}), and the check refused all",
                                      tried.size()));
    }
    transaction.commit();
    return claim;
  }

  // Settings may have changed since the plan was made.
  bool is_in_use(const std::string& approach) const {
    return std::find(config_.approaches.begin(), config_.approaches.end(), approach) !=
           config_.approaches.end();
  }

  void attempt(const Lease& claim, const Planned& planned) {
    AttemptEnd outcome;
    Reflected reflected;
    {
      const LeaseKeeper keeper(run_.store, claim, lease_ms_);
      const std::uint64_t key = RngStream(run_.seed, {key_of("agent attempt"), key_of(claim.task.id),
                                                      static_cast<std::uint64_t>(claim.failures)})
                                    .next();
      const Acting acting{.model = run_.model,
                          .verifier = run_.verifier,
                          .config = config_,
                          .folder = fs::absolute(scratch_root(config_)) /
                                    fmt::format("{}{}-{}", kScratchName, getpid(), claim.attempt),
                          .key = key,
                          .lost = [&] { return keeper.lost(); }};
      outcome = act(claim.task, planned.message, acting);
      if (to_be_reflected_on(claim, planned.plan, outcome)) {
        const double seconds = limits_of(claim.task, config_.limits).seconds;
        const auto deadline =
            Clock::now() + std::chrono::milliseconds(static_cast<std::int64_t>(1000 * seconds));
        reflected = reflect_on(claim.task, outcome, run_.model, config_, key, deadline, acting.lost);
        outcome.calls += reflected.calls;
        outcome.tokens += reflected.tokens;
      }
    }
    shared_.calls += outcome.calls;
    end(claim, planned.plan, outcome, reflected);
  }

  // Once for a task, and only where a retry may follow.
  bool to_be_reflected_on(const Lease& claim, const AttemptPlan& plan, const AttemptEnd& outcome) {
    return config_.reflection && outcome.end() == End::failed && plan.mode != Mode::reflected &&
           claim.failures + 1 < config_.max_failures && lessons_of(database_, claim.task.id) == 0;
  }

  void end(const Lease& claim, const AttemptPlan& plan, const AttemptEnd& outcome,
           const Reflected& reflected) {
    Transaction transaction(database_);
    const bool holds = queue_.holds(claim);
    std::optional<AttemptPlan> next;
    if (holds && reflected.lesson) {
      next = AttemptPlan{.approach = plan.approach, .mode = Mode::reflected};
      next->reflection = save_lesson(database_, claim, reflected);
    }
    queue_.finish(claim, outcome, config_.retries(), now_ms(), next);
    if (holds && outcome.verified != Verified::unknown) learn(claim, plan, outcome);
    transaction.commit();
    count(claim, plan, outcome, holds);
  }

  void count(const Lease& claim, const AttemptPlan& plan, const AttemptEnd& outcome, bool holds) {
    const std::lock_guard lock(shared_.mutex);
    const auto add = [&](const char* key, std::int64_t n) {
      shared_.counts[key] = shared_.counts[key].get<std::int64_t>() + n;
    };
    add("attempts", 1);
    const End end = holds ? outcome.end() : End::lost;
    if (end != End::released) add(end == End::fault ? "faults" : name_of(end), 1);
    add("calls", outcome.calls);
    add("tokens", outcome.tokens);
    run_.on_attempt({{"attempt", claim.attempt},
                     {"task", claim.task.id},
                     {"type", claim.task.type},
                     {"approach", plan.approach},
                     {"mode", name_of(plan.mode)},
                     {"end", name_of(end)},
                     {"cause", outcome.cause},
                     {"calls", outcome.calls}});
  }

  void learn(const Lease& claim, const AttemptPlan& plan, const AttemptEnd& outcome) {
    const bool passed = outcome.verified == Verified::passed;
    const std::string& type = claim.task.type;
    if (plan.mode == Mode::reflected)
      settle_lesson(database_, claim, plan.reflection, passed, config_, now_ms());
    if (!config_.learn) return;
    LearnerState state = load_learner(database_, config_.name, type);
    TraceStore traces(database_, config_.trace_limits);
    if (plan.mode == Mode::unguided) {
      learn_unguided(state, plan.approach, passed, config_.teacher_decay);
      if (passed) keep_own_trace(traces, claim, outcome);
    } else {
      learn_helped(state, plan.approach, passed, config_.teacher_decay);
    }
    if (plan.mode == Mode::guided) {
      const std::optional<Trace> trace = traces.find(plan.trace);
      ApproachState& approach = state.of(plan.approach);
      if (trace && approach.trace == plan.trace)
        learn_prefix(approach, passed, static_cast<int>(trace->steps.size()));
      traces.record_guided(plan.trace, passed, now_ms());
    }
    save_learner(database_, config_.name, type, state);
    change(database_, "update attempts set weights_after = ? where number = ?", dump(to_json(state)),
           claim.attempt);
  }

  // What worked without help may help where it does not.
  void keep_own_trace(TraceStore& traces, const Lease& claim, const AttemptEnd& outcome) const {
    if (!config_.traces) return;
    Trace trace{
        .type = claim.task.type, .source = "self", .tasks = {claim.task.id}, .attempt = claim.attempt};
    for (const Json& step : outcome.steps) {
      if (step.contains("tool"))
        trace.steps.push_back(shortened(step.at("reply").get<std::string>(), kMostStep));
    }
    if (trace.steps.size() >= kLeastSteps && trace.steps.size() <= kMostSteps)
      traces.add(std::move(trace), now_ms());
  }

  Shared& shared_;
  const AgentRun& run_;
  const AgentConfig& config_;
  const std::int64_t lease_ms_;
  Database database_;
  Queue queue_;
};

}  // namespace

Json run_agent(const AgentRun& run) {
  check(run.config);
  if (run.config.sandbox && !Sandbox::unavailable().empty()) throw Error("sandbox", Sandbox::unavailable());
  const auto start = Clock::now();
  Database database(run.store);
  open_schema(database);
  remove_left_scratch(scratch_root(run.config));
  Shared shared{.run = run};
  const auto work = [&] {
    try {
      Worker(shared).work();
    } catch (...) {
      const std::lock_guard lock(shared.mutex);
      if (!shared.failure) shared.failure = std::current_exception();
      shared.stop = true;
    }
  };
  {
    std::vector<std::jthread> threads;
    start_threads(threads, run.config.workers, work, [&] { shared.stop = true; });
  }
  if (shared.failure) std::rethrow_exception(shared.failure);
  stop_if_interrupted();
  Json result = shared.counts;
  for (const char* state : {"waiting", "dead", "succeeded"}) {
    Query query(database, "select count(*) from tasks where state = ?", state);
    query.next();
    result[state] = query.integer(0);
  }
  result["seconds"] = std::chrono::duration<double>(Clock::now() - start).count();
  return result;
}

}  // namespace pope
