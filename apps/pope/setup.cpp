// From settings to objects. Sets libtorch's threads, which the asynchronous trainer divides.
#include "pope/setup.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <filesystem>
#include <set>
#include <thread>
#include <utility>

#include "core/error.h"
#include "core/memory.h"
#include "core/nearest.h"
#include "core/progress.h"
#include "learn/launch.h"
#include "learn/process_group.h"
#include "model/device.h"
#include "model/gguf.h"
#include "model/load.h"
#include "model/model_folder.h"
#include "pope/table.h"
#include "rollout/make_engine.h"

namespace pope {

at::ScalarType compute_type(const std::string& dtype) { return dtype == "bf16" ? at::kBFloat16 : at::kFloat; }

void check_samples(const SamplingConfig& sampling, std::string_view key, int samples) {
  if (sampling.temperature > 0 || samples == 1) return;
  refuse_setting(key, "1 with sampling.temperature=0", std::to_string(samples),
                 "at temperature 0 all samples of a problem are the same");
}

namespace {

void add_lora(const Settings& settings, Model& model) {
  const std::filesystem::path base = std::filesystem::absolute(find_model(settings.paths.model));
  if (is_adapter(base)) {
    throw Error("lora", settings.paths.model + " is an adapter, and lora.rank asks for another on top of it",
                "merge it first: pope export hf --model " + settings.paths.model + " --out MERGED");
  }
  model.add_lora(settings.lora, base, settings.run.seed);
  std::int64_t trained = 0;
  for (const Parameter& parameter : model.trainable()) trained += parameter.master.numel();
  log_line(fmt::format("note: LoRA trains {} values beside {} that are frozen", grouped(trained),
                       grouped(model.architecture().parameters())));
}

}  // namespace

LoadedModel load_model(const Settings& settings, Weights weights,
                       std::shared_ptr<const Tokenizer> tokenizer) {
  const at::Device device = open_device(settings.run.device);
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / processes_here());
  at::set_num_threads(settings.run.threads > 0 ? settings.run.threads : cores);
  const bool lora = weights == Weights::trainable && settings.lora.rank > 0;
  LoadedModel loaded = load_model(settings.paths.model, compute_type(settings.run.dtype),
                                  lora ? Weights::frozen : weights, device, std::move(tokenizer));
  if (lora) add_lora(settings, *loaded.model);
  return loaded;
}

Setup::Setup(const Settings& settings, Weights weights) {
  verifier = make_verifier(settings.verify);
  const ModelHead head = load_head(settings.paths.model);
  prompts = std::make_shared<const PromptRenderer>(settings.prompt, head.tokenizer);
  const auto loaded = [&] {
    if (!model) {
      model = load_model(settings, weights, head.tokenizer).model;
      model->activation_checkpointing = settings.run.activation_checkpointing;
    }
    return model;
  };
  stop_tokens = prompts->end_tokens(head.eos_tokens);
  if (stop_tokens.empty()) {
    throw Error("load model", settings.paths.model + ": no end-of-text token is known",
                "set \"eos_token_id\" in its generation_config.json");
  }
  if (weights == Weights::trainable) loaded();
  const std::int64_t context =
      model ? std::min<std::int64_t>(head.context, model->architecture().context) : head.context;
  engine = make_engine(settings.engine,
                       {head.tokenizer, context, loaded, weights == Weights::trainable ? model : nullptr});
}

RolloutContext Setup::context(const Settings& settings) const {
  return {*engine, *prompts, *verifier, settings.sampling, stop_tokens, settings.run.seed};
}

ProblemsConfig problems_config(const Settings& settings) {
  ProblemsConfig config = settings.problems;
  config.wordings = names_of(settings.prompt.all_wordings());
  return config;
}

std::vector<Problem> required_problems(const Settings& settings) {
  return read_problems(settings.paths.problems, problems_config(settings));
}

void check_easy_used(const Settings& settings) {
  if (settings.paths.easy.empty() || settings.mixture.easy > 0) return;
  throw Error("config", "paths.easy is given, but mixture.easy is 0: no easy problem would be drawn",
              "set mixture.easy, e.g. to 1, or leave out --easy");
}

std::vector<Problem> easy_problems(const Settings& settings) {
  if (settings.paths.easy.empty()) return {};
  std::vector<Problem> easy = read_problems(settings.paths.easy, problems_config(settings));
  const int count = settings.mixture.easy_count;
  if (std::cmp_greater(count, easy.size())) {
    throw Error("config",
                fmt::format("mixture.easy_count: expected at most the {} problems of {}, got {}", easy.size(),
                            settings.paths.easy, count),
                "0 takes all of them");
  }
  if (count > 0) easy.resize(static_cast<std::size_t>(count));
  return easy;
}

