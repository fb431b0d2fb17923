// See sft_data.h.
#include "learn/sft_data.h"

#include <algorithm>

#include "core/error.h"
#include "core/rng.h"
#include "data/prompt.h"

namespace pope {

SftExamples::SftExamples(const SftConfig& config, const std::vector<Problem>& problems,
                         const PromptRenderer& prompts, int end_token, std::int64_t context) {
  const std::int64_t longest = std::min<std::int64_t>(config.max_tokens, context);
  const bool needs_solution = config.target.find("{solution}") != std::string::npos;
  for (const Problem& problem : problems) {
    if (needs_solution && problem.solution.empty()) {
      ++without_solution_;
      continue;
    }
    const std::vector<int> prompt = make_prompt(prompts, problem, /*show_guidance=*/true).train;
    const WordingValues values{
        .problem = problem.statement, .solution = problem.solution, .answer = problem.answer};
    std::vector<int> target = prompts.tokenizer().encode_behind(prompt, fill_wording(config.target, values));
    if (end_token >= 0) target.push_back(end_token);
    if (target.empty()) {
      ++without_solution_;
      continue;
    }
    if (static_cast<std::int64_t>(prompt.size() + target.size()) > longest) {
      ++too_long_;
      continue;
    }
    spans_.push_back({pool_.size(), static_cast<int>(prompt.size()), static_cast<int>(target.size())});
    pool_.insert(pool_.end(), prompt.begin(), prompt.end());
    pool_.insert(pool_.end(), target.begin(), target.end());
  }
  if (spans_.empty()) {
    throw Error(
        "sft",
        "expected examples, got none: of " + std::to_string(problems.size()) + " problems " +
            std::to_string(without_solution_) + " have no solution and " + std::to_string(too_long_) +
            " are longer than " + std::to_string(longest) + " tokens",
        "give problems with the field \"solution\", or raise sft.max_tokens (the model's context allows " +
            std::to_string(context) + ")");
  }
}

std::size_t SftExamples::place(std::int64_t position, std::uint64_t seed) {
  const std::int64_t epoch = position / size();
  if (epoch != epoch_) {
    RngStream stream(seed, {key_of("sft"), static_cast<std::uint64_t>(epoch)});
    order_ = stream.permutation(spans_.size());
    epoch_ = epoch;
  }
  return order_[position % size()];
}

std::vector<Sequence> SftExamples::draw(std::int64_t begin, std::int64_t end, std::uint64_t seed) {
  std::vector<Sequence> sequences;
  for (std::int64_t position = begin; position < end; ++position) {
    const Span& span = spans_[place(position, seed)];
    const auto prompt = pool_.begin() + span.begin;
    const auto target = prompt + span.prompt;
    sequences.push_back({.prompt = {prompt, target},
                         .completion = {target, target + span.target},
                         .kind = LossKind::likelihood});
  }
  return sequences;
}

}  // namespace pope
