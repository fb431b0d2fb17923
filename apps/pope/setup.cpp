// From settings to objects. Sets libtorch's threads, which the streaming trainer divides.
#include "pope/setup.h"

#include <ATen/Parallel.h>

#include <filesystem>
#include <set>
#include <thread>

#include "core/error.h"
#include "core/memory.h"
#include "core/progress.h"
#include "model/device.h"
#include "model/graphs.h"
#include "model/load.h"
#include "rollout/native_engine.h"

namespace pope {
namespace {

void check(const Settings& settings) {
  if (settings.run.threads < 0) {
    throw Error("config", "run.threads: expected at least 0, got " + std::to_string(settings.run.threads));
  }
  if (settings.paths.model.empty()) {
    throw Error("config", "no model given",
                "give --model with a Hugging Face model directory or a .gguf file");
  }
}

}  // namespace

at::ScalarType compute_type(const std::string& dtype) {
  if (dtype == "fp32") return at::kFloat;
  if (dtype == "bf16") return at::kBFloat16;
  throw Error("config", "run.dtype: expected fp32 or bf16, got '" + dtype + "'");
}

Setup::Setup(const Settings& settings, Weights weights) {
  check(settings);
  const at::Device device = open_device(settings.run.device);
  const at::ScalarType compute = compute_type(settings.run.dtype);
  verifier = make_verifier(settings.verify);
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  at::set_num_threads(settings.run.threads > 0 ? settings.run.threads : cores);
  LoadedModel loaded = load_model(settings.paths.model, compute, weights, device);
  model = loaded.model;
  model->activation_checkpointing = settings.run.activation_checkpointing;
  prompts = std::make_shared<const PromptRenderer>(settings.prompt, loaded.tokenizer);
  engine = std::make_unique<NativeEngine>(model, make_graph_recorder(device));
  stop_tokens = prompts->end_tokens(model->architecture().eos_tokens);
  if (stop_tokens.empty()) {
    throw Error("load model", settings.paths.model + ": no end-of-text token is known",
                "set \"eos_token_id\" in its config.json");
  }
}

Explorer Setup::explorer(const Settings& settings) const {
  return {*engine,
          *prompts,
          *verifier,
          settings.sampling,
          stop_tokens,
          settings.run.seed,
          settings.prompt.instruction};
}

std::vector<Problem> required_problems(const Settings& settings) {
  if (settings.paths.problems.empty())
    throw Error("config", "no problems given", "give --problems FILE.jsonl");
  return read_problems(settings.paths.problems);
}

std::vector<NamedSet> named_sets(const std::vector<std::string>& entries) {
  std::vector<NamedSet> sets;
  std::set<std::string> names;
  for (const std::string& entry : entries) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == entry.size()) {
      throw Error("config", "paths.eval_sets: expected NAME=FILE, got '" + entry + "'");
    }
    const std::string name = entry.substr(0, equals);
    if (!names.insert(name).second)
      throw Error("config", "paths.eval_sets: the name '" + name + "' stands twice");
    sets.push_back({name, read_problems(entry.substr(equals + 1))});
  }
  return sets;
}

RunDir open_run(const Invocation& invocation, std::string_view verb) {
  const PathsConfig& paths = invocation.settings.paths;
  std::vector<std::filesystem::path> inputs;
  for (const std::string& path : {paths.model, paths.problems, paths.easy, paths.reference}) {
    if (!path.empty()) inputs.emplace_back(path);
  }
  for (const std::string& entry : paths.eval_sets) inputs.emplace_back(entry.substr(entry.find('=') + 1));
  // What is missing is reported by who reads it.
  std::erase_if(inputs, [](const std::filesystem::path& input) { return !std::filesystem::exists(input); });
  return RunDir::open(invocation.out, verb, invocation.options, inputs);
}

std::optional<Json> complete_result(const RunDir& run) {
  std::optional<Json> result = run.result();
  if (result)
    log_line(run.path().string() + " is complete; this is its result. Another --out runs it again.");
  return result;
}

Json result_head(const Settings& settings, std::string_view verb) {
  return {{"verb", verb},
          {"label", settings.run.label.empty() ? std::string(verb) : settings.run.label},
          {"seed", settings.run.seed},
          {"model", settings.paths.model}};
}

Json finish(RunDir& run, Json result) {
  result["out"] = run.path().string();
  result["peak_memory_bytes"] = peak_memory_bytes();
  run.write_result(result);
  return result;
}

}  // namespace pope
