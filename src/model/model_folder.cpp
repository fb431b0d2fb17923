// See model_folder.h. One table of the kinds of folders that are no model, known by the names in them, and
// one of the quantised formats.
#include "model/model_folder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "core/chars.h"
#include "core/error.h"
#include "model/gguf.h"

namespace pope {
namespace fs = std::filesystem;
namespace {

const char* const kLoad = "load model";

// In texts, {folder} stands for the folder and {base} for the model that an adapter belongs to.
struct Kind {
  std::vector<const char*> names;  // of which one is there; * stands for any characters
  const char* what;
  const char* hint;
};
const Kind kKinds[] = {
    {{kAdapterConfig, kAdapterWeights, "adapter_model.bin"},
     "holds a LoRA adapter of {base}, not a whole model",
     "merge them: PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained('{base}'), '{folder}')"
     ".merge_and_unload().save_pretrained('MERGED'); if these weights are merged already, remove adapter_*"},
    {{"model_world_size_*_rank_*.pt"},
     "holds the FSDP shards of a training run (model_world_size_*.pt)",
     "merge them: python -m verl.model_merger merge --backend fsdp --local_dir {folder} --target_dir MERGED"},
    {{"*.distcp", "pytorch_model_fsdp_*"},
     "holds a distributed checkpoint of PyTorch (FSDP)",
     "merge it: accelerate merge-weights SHARDS MERGED, where SHARDS is the folder of the *.distcp files. "
     "Copy config.json and the tokenizer to MERGED"},
    {{"zero_to_fp32.py", "*zero_pp_rank_*", "mp_rank_*_model_states.pt",
      "global_step[0-9]*"},  // global_step_N is verl's
     "holds ZeRO shards of DeepSpeed",
     "merge them: python zero_to_fp32.py {folder} MERGED --safe_serialization; the script stands beside "
     "global_step*. Copy config.json and the tokenizer to MERGED"},
    {{"pytorch_model.bin", "pytorch_model-*.bin", "pytorch_model.bin.index.json"},
     "holds neither model.safetensors nor model.safetensors.index.json; its weights are pickled "
     "(pytorch_model*.bin)",
     "convert it: AutoModelForCausalLM.from_pretrained('{folder}').save_pretrained('NEW', "
     "safe_serialization=True), and copy the tokenizer"},
    {{"consolidated*.safetensors"},
     "holds weights in Mistral's own format alone (consolidated.safetensors)",
     "fetch its model*.safetensors and their index, too"},
    {{"consolidated.*.pth"},
     "holds weights in Meta's own format (consolidated.*.pth)",
     "fetch the model's Hugging Face form"},
    {{"model-*-of-*.safetensors"},
     "holds shards without their index",
     "fetch model.safetensors.index.json of the same model, too"},
    {{"tf_model.h5", "flax_model.msgpack"},
     "holds weights of TensorFlow or Flax alone",
     "fetch model.safetensors of the same model"},
};

struct Quantised {
  const char* method;  // quantization_config.quant_method
  const char* name;
  const char* hint;
};
constexpr const char* kUnquantised = "use the model that it was made from";
const Quantised kQuantised[] = {
    {"fp8", "FP8",
     "use the model in bf16, or convert it: from_pretrained(…, "
     "quantization_config=FineGrainedFP8Config(dequantize=True)), then save_pretrained"},
    {"fbgemm_fp8", "FP8", "use the model in bf16"},
    {"mxfp4", "MXFP4",
     "convert it: from_pretrained(…, quantization_config=Mxfp4Config(dequantize=True)), then "
     "save_pretrained"},
    {"gptq", "GPTQ", kUnquantised},
    {"awq", "AWQ", kUnquantised},
    {"bitsandbytes", "bitsandbytes",
     "use the model that it was made from, or convert it: from_pretrained(…).dequantize(), then "
     "save_pretrained"},
    {"compressed-tensors", "compressed-tensors",
     "convert it: from_pretrained(…, quantization_config=CompressedTensorsConfig(dequantize=True)), then "
     "save_pretrained"},
    {"mlx", "MLX", kUnquantised},  // names no method
};

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

bool has(const std::vector<std::string>& names, const char* pattern) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return ::fnmatch(pattern, name.c_str(), 0) == 0; });
}

