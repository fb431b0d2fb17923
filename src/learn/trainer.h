// The trainer: take a batch of graded groups with their advantages, one policy-gradient step; again.
// train.mode=sync: every batch is sampled with the weights that the step before left. train.mode=async:
// sampling goes on meanwhile, and the weights change under it (async_source.h).
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/run_dir.h"
#include "data/mixture.h"
#include "evaluate/evaluate.h"
#include "evolve/problem_adapter.h"
#include "learn/config.h"
#include "learn/process_group.h"
#include "model/model.h"
#include "rollout/engine.h"
#include "text/prompt.h"
#include "verify/verifier.h"

namespace pope {

struct TrainJob {
  TrainConfig config;
  AsyncConfig async;
  MixtureConfig mixture;
  ObjectiveConfig objective;
  OptimizerConfig optimizer;
  SamplingConfig sampling;
  RetireConfig retire;
  VoteConfig vote;          // objective.reward=majority
  AdaptiveConfig adaptive;  // train.guidance=adaptive
  SearchConfig search;      // train.guidance=search
  P2oConfig p2o;
  EvolveConfig evolve;                                // train.guidance=evolved: …
  std::shared_ptr<const ReflectionModel> reflection;  // … who rewrites templates
  std::uint64_t seed = 1;
  std::vector<Problem> hard, easy;  // hard problems carry their guidance
  std::vector<EvalSet> eval_sets;   // on which solvability is followed
  std::shared_ptr<Model> model;
  // For objective.kl_coef and a frozen teacher: of the same vocabulary.
  std::shared_ptr<const Model> reference;
  std::shared_ptr<Model> ema;  // needs_ema(): a copy of the model, which follows it
  Engine* momentum = nullptr;  // vote.momentum_rollouts: samples from `ema`
  std::shared_ptr<const PromptRenderer> prompts;
  std::shared_ptr<const Verifier> verifier;
  Engine* engine = nullptr;
  int publish_every = 1;  // EngineConfig's
  std::vector<int> stop_tokens;
  // Of all its sampling.
  std::shared_ptr<TruncationWatch> truncation = std::make_shared<TruncationWatch>();
  std::shared_ptr<GraderWatch> graders = std::make_shared<GraderWatch>();
  ProcessGroup* processes = &single_process();
};

// Trains in `run` (resuming from its newest checkpoint), writes metrics, rollouts, checkpoints and RUN/model
// (a Hugging Face directory). Returns the result: final metrics, rollouts and tokens used, steps
// without signal, seconds per stage.
// A loss, gradient or weight that is not finite: Error; the last good checkpoint stays.
Json train(RunDir& run, const TrainJob& job);

}  // namespace pope
