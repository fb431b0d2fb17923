// Kept by sample number, so that the order of arrival does not matter.
#include "explore/kept_records.h"

#include <algorithm>

#include "rollout/record.h"

namespace pope {

void KeptRecords::add(const Sampled& sampled, const std::string& set) {
  for (const GradedRollout& graded : sampled.rollouts) {
    std::vector<Kept>& kept = graded.verdict.correct ? correct_ : failed_;
    const int sample = graded.rollout.sample;
    const auto place =
        std::find_if(kept.begin(), kept.end(), [&](const Kept& k) { return k.sample > sample; });
    if (place - kept.begin() >= limit_) continue;
    kept.insert(place, Kept{sample, record(graded, *sampled.prompt, set)});
    if (static_cast<int>(kept.size()) > limit_) kept.pop_back();
  }
}

std::vector<Json> KeptRecords::take(int end) {
  for (std::vector<Kept>* kept : {&correct_, &failed_}) {
    std::erase_if(*kept, [&](const Kept& k) { return k.sample >= end; });
  }
  const int failed = static_cast<int>(failed_.size()), correct = static_cast<int>(correct_.size());
  const int correct_taken = std::min(correct, std::max((limit_ + 1) / 2, limit_ - failed));
  std::vector<Json> records;
  for (int i = 0; i < correct_taken; ++i) records.push_back(std::move(correct_[i].record));
  for (int i = 0; i < std::min(failed, limit_ - correct_taken); ++i)
    records.push_back(std::move(failed_[i].record));
  return records;
}

}  // namespace pope