bool has_weights(const std::vector<std::string>& names) {
  return has(names, "model.safetensors") || has(names, "model.safetensors.index.json");
}
bool has_adapter(const std::vector<std::string>& names) {
  return has(names, kAdapterConfig) && has(names, kAdapterWeights);
}

// "a, b, c and 4 more".
std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 8;
  const auto end = names.begin() + std::ptrdiff_t(std::min(names.size(), kShown));
  std::string text = fmt::format("{}", fmt::join(names.begin(), end, ", "));
  return names.size() > kShown ? text + fmt::format(" and {} more", names.size() - kShown) : text;
}

std::string base_of(const fs::path& folder) {
  const fs::path path = folder / kAdapterConfig;
  if (!fs::exists(path)) return "its base model";
  const Json config = read_json(path);
  const auto base = config.find("base_model_name_or_path");
  return base != config.end() && base->is_string() ? base->get<std::string>() : "its base model";
}

std::string filled(std::string text, const fs::path& folder, const std::string& base) {
  for (const auto& [place, value] :
       {std::pair<const char*, std::string>{"{folder}", folder.string()}, {"{base}", base}}) {
    for (std::size_t at = 0; (at = text.find(place, at)) != std::string::npos; at += value.size())
      text.replace(at, std::string_view(place).size(), value);
  }
  return text;
}

bool is_hub_folder(const fs::path& folder) {
  return fs::is_directory(folder / "snapshots") && !fs::exists(folder / "config.json");
}

// models--ORG--NAME of the hub's cache: refs/main holds the name of a folder of snapshots/.
fs::path snapshot_of(const fs::path& folder) {
  const std::vector<std::string> all = names_in(folder / "snapshots");
  if (const fs::path main = folder / "refs" / "main"; fs::exists(main)) {
    const std::string name(trim(read_file(main)));
    if (std::find(all.begin(), all.end(), name) != all.end()) return folder / "snapshots" / name;
  }
  if (all.size() == 1) return folder / "snapshots" / all[0];
  if (all.empty()) {
    throw Error(kLoad, folder.string() + " is a folder of the Hugging Face hub's cache without a snapshot",
                "its download did not begin or was removed: download the model again");
  }
  throw Error(
      kLoad,
      folder.string() + " is a folder of the Hugging Face hub's cache, and its refs/main names no snapshot",
      "give one of its snapshots: " + listed(all));
}

// Folders inside that are models, as a training run or a cache has them.
std::vector<std::string> inner_models(const fs::path& folder, const std::vector<std::string>& names) {
  std::vector<std::string> found;
  for (const std::string& name : names) {
    if (fs::exists(folder / name / "config.json") || is_hub_folder(folder / name)) found.push_back(name);
  }
  return found;
}

// RUN/model of a run directory (core/run_dir.h) that has ended.
fs::path model_of_run(const fs::path& run) {
  const fs::path model = run / "model";
  if (fs::is_directory(model) && (has_weights(names_in(model)) || is_adapter(model))) return model;
  std::string newest;
  if (fs::is_directory(run / "checkpoints")) {
    for (const std::string& name : names_in(run / "checkpoints")) {
      const fs::path checkpoint = run / "checkpoints" / name;
      if (!has({name}, "*.*") && (fs::exists(checkpoint / "config.json") || is_adapter(checkpoint)))
        newest = name;
    }
  }
  if (newest.empty()) {
    throw Error(
        kLoad, run.string() + " is a run directory without a model",
        "give a model, or a run of pope train or pope sft that has ended: these leave one in RUN/model");
  }
  throw Error(kLoad, run.string() + " is a run directory that has no model yet",
              "let the run end, or give its newest checkpoint: " + (run / "checkpoints" / newest).string());
}

}  // namespace

