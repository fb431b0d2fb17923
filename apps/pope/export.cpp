// pope export: a model in the form that other programs load, or prompt sets, reward and config for another
// trainer.
#include "export/export.h"

#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <utility>

#include "core/error.h"
#include "core/memory.h"
#include "core/nearest.h"
#include "model/load.h"
#include "pope/setup.h"
#include "pope/table.h"
#include "pope/verb.h"

namespace pope {
namespace {

constexpr auto kModelFormat = "hf";

std::vector<std::string> format_names() {
  std::vector<std::string> names = {kModelFormat};
  for (const auto& [name, format] : export_formats()) names.push_back(name);
  return names;
}

// Killed after its last write, an export finds its own work when it is started again.
void write_out(const std::filesystem::path& out,
               const std::function<void(const std::filesystem::path&)>& write) {
  if (!write_new_folder(out, write)) {
    throw Error("export", out.string() + " exists, with other content",
                "choose another --out, or remove it first");
  }
}

Json export_model(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  const bool there = std::filesystem::exists(invocation.out);
  if (there && !std::filesystem::exists(invocation.out / "config.json")) {
    throw Error("export", invocation.out.string() + " exists", "choose another --out, or remove it first");
  }
  const at::ScalarType type = compute_type(settings.run.dtype);
  const LoadedModel loaded = load_model(settings.paths.model, type, Weights::frozen);
  write_out(invocation.out, [&](const std::filesystem::path& folder) {
    save_model(folder, *loaded.model, *loaded.tokenizer, type == at::kBFloat16);
  });
  return {{"verb", "export"},
          {"format", kModelFormat},
          {"model", settings.paths.model},
          {"parameters", loaded.model->architecture().parameters()},
          {"dtype", settings.run.dtype},
          {"out", invocation.out.string()},
          {"peak_memory_bytes", peak_memory_bytes()}};
}

ExportJob job_of(const Settings& settings) {
  ExportJob job{.config = settings.exporting,
                .prompt = settings.prompt,
                .verify = settings.verify,
                .sampling = settings.sampling,
                .mixture = settings.mixture,
                .objective = settings.objective,
                .optimizer = settings.optimizer,
                .train = settings.train,
                .lora = settings.lora,
                .retire = settings.retire,
                .model = settings.paths.model,
                .label = settings.run.label,
                .bf16 = settings.run.dtype == "bf16",
                .activation_checkpointing = settings.run.activation_checkpointing,
                .seed = settings.run.seed};
  job.hard = required_problems(settings);
  job.easy = easy_problems(settings);
  for (EvalSet& set : named_sets(settings.paths.eval_sets, problems_config(settings)))
    job.eval_sets.push_back({std::move(set.name), std::move(set.problems)});
  return job;
}

Json export_sets(const Invocation& invocation, const std::string& format) {
  const ExportJob job = job_of(invocation.settings);
  const ExportFiles files = make_export(format, job);
  write_out(invocation.out, [&](const std::filesystem::path& folder) {
    std::filesystem::create_directories(folder);
    write_export(folder, files, job.config);
  });
  Json rows = Json::object();
  for (const auto& [name, set] : files.rows) rows[name] = set.size();
  return {{"verb", "export"},
          {"format", format},
          {"model", job.model},
          {"rows", rows},
          {"command", files.command},
          {"notes", files.notes},
          {"out", invocation.out.string()}};
}

void check_export(const Invocation& invocation) {
  const std::string& format = invocation.arguments.at(0);
  const Settings& settings = invocation.settings;
  if (format == kModelFormat) {
    if (settings.paths.model.empty()) throw Error("export", "expected --model MODEL with hf, got none");
    return;
  }
  if (!export_formats().contains(format)) {
    throw Error("export",
                fmt::format("expected the format {}, got '{}'", listed(format_names(), "or"), format),
                did_you_mean(format, format_names()));
  }
  if (settings.paths.problems.empty())
    throw Error("export", "expected --problems FILE with " + format + ", got none",
                "hard problems, with guidance as `pope guide` leaves them");
  check_easy_used(settings);
}

Json run_export(const Invocation& invocation) {
  const std::string& format = invocation.arguments.at(0);
  return format == kModelFormat ? export_model(invocation) : export_sets(invocation, format);
}

std::string show_export(const Json& result) {
  if (result.at("format") == kModelFormat) {
    return fmt::format("Wrote {} parameters as {} to {}.\n", grouped(result.at("parameters")),
                       result.at("dtype").get<std::string>(), result.at("out").get<std::string>());
  }
  std::string text = fmt::format("Wrote for {} to {}:\n", result.at("format").get<std::string>(),
                                 result.at("out").get<std::string>());
  for (const auto& [name, rows] : result.at("rows").items())
    text += fmt::format("  {} prompts  {}\n", grouped(rows), name);
  if (!result.at("notes").empty()) text += "\nOtherwise than with pope train:\n";
  for (const Json& note : result.at("notes")) text += "- " + note.get<std::string>() + "\n";
  if (result.at("command") != "")
    text += "\nIn that folder:\n  " + result.at("command").get<std::string>() + "\n";
  return text;
}

std::string description() {
  std::string text =
      "hf: a model as a Hugging Face directory, config.json, safetensors (shards above 5 GB) and the\n"
      "tokenizer, as transformers, vLLM, verl and TRL load it; from a .gguf file, or in another number\n"
      "format (run.dtype).\n"
      "\n"
      "The others hand problems over to another trainer: unguided, guided and easy prompts, the mixture,\n"
      "the reward as a Python file that asks `pope verify`, and a config with the settings given, such as\n"
      "the paper's. What the trainer cannot do is refused; what it does otherwise is said. docs/export.md.\n";
  for (const auto& [name, format] : export_formats())
    text += fmt::format("  {:<11}{}\n", name, format->summary);
  return text +
         "\n"
         "  pope export hf --model model.gguf --out model --set run.dtype=bf16\n"
         "  pope export verl -c configs/qwen3_4b.yaml -c configs/objectives/verl.yaml \\\n"
         "    --model Qwen/Qwen3-4B-Instruct-2507 --problems runs/guide/guided.jsonl --out for-verl";
}

}  // namespace

const Verb export_verb = {
    .name = "export",
    .group = VerbGroup::data,
    .summary = "a model as a Hugging Face directory; problems for verl, TRL and others",
    .description = description(),
    .arguments = "FORMAT",
    .shortcuts = {{"--model", "paths.model", "MODEL"},
                  {"--problems", "paths.problems", "FILE"},
                  {"--easy", "paths.easy", "FILE"},
                  {"--eval-set", "paths.eval_sets", "NAME=FILE"},
                  {"--skip-bad", "problems.skip_bad"}},
    .keys = {"run.label", "run.seed", "run.dtype", "run.activation_checkpointing", "paths.model",
             "paths.problems", "paths.easy", "paths.eval_sets", "problems.*", "export.*", "prompt.*",
             "verify.*", "sampling.*", "mixture.*", "objective.*", "optimizer.*", "train.*"},
    .check = check_export,
    .run = run_export,
    .show = show_export};

}  // namespace pope
