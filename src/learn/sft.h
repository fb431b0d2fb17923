// Supervised fine-tuning: negative log-likelihood of the solution given the prompt; the prompt (and guidance)
// masked.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/run_dir.h"
#include "data/problem.h"
#include "learn/config.h"
#include "model/model.h"
#include "text/prompt.h"

namespace pope {

struct SftJob {
  SftConfig config;
  OptimizerConfig optimizer;
  std::uint64_t seed = 1;
  std::vector<Problem> problems;  // those without solution are skipped and counted
  std::shared_ptr<Model> model;
  std::shared_ptr<const PromptRenderer> prompts;
  int end_token = -1;
};

Json sft(RunDir& run, const SftJob& job);

}  // namespace pope
