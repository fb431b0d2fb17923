// Results that are saved as they finish, so that a killed run loses only what was in flight.
// RUN/NAME.partial.jsonl holds one line per finished item; its rollouts go to RUN/rollouts/NAME.jsonl.zst,
// one compressed frame per item. A line is appended after its frame and says where that frame ends: what lies
// behind the last line's end was left by a kill, and is cut off when the run goes on.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/files.h"

namespace pope {

class PartialResults {
 public:
  PartialResults(const std::filesystem::path& run, const std::string& name);

  // The items that were finished before.
  const std::vector<Json>& done() const { return done_; }
  // Saves a finished item. `sampled_tokens` is this process's count so far.
  void add(Json item, const std::vector<Json>& records, std::int64_t sampled_tokens);
  // Over all starts, those that were killed included (up to what they saved).
  std::int64_t tokens() const { return tokens_; }
  double seconds() const;
  // Removes the partial file, if there is one: the complete result has been written.
  static void remove(const std::filesystem::path& run, const std::string& name);

 private:
  std::filesystem::path file_, rollouts_;
  std::vector<Json> done_;
  std::int64_t tokens_before_ = 0, tokens_ = 0;
  double seconds_before_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace pope
