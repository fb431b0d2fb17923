// The examples of supervised fine-tuning: tokenised once, kept in one pool of ids, drawn by seed and step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/problem.h"
#include "learn/batch.h"
#include "learn/config.h"
#include "text/prompt.h"

namespace pope {

class SftExamples {
 public:
  // Prompt: statement, and guidance where the problem has it. Target: config.target, then end_token (−1:
  // none). Examples longer than config.max_tokens or the model's `context` are dropped.
  SftExamples(const SftConfig& config, const std::vector<Problem>& problems, const PromptRenderer& prompts,
              int end_token, std::int64_t context);

  std::int64_t size() const { return static_cast<std::int64_t>(spans_.size()); }
  int without_solution() const { return without_solution_; }  // skipped
  int too_long() const { return too_long_; }                  // dropped

  // Examples begin … end − 1 of the endless stream in which each epoch is a fresh random order of all
  // examples.
  std::vector<Sequence> draw(std::int64_t begin, std::int64_t end, std::uint64_t seed);

 private:
  struct Span {
    std::size_t begin;
    int prompt, target;  // tokens
  };
  std::size_t place(std::int64_t position, std::uint64_t seed);

  std::vector<int> pool_;  // prompt and target of each example, one after the other
  std::vector<Span> spans_;
  int without_solution_ = 0, too_long_ = 0;
  std::int64_t epoch_ = -1;  // whose order is at hand
  std::vector<std::size_t> order_;
};

}  // namespace pope