std::vector<EvalSet> named_sets(const std::vector<std::string>& entries, const ProblemsConfig& config) {
  std::vector<EvalSet> sets;
  std::set<std::string> names;
  for (const std::string& entry : entries) {
    const std::size_t equals = entry.find('=');
    const std::string name = entry.substr(0, equals);
    if (!names.insert(name).second)
      throw Error("config", "paths.eval_sets: the name '" + name + "' stands twice");
    sets.push_back({name, read_problems(entry.substr(equals + 1), config)});
  }
  return sets;
}

namespace {

// What a model's path stands for: a folder, a file, or all parts of a split GGUF; of an adapter also its
// base.
std::vector<std::filesystem::path> model_files(const std::filesystem::path& given) {
  const std::filesystem::path path = find_model(given);
  if (is_adapter(path)) {
    std::vector<std::filesystem::path> files = model_files(base_of_adapter(path));
    files.push_back(path);
    return files;
  }
  return path.extension() == ".gguf" ? gguf_parts(path) : std::vector{path};
}

// The inputs that the settings name.
std::vector<RunInput> inputs_of(const Options& options) {
  std::vector<RunInput> inputs;
  for (const Options::Option& option : options.all()) {
    if (option.on_resume() != Options::Option::OnResume::same_content) continue;
    const std::string& key = option.key();
    const bool is_model =
        key == "paths.model" || key == "paths.reference" || key == "evolve.reflection_model";
    if (const auto* path = std::get_if<std::string*>(&option.target());
        path != nullptr && !(*path)->empty()) {
      const auto files = is_model ? model_files(**path) : std::vector{std::filesystem::path(**path)};
      for (std::size_t i = 0; i < files.size(); ++i)
        inputs.push_back({i == 0 ? key : fmt::format("{}, part {}", key, i + 1), files[i]});
    }
    if (const auto* sets = std::get_if<std::vector<std::string>*>(&option.target())) {
      for (const std::string& entry : **sets) {
        const std::size_t equals = entry.find('=');
        inputs.push_back({key + "." + entry.substr(0, equals), entry.substr(equals + 1)});
      }
    }
  }
  return inputs;
}

// Where the learning rate depends on how many steps there are in all.
bool follows_steps(const OptimizerConfig& optimizer) {
  return optimizer.schedule != "constant" || (optimizer.warmup > 0 && optimizer.warmup < 1);
}

}  // namespace

RunDir open_run(const Invocation& invocation, std::string_view verb) {
  RunDir run = RunDir::open(invocation.out, verb, invocation.options, inputs_of(invocation.options));
  for (const std::string& change : run.changes()) log_line("note: " + change);
  if (run.grown() && follows_steps(invocation.settings.optimizer))
    log_line(
        "note: optimizer.schedule and optimizer.warmup follow the number of steps: from here on they are "
        "those "
        "of the longer run");
  return run;
}

RunDir open_run(const Invocation& invocation, std::string_view verb, ProcessGroup& processes) {
  if (processes.size() == 1) return open_run(invocation, verb);
  std::string own = invocation.options.to_yaml();
  for (const RunInput& input : inputs_of(invocation.options))
    own += fmt::format("{}: {}\n", input.key, fingerprint(input.path));
  std::optional<RunDir> run;
  if (processes.writes()) {
    run.emplace(open_run(invocation, verb));
  } else {
    be_silent();
  }
  const std::string first = processes.broadcast(own);
  if (first == own) return run ? std::move(*run) : RunDir::join(invocation.out);
  const auto at = std::mismatch(first.begin(), first.end(), own.begin(), own.end()).second - own.begin();
  const std::size_t begin = own.rfind('\n', static_cast<std::size_t>(at)) + 1;
  throw Error("processes",
              fmt::format("process {} was started with other settings or inputs than process 0, at '{}'",
                          processes.rank(), own.substr(begin, own.find('\n', begin) - begin)),
              "start all by the same command, on machines that see the same files");
}

std::optional<Json> complete_result(const RunDir& run, const std::string& left) {
  std::optional<Json> result = run.result();
  if (!result || run.grown()) return std::nullopt;
  const std::string path = run.path().string();
  if (!left.empty() && !std::filesystem::exists(run.path() / left)) {
    log_line(fmt::format("{} was complete, but {}/ is gone: it is made again", path, left));
    return std::nullopt;
  }
  log_line(path + " is complete; this is its result. Another --out runs it again.");
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
