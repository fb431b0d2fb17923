// What goes around the sampling loop (grading.cpp): keys, prompts that fit, records kept.
#include "explore/sampling.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/progress.h"
#include "core/rng.h"
#include "rollout/record.h"

namespace pope {

std::uint64_t rng_key_of(std::string_view purpose, std::string_view problem_id, std::uint64_t variant) {
  return RngStream(key_of(purpose), {key_of(problem_id), variant}).next();
}

std::shared_ptr<const Prompt> prompt_for(const RolloutContext& context, const Problem& problem,
                                         bool show_guidance) {
  return std::make_shared<const Prompt>(make_prompt(context.prompts, problem, show_guidance));
}

bool fits(const Prompt& prompt, const RolloutContext& context) {
  const auto needed = static_cast<std::int64_t>(prompt.sample.size()) + context.sampling.max_new_tokens;
  return needed <= context.engine.context();
}

std::vector<Problem> within_context(std::vector<Problem> problems, const RolloutContext& context,
                                    int* too_long) {
  const auto good = [&](const Problem& problem) {
    return fits(make_prompt(context.prompts, problem, false), context) &&
           (!problem.guidance || fits(make_prompt(context.prompts, problem, true), context));
  };
  const auto kept = std::stable_partition(problems.begin(), problems.end(), good);
  const auto dropped = static_cast<int>(problems.end() - kept);
  if (too_long) *too_long = dropped;
  if (dropped > 0) {
    log_line(fmt::format(
        "left out: {} of {} problems, whose prompt + sampling.max_new_tokens is above the context of {} "
        "tokens (the first: '{}')",
        dropped, problems.size(), context.engine.context(), kept->id));
    problems.erase(kept, problems.end());
  }
  if (problems.empty() && dropped > 0) {
    throw Error("sample", "no problem fits into the model's context", "lower sampling.max_new_tokens");
  }
  return problems;
}

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
