// Privileged self-distillation (SDFT, arXiv:2601.19897; OPSD): the policy samples without guidance, and a
// teacher, the same model with the guidance in its prompt, says of each sampled token how likely it should
// have been. A term of the loss (objective.self_distillation), beside the reward or, with
// objective.policy_coef=0, alone.
#pragma once

#include <string>
#include <vector>

#include "learn/objective.h"
#include "model/model.h"
#include "model/token_kl.h"

namespace pope {

struct TrainJob;

// What a teacher reads in place of the prompt without guidance: the prompt with the guidance, or the
// solution, of the problem of train's file with this id. Empty: it has none, or one that leaves no room for a
// completion.
std::vector<int> teacher_prompt(const TrainJob& job, const std::string& problem_id);
// Whose weights the teacher has; null: there is none.
const Model* teacher_of(const TrainJob& job);
// Error: the teacher's weights are not there, no problem has a teacher prompt, or the wording makes what
// follows the guidance the answer: the teacher would be asked about another text than the policy wrote.
void check_self_distillation(const TrainJob& job);

// Fills taught, and teacher_kl or teacher_logprobs, of the tokens of a micro-batch. `rows` [M,W]: the
// policy's hidden states before its targets, with gradient.
void add_teacher(const ObjectiveConfig& config, const Model& policy, const at::Tensor& rows,
                 const Model& teacher, const MicroBatch& micro, double temperature, TokenBatch& tokens);

// How far the policy is from its teacher, per token [N] in nats: the KL or, of the sampled token, log π −
// log π_teacher, whose mean over the policy's own tokens is the KL. 0 where there is no teacher.
at::Tensor teacher_gap(const TokenBatch& tokens);

}  // namespace pope