fs::path find_model(const fs::path& given) {
  if (!fs::is_directory(given)) return given;
  const fs::path folder = is_hub_folder(given) ? snapshot_of(given) : given;
  const std::vector<std::string> names = names_in(folder);
  if (has_weights(names) || has_adapter(names)) return folder;
  if (has(names, "environment.json") && has(names, "config.yaml")) return model_of_run(folder);
  std::vector<std::string> models;
  std::optional<Error> incomplete;  // of the first model that lacks a part
  for (const std::string& name : names) {
    if (!name.ends_with(".gguf") || fs::is_directory(folder / name)) continue;
    try {
      if (gguf_parts(folder / name).front() == folder / name) models.push_back(name);
    } catch (const Error& error) {
      if (!incomplete) incomplete = error;
    }
  }
  if (models.empty() && incomplete) throw *incomplete;
  if (models.size() == 1) return folder / models[0];
  if (models.size() > 1)
    throw Error(kLoad, folder.string() + " holds several GGUF models", "give one of them: " + listed(models));
  return folder;
}

bool is_adapter(const fs::path& path) {
  if (!fs::is_directory(path)) return false;
  const std::vector<std::string> names = names_in(path);
  return has_adapter(names) && !has_weights(names);
}

fs::path base_of_adapter(const fs::path& folder) {
  const std::string base = base_of(folder);
  for (const fs::path& path : {fs::path(base), folder / base}) {
    if (!fs::exists(path)) continue;
    const fs::path found = find_model(path);
    if (is_adapter(found)) {
      throw Error(kLoad, folder.string() + " is an adapter of another adapter, " + found.string(),
                  "merge that one first: pope export hf --model " + found.string() + " --out MERGED");
    }
    return found;
  }
  throw Error(
      kLoad,
      fmt::format("{} is a LoRA adapter of {}, which is no file or folder here", folder.string(), base),
      fmt::format("write the model's path into base_model_name_or_path of {}; models are not "
                  "downloaded",
                  (folder / kAdapterConfig).string()));
}

void require_model_folder(const fs::path& path) {
  const std::string generic_hint =
      "give the directory that holds config.json, model.safetensors and tokenizer.json, or a .gguf file";
  const std::vector<std::string> names = fs::is_directory(path) ? names_in(path) : std::vector<std::string>();
  const bool whole = has(names, "config.json") && has_weights(names);
  for (const Kind& kind : kKinds) {
    if (whole && &kind != &kKinds[0]) return;  // an adapter changes the weights beside it, other files do not
    const bool found = std::any_of(kind.names.begin(), kind.names.end(),
                                   [&](const char* pattern) { return has(names, pattern); });
    if (!found) continue;
    const std::string base = base_of(path);
    throw Error(kLoad, path.string() + " " + filled(kind.what, path, base), filled(kind.hint, path, base));
  }
  if (!has(names, "config.json")) {
    const std::vector<std::string> inner = inner_models(path, names);
    throw Error(kLoad,
                path.string() + " is neither a model directory (no config.json in it) nor a .gguf file",
                inner.empty() ? generic_hint : "give a model inside it: " + listed(inner));
  }
  throw Error(kLoad, path.string() + ": found neither model.safetensors nor model.safetensors.index.json",
              "download the whole model directory");
}

void refuse_quantised(const fs::path& folder, const Json& config) {
  const auto section = config.find("quantization_config");
  if (section == config.end() || section->is_null()) return;
  std::string method;
  if (section->is_object()) {
    const auto named = section->find("quant_method");
    const auto has = [&](const char* key) { return section->contains(key); };
    if (named != section->end()) {
      method = named->is_string() ? named->get<std::string>() : "";
    } else if (has("group_size") && has("bits")) {
      method = "mlx";
    } else if (has("load_in_4bit") || has("load_in_8bit")) {
      method = "bitsandbytes";
    }
  }
  for (const Quantised& known : kQuantised) {
    if (method != known.method) continue;
    throw Error(
        kLoad,
        fmt::format("{} holds weights quantised as {}, which are not read", folder.string(), known.name),
        known.hint);
  }
  throw Error(kLoad,
              fmt::format("{} holds quantised weights (quantization_config {}), which are not read",
                          folder.string(), dump(*section)),
              kUnquantised);
}

}  // namespace pope
