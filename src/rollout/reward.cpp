// Grading: tokens → text → verdict.
#include "rollout/reward.h"

#include <span>
#include <utility>

#include "core/chars.h"

namespace pope {
namespace {

constexpr std::size_t kEnd = 16;  // tokens at the end of a prompt in which a thinking block may open

// Whether the prompt ends by opening a thinking block, as the chat templates of models that always reason do.
bool opens_thinking(const Prompt& prompt, const Tokenizer& tokenizer) {
  const std::span<const int> ids = prompt.sample;
  return trim(tokenizer.decode(ids.last(std::min(kEnd, ids.size())), false)).ends_with("<think>");
}

}  // namespace

GradedRollout grade(Rollout&& rollout, const Prompt& prompt, const Tokenizer& tokenizer,
                    const Verifier& verifier) {
  GradedRollout graded;
  graded.completion = tokenizer.decode(rollout.tokens);
  // A completion that does not get out of the block that its prompt opened is nothing but thought.
  const bool unfinished =
      graded.completion.find("</think>") == std::string::npos && opens_thinking(prompt, tokenizer);
  graded.verdict =
      verifier.verify(prompt.problem, unfinished ? "<think>" + graded.completion : graded.completion);
  graded.rollout = std::move(rollout);
  if (graded.truncated() && graded.verdict.correct) {
    graded.verdict.correct = false;
    graded.verdict.reason = "truncated after a correct answer";
  }
  return graded;
}

}  // namespace pope
