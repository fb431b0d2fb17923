// See planner.h.
#include "agent/planner.h"

#include <algorithm>
#include <utility>

#include "agent/lesson.h"

namespace pope {
namespace {

std::optional<AttemptPlan> guided_plan(Database& database, const AgentConfig& config, const Task& task,
                                       const std::string& approach, std::uint64_t seed, LearnerState& state,
                                       std::string& note) {
  TraceStore traces(database, config.trace_limits);
  ApproachState& of = state.of(approach);
  const auto own = [&](const Trace& trace) {
    return std::find(trace.tasks.begin(), trace.tasks.end(), task.id) != trace.tasks.end();
  };
  std::optional<Trace> trace = of.trace == 0 ? std::nullopt : traces.find(of.trace);
  const bool stands_in = trace && own(*trace);  // learned from this very task: another one, for this time
  if (!trace || stands_in) trace = traces.choose(task.type, task.id);
  if (!trace) {
    note = "no trace";
    return std::nullopt;
  }
  ApproachState with = of;
  if (with.trace != trace->id) {
    with.trace = trace->id;
    with.full_prefix =
        first_prefix(database, config.name, *trace,
                     RngStream(seed, {key_of("agent prefix"), key_of(config.name), key_of(task.type),
                                      key_of(approach), static_cast<std::uint64_t>(trace->id)}));
    with.guided_failures = 0;
    if (!stands_in) of = with;
  }
  const int length = config.shrink ? prefix_length(with) : with.full_prefix;
  if (length < 1) {
    note = "length 0";
    return std::nullopt;
  }
  return AttemptPlan{.approach = approach, .mode = Mode::guided, .trace = trace->id, .prefix_steps = length};
}

}  // namespace

int first_prefix(Database& database, const std::string& agent, const Trace& trace, RngStream random) {
  Query shortest(
      database,
      "select min(prefix_steps) from attempts where agent = ? and trace = ? and mode = 'guided' and end = "
      "'passed'",
      agent, trace.id);
  shortest.next();
  const int steps = static_cast<int>(trace.steps.size());
  if (!shortest.is_null(0)) return std::clamp(static_cast<int>(shortest.integer(0)), 1, steps / 2);
  return std::max(1, static_cast<int>(random.uniform() / 4 * steps));
}

Planned follow(Database& database, const AgentConfig& config, const Task& task, AttemptPlan plan) {
  Help help;
  if (plan.mode == Mode::guided) {
    const std::optional<Trace> trace = TraceStore(database, config.trace_limits).find(plan.trace);
    if (trace) {
      const auto shown =
          std::min<std::size_t>(static_cast<std::size_t>(plan.prefix_steps), trace->steps.size() / 2);
      help.prefix.assign(trace->steps.begin(), trace->steps.begin() + static_cast<std::ptrdiff_t>(shown));
    } else {
      plan = {.approach = plan.approach, .note = "the trace is gone"};
    }
  }
  if (plan.mode == Mode::reflected) help.reflection = lesson_text(load_lesson(database, plan.reflection));
  Planned planned{.plan = std::move(plan)};
  planned.message = first_message(task, planned.plan, help, config);
  planned.key = prompt_key(planned.message);
  return planned;
}

std::optional<Planned> plan_attempt(Database& database, const AgentConfig& config, const Task& task,
                                    const std::set<std::string>& tried, std::uint64_t seed,
                                    LearnerState& state) {
  for (const std::string& approach : vote(state, config.approaches, config.name, task.type, seed)) {
    std::string note;
    const ApproachState before = state.of(approach);
    if (config.traces && before.guided && before.guided_turn) {
      if (const auto plan = guided_plan(database, config, task, approach, seed, state, note)) {
        Planned planned = follow(database, config, task, *plan);
        if (!tried.contains(planned.key)) {
          state.of(approach).guided_turn = false;
          ++state.attempts;
          return planned;
        }
        note = "this prefix was tried";
      }
    }
    Planned planned = follow(database, config, task, {.approach = approach, .note = note});
    if (tried.contains(planned.key)) continue;
    state.of(approach).guided_turn = true;  // 1:1: after an unguided attempt a guided one
    ++state.attempts;
    return planned;
  }
  return std::nullopt;
}

}  // namespace pope
