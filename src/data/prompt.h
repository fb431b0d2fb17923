// A prompt: a problem as it is put to the model. One value, made in one place; whoever samples, grades,
// trains or keeps records takes what it needs from it.
#pragma once

#include <vector>

#include "data/problem.h"
#include "text/prompt.h"

namespace pope {

struct Prompt {
  // As the prompt shows it: with guidance only where that is shown, and then with its wording named. This is
  // all that a verifier may look at, and what records keep.
  Problem problem;
  std::vector<int> sample;  // token ids that rollouts are sampled under
  std::vector<int> train;   // token ids that they are trained under: the same, unless a method says otherwise
  std::vector<int> teacher;  // token ids that a teacher reads them under (self_distillation.h); empty: none
  bool guided() const { return problem.guidance.has_value(); }
};

// `show_guidance` false: the problem without its guidance. Guidance that names no wording gets the
// renderer's. Error: it names an unknown one.
Prompt make_prompt(const PromptRenderer& renderer, Problem problem, bool show_guidance);

}  // namespace pope
