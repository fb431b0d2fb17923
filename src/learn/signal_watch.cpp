// See signal_watch.h.
#include "learn/signal_watch.h"

#include <fmt/format.h>

#include "core/error.h"

namespace pope {
namespace {

// The mean over the prompt sets of a step of "PREFIX/SET".
double mean_over_sets(const Json& row, std::string_view prefix) {
  double sum = 0;
  int sets = 0;
  for (const auto& [key, value] : row.items()) {
    if (!key.starts_with(prefix)) continue;
    sum += value.get<double>();
    ++sets;
  }
  return sets > 0 ? sum / sets : 0;
}

}  // namespace

bool without_signal(const Json& row) {
  return row.contains("groups/total") && row.value("groups/no_signal", Json()) == row["groups/total"] &&
         !row.contains("self_distillation/taught");
}

void SignalWatch::count(const Json& row) {
  ++steps_;
  if (!without_signal(row)) {
    quiet_ = groups_ = all_fail_ = all_pass_ = 0;
    truncated_ = ungraded_ = 0;
    return;
  }
  ++quiet_;
  groups_ += row.at("groups/total").get<std::int64_t>();
  all_fail_ += row.at("groups/all_fail").get<std::int64_t>();
  all_pass_ += row.at("groups/all_pass").get<std::int64_t>();
  truncated_ += mean_over_sets(row, "truncated/");
  ungraded_ += mean_over_sets(row, "ungraded/");
}

std::string SignalWatch::add(const Json& row) {
  constexpr int kFirst = 10;
  count(row);
  if (stop_after_ > 0 && quiet_ >= stop_after_) {
    throw Error("train", fmt::format("the last {} steps had no signal: {}", quiet_, what_was_seen()),
                advice() + "; train.stop_without_signal=0 goes on");
  }
  if (steps_ != kFirst || quiet_ != steps_) return "";
  return fmt::format(
      "warning: the first {} steps had no signal: {}. {} (train.stop_without_signal={} stops such a run)",
      kFirst, what_was_seen(), advice(), kFirst);
}

std::string SignalWatch::what_was_seen() const {
  std::string text =
      by_majority_ ? "no group had rollouts that agree with its majority beside others that do not"
                   : fmt::format("no group had both correct and wrong rollouts; in {} of {} all were wrong",
                                 all_fail_, groups_);
  if (all_pass_ > 0 && !by_majority_) text += fmt::format(", in {} all correct", all_pass_);
  const auto steps = static_cast<double>(quiet_);
  if (truncated_ > 0)
    text += fmt::format("; on average over the prompt sets {:.0f} % of the rollouts were cut off",
                        100 * truncated_ / steps);
  if (ungraded_ > 0) text += fmt::format("; {:.0f} % could not be judged", 100 * ungraded_ / steps);
  return text;
}

std::string SignalWatch::advice() const {
  const auto steps = static_cast<double>(quiet_);
  if (2 * all_pass_ > groups_ && !by_majority_) return "Give harder problems: pope mine finds them";
  if (2 * ungraded_ > steps) return "Mend the verifier: rollouts/ has its reasons";
  if (2 * truncated_ > steps) return "Raise sampling.max_new_tokens";
  if (by_majority_)
    return "Give problems on which answers agree in part: easier ones where no two do, harder ones where all "
           "do";
  return "Give guidance under which the model succeeds (pope guide), easier problems beside these "
         "(--easy with mixture.easy), or more train.rollouts_per_prompt";
}

}  // namespace pope
