// See sampling.h.
#include "explore/sampling.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/progress.h"
#include "core/rng.h"

namespace pope {

std::uint64_t stream_of(std::string_view purpose, std::string_view problem_id, std::uint64_t variant) {
  return RngStream(key_of(purpose), {key_of(problem_id), variant}).next();
}

std::vector<int> prompt_of(const Problem& problem, const Explorer& explorer) {
  if (!problem.guidance) return explorer.prompts.render(problem.statement);
  return explorer.prompts.render(problem.statement, problem.guidance->text, problem.guidance->instruction);
}

bool fits(const Problem& posed, const Explorer& explorer) {
  const auto needed =
      static_cast<std::int64_t>(prompt_of(posed, explorer).size()) + explorer.sampling.max_new_tokens;
  return needed <= explorer.engine.context();
}

std::vector<Problem> fitting(std::vector<Problem> problems, const Explorer& explorer, int* too_long) {
  const auto too_long_for = [&](const Problem& problem) {
    return !fits(as_prompted(problem, false), explorer) ||
           (problem.guidance && !fits(as_prompted(problem, true, explorer.instruction), explorer));
  };
  const auto kept = std::stable_partition(problems.begin(), problems.end(),
                                          [&](const Problem& problem) { return !too_long_for(problem); });
  const auto dropped = static_cast<int>(problems.end() - kept);
  if (too_long) *too_long = dropped;
  if (dropped > 0) {
    log_line(fmt::format(
        "left out: {} of {} problems, whose prompt + sampling.max_new_tokens is above the context of {} "
        "tokens (the first: '{}')",
        dropped, problems.size(), explorer.engine.context(), kept->id));
    problems.erase(kept, problems.end());
  }
  if (problems.empty() && dropped > 0) {
    throw Error("sample", "no problem fits into the model's context", "lower sampling.max_new_tokens");
  }
  return problems;
}

GradedRollout grade_finished(Rollout&& rollout, const Problem& problem, const Explorer& explorer) {
  GradedRollout graded = grade(std::move(rollout), problem, explorer.prompts.tokenizer(), explorer.verifier);
  if (graded.rollout.finish == FinishReason::length && graded.verdict.correct) {
    graded.verdict.correct = false;
    graded.verdict.reason = "truncated after a correct answer";
  }
  return graded;
}

void KeptRecords::add(const GradedRollout& graded, const Problem& problem, const std::string& set,
                      bool guided) {
  std::vector<Kept>& kept = graded.verdict.correct ? correct_ : failed_;
  const int sample = graded.rollout.sample;
  const auto place = std::find_if(kept.begin(), kept.end(), [&](const Kept& k) { return k.sample > sample; });
  if (place - kept.begin() >= limit_) return;
  kept.insert(place, Kept{sample, record(graded, problem, set, guided)});
  if (static_cast<int>(kept.size()) > limit_) kept.pop_back();
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
