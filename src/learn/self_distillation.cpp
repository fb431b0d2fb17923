// See self_distillation.h. The loss per token is TRL's (SDFTTrainer): over the vocabulary the reverse KL
// itself, of the sampled token its policy gradient, sg(log π − log π_teacher)·log π, whose advantage is
// log π_teacher − log π; both times sg(min(ρ, 2)), which is 1 on-policy.
#include "learn/self_distillation.h"

#include <c10/core/GradMode.h>

#include <algorithm>

#include "core/error.h"
#include "data/prompt.h"
#include "learn/policy_gradient.h"
#include "learn/token_losses.h"
#include "learn/trainer.h"

namespace pope {
namespace {

constexpr double kLargestRatio = 2;

// The problem as the teacher is shown it; nothing: it has no such guidance.
std::optional<Problem> shown(const TrainJob& job, Problem problem) {
  if (job.objective.self_distillation_shows == "solution") {
    if (problem.solution.empty()) return std::nullopt;
    if (!problem.guidance) problem.guidance.emplace();
    problem.guidance->text = problem.solution;
  }
  return problem.guidance ? std::optional(std::move(problem)) : std::nullopt;
}

at::Tensor self_distillation_losses(const TokenBatch& batch) {
  if (!batch.taught.defined()) return at::zeros_like(batch.logprobs);
  const at::Tensor weight = at::exp((batch.logprobs - batch.behaviour).detach()).clamp_max(kLargestRatio);
  const at::Tensor gap = teacher_gap(batch);
  return weight * (batch.teacher_kl.defined() ? gap : gap.detach() * batch.logprobs);
}

}  // namespace

const Regularizer self_distillation{&ObjectiveConfig::self_distillation, self_distillation_losses};

std::vector<int> teacher_prompt(const TrainJob& job, const std::string& problem_id) {
  const auto found = std::find_if(job.hard.begin(), job.hard.end(),
                                  [&](const Problem& problem) { return problem.id == problem_id; });
  if (found == job.hard.end()) return {};
  std::optional<Problem> problem = shown(job, *found);
  if (!problem) return {};
  Prompt prompt = make_prompt(*job.prompts, std::move(*problem), /*show_guidance=*/true);
  const auto room = static_cast<std::size_t>(job.model->architecture().context);
  if (prompt.sample.size() + static_cast<std::size_t>(job.sampling.max_new_tokens) > room) return {};
  return std::move(prompt.sample);
}

const Model* teacher_of(const TrainJob& job) {
  if (job.objective.self_distillation == 0) return nullptr;
  if (job.objective.self_distillation_teacher == "live") return job.model.get();
  return job.objective.self_distillation_teacher == "ema" ? job.ema.get() : job.reference.get();
}

void check_self_distillation(const TrainJob& job) {
  if (job.objective.self_distillation == 0) return;
  const Model* teacher = teacher_of(job);
  if (!teacher || teacher->architecture().vocab_size != job.model->architecture().vocab_size) {
    throw Error("train",
                "expected a model with the policy's vocabulary for objective.self_distillation_teacher=" +
                    job.objective.self_distillation_teacher);
  }
  bool found = false;
  for (const Problem& problem : job.hard) {
    const std::optional<Problem> guided = shown(job, problem);
    if (!guided) continue;
    const Prompt prompt = make_prompt(*job.prompts, *guided, /*show_guidance=*/true);
    if (prompt.problem.guidance->continues) {
      throw Error(
          "train",
          "expected a wording under which the whole answer is written for objective.self_distillation, "
          "got '" +
              prompt.problem.guidance->instruction + "' for problem " + problem.id +
              ", whose answers go on behind the guidance",
          "set prompt.instruction=default and prompt.guidance_in=user");
    }
    found = found || !teacher_prompt(job, problem.id).empty();
  }
  if (!found) {
    throw Error("train",
                "expected problems with a " + job.objective.self_distillation_shows +
                    " that fits into the context for objective.self_distillation, got none",
                "run pope guide on them, or set objective.self_distillation_shows=solution");
  }
}

void add_teacher(const ObjectiveConfig& config, const Model& policy, const at::Tensor& rows,
                 const Model& teacher, const MicroBatch& micro, double temperature, TokenBatch& tokens) {
  if (!micro.teacher) return;
  const at::Tensor& places = micro.taught_targets;
  tokens.taught = at::zeros_like(tokens.logprobs, at::kBool).index_fill(0, places, true);
  if (config.self_distillation_over == "token") {
    const c10::NoGradGuard no_grad;
    const at::Tensor logprobs = token_logprobs_of(teacher, *micro.teacher, temperature).logprobs;
    tokens.teacher_logprobs = tokens.logprobs.detach().index_copy(0, places, logprobs);
    return;
  }
  HeadInput other{{}, teacher.output_embedding()};
  {
    const c10::NoGradGuard no_grad;
    other.hidden = target_rows(teacher, *micro.teacher);
  }
  const at::Tensor kl =
      token_kl({rows.index_select(0, places), policy.output_embedding()}, other, temperature);
  tokens.teacher_kl = at::zeros_like(tokens.logprobs.detach()).index_copy(0, places, kl);
}

at::Tensor teacher_gap(const TokenBatch& tokens) {
  return tokens.teacher_kl.defined() ? tokens.teacher_kl : tokens.logprobs - tokens.teacher_logprobs;
}

}  // namespace pope
