// Models in and out of folders: puts config.json, weights and tokenizer together, and says what is missing.
#include "model/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "core/files.h"
#include "core/git_lfs.h"
#include "core/json_depth.h"
#include "core/progress.h"
#include "model/adapter_folder.h"
#include "model/config_fields.h"
#include "model/gguf.h"
#include "model/model_folder.h"
#include "model/tensor_names.h"
#include "text/limited_tokenizer.h"

namespace pope {
namespace fs = std::filesystem;
namespace {

constexpr auto kConfig = "config.json", kGenerationConfig = "generation_config.json";

bool is_gguf(const fs::path& path) { return fs::is_regular_file(path) && path.extension() == ".gguf"; }

// find_model(), with a note where that is another path.
fs::path opened(const fs::path& given) {
  if (!fs::exists(given)) {
    throw Error("load model", given.string() + " does not exist",
                "give a Hugging Face model directory or a .gguf file; models are not downloaded");
  }
  const fs::path path = find_model(given);
  if (path != given) log_line("note: " + given.string() + ": opening " + path.string());
  return path;
}

// The shards that model.safetensors.index.json lists. Each must hold exactly the tensors listed for it, but
// for those that are not `needed`.
std::vector<WeightFile> shards(const fs::path& folder, const fs::path& index_path, const IsNeeded& needed) {
  const auto fail = [&](const std::string& message) {
    throw Error("load model", index_path.string() + ": " + message, "the folder is incomplete or damaged");
  };
  refuse_git_lfs_pointer(index_path, "load model");
  // nlohmann::json, not Json, whose lookup is linear: a hundred thousand names would take minutes.
  const std::string text = read_file(index_path);
  const auto index = nested_too_deep(text) ? nlohmann::json() : nlohmann::json::parse(text, nullptr, false);
  const auto listed = index.find("weight_map");
  if (listed == index.end() || !listed->is_object()) fail("expected an object \"weight_map\"");
  std::map<std::string, std::set<std::string>> names_by_shard;
  for (const auto& [name, shard] : listed->items()) {
    const std::string file = shard.is_string() ? shard.get<std::string>() : "";
    if (file.empty() || fs::path(file).filename() != file)
      fail("\"" + name + "\": expected the name of a file in the folder");
    names_by_shard[file].insert(name);
  }
  for (const auto& [file, names] : names_by_shard) {
    if (!fs::exists(folder / file)) fail(file + " is missing");
  }
  std::vector<WeightFile> files;
  for (auto& [file, names] : names_by_shard) {
    files.push_back({folder / file, list_safetensors(folder / file)});
    for (const TensorInfo& tensor : files.back().tensors) {
      if (names.erase(tensor.name) == 0 && needed(tensor.name))
        fail("tensor \"" + tensor.name + "\" in " + file + " is not listed for it");
    }
    const auto missing = std::find_if(names.begin(), names.end(), needed);
    if (missing != names.end()) fail("tensor \"" + *missing + "\" is not in " + file);
  }
  return files;
}

// Error where lm_head.weight of a tied model differs from the embedding.
void drop_redundant(NamedTensors& tensors, const Architecture& architecture) {
  const auto find = [&](const char* name) {
    return std::find_if(tensors.begin(), tensors.end(), [&](const auto& item) { return item.first == name; });
  };
  const auto head = find("lm_head.weight"), embedding = find("model.embed_tokens.weight");
  if (architecture.tied_embeddings && head != tensors.end() && embedding != tensors.end() &&
      !at::equal(head->second, embedding->second)) {
    throw Error("load model", "config.json says tie_word_embeddings, but lm_head.weight is not the embedding",
                "set \"tie_word_embeddings\": false in config.json");
  }
  std::erase_if(tensors, [&](const auto& item) { return is_redundant(architecture, item.first); });
}

// generation_config.json: temperature, top_p and the like are kept for those who sample from the saved model.
// Its eos ids count as well: Qwen's chat models name their second one only there.
void add_generation_config(Architecture& architecture, const fs::path& folder) {
  const fs::path path = folder / kGenerationConfig;
  if (!fs::exists(path)) return;
  refuse_git_lfs_pointer(path, "load model");
  architecture.generation = read_json(path);
  for (const int id : read_eos_tokens(architecture.generation)) {
    auto& known = architecture.eos_tokens;
    if (std::find(known.begin(), known.end(), id) == known.end()) known.push_back(id);
  }
}

// Added tokens that the embedding has no row for (Gemma's image token) are no fault until a text uses them.
std::shared_ptr<const Tokenizer> fit(const fs::path& path, std::shared_ptr<const Tokenizer> tokenizer,
                                     int rows) {
  if (tokenizer->size() <= rows) return tokenizer;
  for (int id = rows; id < tokenizer->size(); ++id) {
    if (tokenizer->is_added(id) || tokenizer->decode(std::vector{id}, false).empty()) continue;
    throw Error(
        "load model",
        path.string() + ": the tokenizer has " + std::to_string(tokenizer->size()) +
            " ids, the embedding only " + std::to_string(rows) + " rows",
        "model and tokenizer do not belong together, or the embedding was not resized after adding tokens");
  }
  return limit_ids(std::move(tokenizer), rows);
}

// Takes the eos id from the tokenizer where config.json has none.
void settle(Architecture& architecture, const Tokenizer& tokenizer) {
  if (architecture.eos_tokens.empty()) {
    if (const auto id = tokenizer.find(tokenizer.eos_token())) architecture.eos_tokens.push_back(*id);
  }
  check(architecture, "load model");
}

// Error for tensors without values, before their shapes are compared.
void refuse_partitioned(const fs::path& folder, const std::vector<TensorInfo>& tensors) {
  for (const TensorInfo& tensor : tensors) {
    if (tensor.shape != std::vector<std::int64_t>{0}) continue;
    throw Error(
        "load model",
        folder.string() + ": " + tensor.name +
            " has shape [0]: the model was saved while ZeRO-3 had its values elsewhere",
        "merge the shards of its checkpoint: python zero_to_fp32.py CHECKPOINT MERGED --safe_serialization; "
        "or save again with stage3_gather_16bit_weights_on_model_save");
  }
}

// The weights of a directory. The headers are checked before gigabytes are read.
NamedTensors read_weights(const fs::path& folder, const Architecture& architecture, at::ScalarType type,
                          at::Device device) {
  const std::vector<WeightFile> files = weight_files(folder, [&](const std::string& name) {
    return !is_extra(architecture, name) && !is_redundant(architecture, name);
  });
  std::vector<TensorInfo> all, listed;
  for (const WeightFile& file : files) all.insert(all.end(), file.tensors.begin(), file.tensors.end());
  const TensorNames names(all);
  const auto is_unused = [&](const std::string& parameter) {
    return is_extra(architecture, parameter) && !is_redundant(architecture, parameter);
  };
  std::vector<std::string> unused;
  for (const TensorInfo& tensor : all) {
    const std::string parameter = names.parameter(tensor.name);
    if (is_unused(parameter)) {
      unused.push_back(tensor.name);
    } else if (!is_redundant(architecture, parameter)) {
      listed.push_back({parameter, tensor.shape, tensor.type});
    }
  }
  refuse_partitioned(folder, listed);
  check_weights(architecture, listed);
  if (!unused.empty())
    log_line("note: " + folder.string() + ": not part of the model, ignored: " + grouped_names(unused));
  NamedTensors tensors;
  for (const WeightFile& file : files) {
    read_safetensors(file.path, type, [&](const std::string& name, const at::Tensor& tensor) {
      const std::string parameter = names.parameter(name);
      if (!is_unused(parameter)) tensors.emplace_back(parameter, tensor.to(device));
    });
  }
  drop_redundant(tensors, architecture);
  return tensors;
}

}  // namespace

std::vector<WeightFile> weight_files(const fs::path& folder, const IsNeeded& needed) {
  for (const fs::path& file : {folder / "model.safetensors", folder / kAdapterWeights})
    if (fs::exists(file)) return {{file, list_safetensors(file)}};
  return shards(folder, folder / "model.safetensors.index.json", needed);
}

ModelHead load_head(const fs::path& given) {
  const fs::path path = opened(given);
  if (is_adapter(path)) return load_head(base_of_adapter(path));
  ModelHead head;
  if (is_gguf(path)) {
    const GgufHead gguf = read_gguf_head(path);
    head.tokenizer = fit(path, make_bpe_tokenizer(gguf.tokenizer), gguf.architecture.vocab_size);
    head.eos_tokens = gguf.architecture.eos_tokens;
    head.context = gguf.architecture.context;
    return head;
  }
  if (!fs::exists(path / "tokenizer.json")) require_model_folder(path);
  head.tokenizer = load_tokenizer(path);
  for (const char* name : {kConfig, kGenerationConfig}) {
    if (!fs::exists(path / name)) continue;
    refuse_git_lfs_pointer(path / name, "load model");
    for (const int id : read_eos_tokens(read_json(path / name))) head.eos_tokens.push_back(id);
  }
  if (fs::exists(path / kConfig)) {
    const Json read = read_json(path / kConfig);
    const auto size = [&](const char* field) {
      return config::whole(config::value_of(read, field), field, 0);
    };
    if (const int context = size("max_position_embeddings"); context > 0) head.context = context;
    if (const int rows = size("vocab_size"); rows > 0)
      head.tokenizer = fit(path, std::move(head.tokenizer), rows);
  }
  return head;
}

LoadedModel load_model(const fs::path& given, at::ScalarType compute, Weights weights, at::Device device,
                       std::shared_ptr<const Tokenizer> tokenizer) {
  const at::ScalarType type = weights == Weights::frozen ? compute : at::kFloat;
  fs::path path = tokenizer ? find_model(given) : opened(given);
  const fs::path adapter = is_adapter(path) ? path : fs::path();
  if (!adapter.empty()) path = base_of_adapter(adapter);
  const auto loaded = [&](Architecture&& architecture, NamedTensors&& tensors) -> LoadedModel {
    if (!adapter.empty()) merge_adapter(adapter, tensors);
    return {std::make_shared<Model>(std::move(architecture), std::move(tensors), compute, weights),
            std::move(tokenizer)};
  };
  if (is_gguf(path)) {
    GgufModel gguf = read_gguf(path, type);
    if (!tokenizer) tokenizer = fit(path, make_bpe_tokenizer(gguf.tokenizer), gguf.architecture.vocab_size);
    settle(gguf.architecture, *tokenizer);
    for (auto& [name, tensor] : gguf.tensors) tensor = tensor.to(device);
    return loaded(std::move(gguf.architecture), std::move(gguf.tensors));
  }
  require_model_folder(path);
  refuse_git_lfs_pointer(path / kConfig, "load model");
  const Json config = read_json(path / kConfig);
  refuse_quantised(path, config);
  Architecture architecture = architecture_from_json(config);
  add_generation_config(architecture, path);
  if (!tokenizer) tokenizer = fit(path, load_tokenizer(path), architecture.vocab_size);
  settle(architecture, *tokenizer);
  NamedTensors tensors = read_weights(path, architecture, type, device);
  return loaded(std::move(architecture), std::move(tensors));
}

namespace {

// Converts one shard at a time.
void write_weights(const fs::path& folder, const Model& model, at::ScalarType type,
                   std::int64_t shard_bytes) {
  std::vector<std::vector<const Parameter*>> shards(1);
  std::int64_t total = 0, in_shard = 0;
  for (const Parameter& parameter : model.parameters()) {
    const auto bytes = parameter.master.numel() * static_cast<std::int64_t>(c10::elementSize(type));
    if (in_shard > 0 && in_shard + bytes > shard_bytes) {
      shards.emplace_back();
      in_shard = 0;
    }
    shards.back().push_back(&parameter);
    in_shard += bytes;
    total += bytes;
  }
  Json map = Json::object();
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string file = shards.size() == 1
                                 ? std::string("model.safetensors")
                                 : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
    NamedTensors tensors;
    for (const Parameter* parameter : shards[i]) {
      tensors.emplace_back(parameter->name, parameter->master.detach().cpu().to(type).contiguous());
      map[parameter->name] = file;
    }
    write_safetensors(folder / file, tensors);
  }
  if (shards.size() == 1) return;
  write_file(folder / "model.safetensors.index.json",
             dump({{"metadata", {{"total_size", total}}}, {"weight_map", map}}, 2) + "\n");
}

}  // namespace

void save_model(const fs::path& folder, const Model& model, const Tokenizer& tokenizer, bool bf16,
                std::int64_t shard_bytes) {
  if (model.lora()) {
    save_adapter(folder, model);
    tokenizer.save(folder);
    return;
  }
  Json config = to_json(model.architecture());
  const char* const dtype = bf16 ? "bfloat16" : "float32";
  config["torch_dtype"] = dtype;  // transformers 4 reads this one, transformers 5 the next
  config["dtype"] = dtype;
  Json generation = model.architecture().generation;
  for (const char* key : {"bos_token_id", "eos_token_id"}) {
    if (!config[key].is_null()) generation[key] = config[key];
  }
  write_file(folder / "config.json", dump(config, 2) + "\n");
  write_file(folder / "generation_config.json", dump(generation, 2) + "\n");
  write_weights(folder, model, bf16 ? at::kBFloat16 : at::kFloat, shard_bytes);
  tokenizer.save(folder);
}

}  // namespace pope
