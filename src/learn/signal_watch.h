// Says early in a run that nothing is learned from: that no group has had both correct and wrong rollouts.
// Stops it where that is wanted (train.stop_without_signal).
#pragma once

#include <cstdint>
#include <string>

#include "core/files.h"

namespace pope {

// Whether no group of the step has signal; `row` is its row of metrics.
bool without_signal(const Json& row);

class SignalWatch {
 public:
  // stop_after: steps in a row without signal; 0: never. by_majority: rewards are those of
  // objective.reward=majority.
  explicit SignalWatch(int stop_after, bool by_majority = false)
      : stop_after_(stop_after), by_majority_(by_majority) {}

  // Counts the row of a step that was done before, in an earlier start of the run.
  void count(const Json& row);
  // Counts the row of the next step. The line to show, once: when the first ten steps had no signal. "" at
  // any other time. Error: so many steps in a row had none as the run is to stop after.
  std::string add(const Json& row);

 private:
  std::string what_was_seen() const;
  std::string advice() const;

  int stop_after_;
  bool by_majority_;
  std::int64_t steps_ = 0;
  // Of the steps since the last one with signal.
  std::int64_t quiet_ = 0, groups_ = 0, all_fail_ = 0, all_pass_ = 0;
  double truncated_ = 0, ungraded_ = 0;  // sums over steps of a step's fraction of rollouts
};

}  // namespace pope
