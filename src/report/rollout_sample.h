// The rollouts that the page embeds: at most a given number, spread evenly over method, set, prompt and
// verdict; and, where a page follows runs, the newest.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "report/run_data.h"

namespace pope {

class RolloutSample {
 public:
  explicit RolloutSample(int limit, int newest = 0) : limit_(limit), most_newest_(newest) {}
  // Streams the rollout files of a run; notes damaged files in run.notes. Memory stays within the limit.
  void add(RunData& run);
  // {id, run, method, verb, set, guided, verdict, problem_id, problem, guidance, answer, completion, tokens,
  //  extracted, reason, step}; one of each method, set, prompt and verdict in turn, methods in the order
  //  given.
  // id: a hash of the rollout itself and the name of its run's folder, so that it stays the same wherever the
  // run lies and whatever else is on the page. Where newest were asked for, "written": [when its file was
  // last written, its number in it]; the larger the newer.
  Json take(const std::vector<std::string>& methods) const;

 private:
  using Place = std::pair<std::uint64_t, std::string>;  // hash, and where it lies
  void offer(const RunData& run, Json&& record, Place place);
  int limit_;
  int most_newest_;
  int kept_ = 0;
  std::map<std::pair<std::int64_t, std::string>, Json> newest_;  // by time, and where it lies
  // Per stratum the rows with the smallest hashes: a random choice that depends on the rows alone.
  std::map<std::string, std::map<Place, Json>> strata_;
};

}  // namespace pope
