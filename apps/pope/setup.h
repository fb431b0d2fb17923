// What verbs build from the settings before they start: model, prompts, verifier, engine; and problem files.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/run_dir.h"
#include "data/problem_files.h"
#include "evaluate/evaluate.h"
#include "explore/sampling.h"
#include "model/load.h"
#include "model/model.h"
#include "pope/settings.h"
#include "pope/verb.h"
#include "rollout/engine.h"
#include "text/prompt.h"
#include "verify/verifier.h"

namespace pope {

class ProcessGroup;  // learn/process_group.h

// Everything that samples and grades. Frozen weights are loaded where the engine asks for them alone.
struct Setup {
  Setup(const Settings& settings, Weights weights);
  RolloutContext context(const Settings& settings) const;

  std::shared_ptr<const Verifier> verifier;
  std::shared_ptr<Model> model;  // null: the engine has weights elsewhere
  std::shared_ptr<const PromptRenderer> prompts;
  std::unique_ptr<Engine> engine;
  std::vector<int> stop_tokens;  // PromptRenderer::end_tokens: the first is what training writes
};

// The number format that run.dtype names.
at::ScalarType compute_type(const std::string& dtype);

// Error: several samples of a problem (the setting `key`) at sampling.temperature=0.
void check_samples(const SamplingConfig& sampling, std::string_view key, int samples);

// The model of paths.model, with run.threads, run.dtype and run.device. `tokenizer`: as in model/load.h.
LoadedModel load_model(const Settings& settings, Weights weights,
                       std::shared_ptr<const Tokenizer> tokenizer = nullptr);

// How problem files are read: guidance in them may name any wording of the settings.
ProblemsConfig problems_config(const Settings& settings);
// The problems of paths.problems.
std::vector<Problem> required_problems(const Settings& settings);
// The first mixture.easy_count of paths.easy; none where that is not given.
std::vector<Problem> easy_problems(const Settings& settings);
// Error: easy problems are given, and none would be drawn.
void check_easy_used(const Settings& settings);
// The sets of paths.eval_sets, NAME=FILE each. Error: a name given twice.
std::vector<EvalSet> named_sets(const std::vector<std::string>& entries, const ProblemsConfig& config);

// Opens --out as the verb's run directory, bound to the content of the model and the problem files that the
// settings name. Says on stderr with which other settings it goes on.
RunDir open_run(const Invocation& invocation, std::string_view verb);
// The same of several processes that do one command together: process 0 opens it, the others join. Error:
// they were given other settings or other inputs than process 0.
RunDir open_run(const Invocation& invocation, std::string_view verb, ProcessGroup& processes);
// The stored result of a complete run, which is not done again; says so on stderr. Nothing where the run is
// to be longer, or what it leaves as `left` ("model") is gone.
std::optional<Json> complete_result(const RunDir& run, const std::string& left = "");
// The head of every result: verb, label, seed, model.
Json result_head(const Settings& settings, std::string_view verb);
// The end of it, out and peak_memory_bytes; written to the run, which is complete then.
Json finish(RunDir& run, Json result);

}  // namespace pope
