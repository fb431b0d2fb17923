// See learner.h.
#include "agent/learner.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/rng.h"

namespace pope {
namespace {

void move_weight(ApproachState& approach, int half_ticks, double decay) {
  approach.half_ticks = std::clamp(approach.half_ticks + half_ticks, kFloor, kCap);
  approach.teacher = decay * approach.teacher + (1 - decay) * approach.weight();
}

// Guided mode ends on an unguided success alone: what succeeded with help is no competence, though it moved
// the weight.
bool leaves(const ApproachState& approach) {
  const int successes = std::accumulate(approach.recent.begin(), approach.recent.end(), 0);
  const bool often = std::ssize(approach.recent) == kRecent && 2 * successes >= kRecent;
  return approach.half_ticks >= kUnguidedFrom || often;
}

}  // namespace

Json to_json(const LearnerState& state) {
  Json approaches = Json::object();
  for (const auto& [name, one] : state.approaches) {
    approaches[name] = {{"half_ticks", one.half_ticks},
                        {"teacher", one.teacher},
                        {"unguided_success", one.unguided_success},
                        {"recent", one.recent},
                        {"guided", one.guided},
                        {"guided_turn", one.guided_turn},
                        {"trace", one.trace},
                        {"full_prefix", one.full_prefix},
                        {"guided_failures", one.guided_failures}};
  }
  return {{"approaches", std::move(approaches)},
          {"failures_in_a_row", state.failures_in_a_row},
          {"attempts", state.attempts},
          {"ended", state.ended}};
}

LearnerState learner_from_json(const Json& json) {
  LearnerState state;
  for (const auto& [name, one] : json.at("approaches").items()) {
    ApproachState& approach = state.approaches[name];
    one.at("half_ticks").get_to(approach.half_ticks);
    one.at("teacher").get_to(approach.teacher);
    one.at("unguided_success").get_to(approach.unguided_success);
    one.at("recent").get_to(approach.recent);
    one.at("guided").get_to(approach.guided);
    one.at("guided_turn").get_to(approach.guided_turn);
    one.at("trace").get_to(approach.trace);
    one.at("full_prefix").get_to(approach.full_prefix);
    one.at("guided_failures").get_to(approach.guided_failures);
  }
  json.at("failures_in_a_row").get_to(state.failures_in_a_row);
  json.at("attempts").get_to(state.attempts);
  json.at("ended").get_to(state.ended);
  return state;
}

std::vector<std::string> vote(const LearnerState& state, const std::vector<std::string>& names,
                              const std::string& agent, const std::string& type, std::uint64_t seed) {
  RngStream random(
      seed, {key_of("agent vote"), key_of(agent), key_of(type), static_cast<std::uint64_t>(state.attempts)});
  std::vector<std::string> order;
  for (const std::size_t i : random.permutation(names.size())) order.push_back(names[i]);
  const auto votes = [&](const std::string& name) {
    const auto found = state.approaches.find(name);
    return found == state.approaches.end() ? ApproachState().vote() : found->second.vote();
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](const std::string& a, const std::string& b) { return votes(a) > votes(b); });
  return order;
}

void learn_unguided(LearnerState& state, const std::string& name, bool passed, double decay) {
  ApproachState& approach = state.of(name);
  ++state.ended;
  move_weight(approach, passed ? 2 : -2, decay);
  approach.unguided_success =
      (1 - kUnguidedEma) * approach.unguided_success + kUnguidedEma * (passed ? 1 : 0);
  approach.recent.push_back(passed ? 1 : 0);
  if (std::ssize(approach.recent) > kRecent) approach.recent.erase(approach.recent.begin());
  state.failures_in_a_row = passed ? 0 : state.failures_in_a_row + 1;
  if (approach.guided) {
    if (passed && leaves(approach)) approach.guided = false;
  } else if (!passed && (approach.half_ticks < kGuidedBelow || state.failures_in_a_row >= kFailuresInARow)) {
    approach.guided = true;
    approach.guided_turn = true;
    approach.trace = 0;
    approach.full_prefix = approach.guided_failures = 0;
  }
}

void learn_helped(LearnerState& state, const std::string& name, bool passed, double decay) {
  ++state.ended;
  if (passed) move_weight(state.of(name), 1, decay);
}

int prefix_length(const ApproachState& state) {
  constexpr double kNone = 0.01;
  const double success = state.unguided_success < kNone ? 0 : state.unguided_success;
  return static_cast<int>(std::floor(state.full_prefix * std::max(0.0, 1 - success / 0.5)));
}

std::vector<int> prefix_grid(int steps) {
  std::vector<int> grid;
  if (steps < 2) return grid;
  for (const int eighths : {1, 2, 3, 4}) {
    const int length = std::max(1, steps * eighths / 8);
    if (grid.empty() || length > grid.back()) grid.push_back(length);
  }
  return grid;
}

void learn_prefix(ApproachState& state, bool passed, int trace_steps) {
  state.guided_failures = passed ? 0 : state.guided_failures + 1;
  if (state.guided_failures < 2) return;
  state.guided_failures = 0;
  for (const int length : prefix_grid(trace_steps)) {
    if (length > state.full_prefix) {
      state.full_prefix = length;
      return;
    }
  }
}

}  // namespace pope
