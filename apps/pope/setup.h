// What verbs build from the settings before they start: model, prompts, verifier, engine; and problem files.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/run_dir.h"
#include "data/problem.h"
#include "explore/sampling.h"
#include "model/model.h"
#include "pope/settings.h"
#include "pope/verb.h"
#include "rollout/engine.h"
#include "text/prompt.h"
#include "verify/verifier.h"

namespace pope {

// Everything that samples and grades. Cheap settings are checked before the model is loaded.
struct Setup {
  Setup(const Settings& settings, Weights weights);
  Explorer explorer(const Settings& settings) const;

  std::shared_ptr<const Verifier> verifier;
  std::shared_ptr<Model> model;
  std::shared_ptr<const PromptRenderer> prompts;
  std::unique_ptr<Engine> engine;
  std::vector<int> stop_tokens;  // PromptRenderer::end_tokens: the first is what training writes
};

// The number format that run.dtype names. Error: neither fp32 nor bf16.
at::ScalarType compute_type(const std::string& dtype);

// A problem set to evaluate on.
struct NamedSet {
  std::string name;
  std::vector<Problem> problems;
};

// The problems of paths.problems. Error: none given.
std::vector<Problem> required_problems(const Settings& settings);
// The sets of paths.eval_sets. Errors: an entry that is not NAME=FILE, a name given twice.
std::vector<NamedSet> named_sets(const std::vector<std::string>& entries);

// Opens --out as the verb's run directory, bound to the content of the model and the problem files that the
// settings name.
RunDir open_run(const Invocation& invocation, std::string_view verb);
// The stored result of a complete run, which is not done again; says so on stderr.
std::optional<Json> complete_result(const RunDir& run);
// The head of every result: verb, label, seed, model.
Json result_head(const Settings& settings, std::string_view verb);
// The end of it, out and peak_memory_bytes; written to the run, which is complete then.
Json finish(RunDir& run, Json result);

}  // namespace pope
