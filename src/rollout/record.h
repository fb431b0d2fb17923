// The record of one graded rollout, as run directories keep it and the report shows it (docs/formats.md).
#pragma once

#include <string>

#include "core/files.h"
#include "data/problem.h"
#include "rollout/engine.h"
#include "text/tokenizer.h"
#include "verify/verifier.h"

namespace pope {

struct GradedRollout {
  Rollout rollout;
  std::string completion;  // decoded text
  Verdict verdict;
  double reward() const { return verdict.correct ? 1.0 : 0.0; }
};

// Decodes and verifies; where the prompt opened a thinking block that the completion does not close, the
// verifier gets it with the opening "<think>", so that nothing in it is an answer. A truncated rollout is
// graded like any other; the caller decides what truncation means.
GradedRollout grade(Rollout&& rollout, const Problem& problem, const Tokenizer& tokenizer,
                    const Verifier& verifier);

// {"problem_id", "set", "guided", "sample", "problem", "guidance", "answer", "completion", "tokens",
// "finish",
//  "correct", "extracted", "reason", "policy_version", "policy_version_last"}
Json record(const GradedRollout& graded, const Problem& problem, const std::string& set, bool guided);

}  // namespace pope
