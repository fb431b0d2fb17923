// pope export: a model in the form that other programs load.
#include <fmt/format.h>

#include <filesystem>

#include "core/error.h"
#include "core/memory.h"
#include "model/load.h"
#include "pope/setup.h"
#include "pope/table.h"
#include "pope/verb.h"

namespace pope {
namespace {

Json run_export(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  if (invocation.arguments.at(0) != "hf") {
    throw Error("export", "unknown format '" + invocation.arguments[0] + "'", "known: hf");
  }
  const bool there = std::filesystem::exists(invocation.out);
  if (there && !std::filesystem::exists(invocation.out / "config.json")) {
    throw Error("export", invocation.out.string() + " exists", "choose another --out, or remove it first");
  }
  const at::ScalarType type = compute_type(settings.run.dtype);
  const LoadedModel loaded = load_model(settings.paths.model, type, Weights::frozen);
  // Killed after its last write, it finds its own work when it is started again.
  const bool written = write_new_folder(invocation.out, [&](const std::filesystem::path& folder) {
    save_model(folder, *loaded.model, *loaded.tokenizer, type == at::kBFloat16);
  });
  if (!written) {
    throw Error("export", invocation.out.string() + " exists, with other content",
                "choose another --out, or remove it first");
  }
  return {{"verb", "export"},
          {"model", settings.paths.model},
          {"parameters", loaded.model->architecture().parameters()},
          {"dtype", settings.run.dtype},
          {"out", invocation.out.string()},
          {"peak_memory_bytes", peak_memory_bytes()}};
}

std::string show_export(const Json& result) {
  return fmt::format("Wrote {} parameters as {} to {}.\n", grouped(result.at("parameters")),
                     result.at("dtype").get<std::string>(), result.at("out").get<std::string>());
}

}  // namespace

const Verb export_verb = {.name = "export",
                          .group = VerbGroup::data,
                          .summary = "write a model as a Hugging Face directory",
                          .description =
                              "hf: config.json, safetensors (shards above 5 GB) and the tokenizer, as "
                              "transformers, vLLM, verl and TRL\n"
                              "load them; from a .gguf file, or in another number format (run.dtype).\n"
                              "\n"
                              "  pope export hf --model model.gguf --out model --set run.dtype=bf16",
                          .arguments = "FORMAT",
                          .shortcuts = {{"--model", "paths.model", "MODEL", Need::required}},
                          .keys = {"run.dtype", "paths.model"},
                          .run = run_export,
                          .show = show_export};

}  // namespace pope
