// A graded rollout, and its reward: 1 where the verifier finds it correct, else 0. A truncated rollout is
// never correct, whatever stands in it: it did not come to its end.
#pragma once

#include <string>

#include "data/prompt.h"
#include "rollout/engine.h"
#include "verify/verifier.h"

namespace pope {

struct GradedRollout {
  Rollout rollout;
  std::string completion;  // decoded text
  Verdict verdict;         // `correct` false when truncated
  bool truncated() const { return rollout.finish == FinishReason::length; }
  // Whether the verifier could not judge it. A truncated one fails, whatever it says.
  bool ungraded() const { return verdict.ungraded && !truncated(); }
  double reward() const { return verdict.correct ? 1 : 0; }
};

// Decodes and verifies a rollout of `prompt`. Where the prompt opened a thinking block that the completion
// does not close, the verifier gets it with the opening "<think>", so that nothing in it is an answer.
GradedRollout grade(Rollout&& rollout, const Prompt& prompt, const Tokenizer& tokenizer,
                    const Verifier& verifier);

}  // namespace pope
