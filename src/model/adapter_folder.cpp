#include "model/adapter_folder.h"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <string_view>

#include "core/error.h"
#include "core/files.h"
#include "model/lora.h"
#include "model/model_folder.h"
#include "model/safetensors.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const fs::path& path, const std::string& message) {
  throw Error("load adapter", path.string() + ": " + message,
              "merge it with PEFT: PeftModel.from_pretrained(BASE, ADAPTER).merge_and_unload()"
              ".save_pretrained('MERGED')");
}

// alpha / r of adapters of rank `rank`. Error: the file asks for what is not LoRA as in lora.h.
double scale_of(const fs::path& path, const Json& config, std::int64_t rank) {
  const auto is_set = [&](const char* key) {
    const auto found = config.find(key);
    return found != config.end() && !found->is_null() && *found != false && *found != Json::object() &&
           *found != Json::array();
  };
  for (const char* key : {"use_dora", "use_qalora", "modules_to_save", "trainable_token_indices",
                          "alpha_pattern", "fan_in_fan_out", "lora_bias"}) {
    if (is_set(key)) refuse(path, fmt::format("\"{}\" is set, which is not read", key));
  }
  // Others (PiSSA, OLoRA, CorDA, LoftQ) change the weights that the adapter stands beside.
  const Json init = config.value("init_lora_weights", Json(true));
  if (!init.is_boolean() && !init.is_null() && init != "gaussian" && init != "eva")
    refuse(path, fmt::format("\"init_lora_weights\" is {}, which changes the base", dump(init)));
  if (config.value("bias", Json("none")) != "none") refuse(path, "\"bias\" is not \"none\"");
  const auto alpha = config.find("lora_alpha");
  if (alpha == config.end() || !alpha->is_number()) refuse(path, "expected a number \"lora_alpha\"");
  const double divisor = is_set("use_rslora") ? std::sqrt(double(rank)) : double(rank);
  return alpha->get<double>() / divisor;
}

// The weight that a tensor of the adapter stands beside, and as what: "A" or "B". "": neither.
std::pair<std::string, std::string> place_of(const std::string& name) {
  for (const char* which : {"A", "B"}) {
    const std::string end = fmt::format(".lora_{}.weight", which);
    constexpr std::string_view kBegin = "base_model.model.";
    if (name.starts_with(kBegin) && name.ends_with(end))
      return {name.substr(kBegin.size(), name.size() - kBegin.size() - end.size()) + ".weight", which};
  }
  return {};
}

}  // namespace

void save_adapter(const fs::path& folder, const Model& model) {
  const Model::AddedLora& lora = *model.lora();
  const Json config = {{"peft_type", "LORA"},
                       {"task_type", "CAUSAL_LM"},
                       {"base_model_name_or_path", lora.base},
                       {"r", lora.config.rank},
                       {"lora_alpha", lora.config.alpha},
                       {"target_modules", lora.config.targets},
                       {"lora_dropout", 0.0},
                       {"bias", "none"},
                       {"fan_in_fan_out", false},
                       {"use_rslora", false},
                       {"use_dora", false},
                       {"inference_mode", true}};
  write_file(folder / kAdapterConfig, dump(config, 2) + "\n");
  NamedTensors tensors;
  for (const Parameter& parameter : model.trainable())
    tensors.emplace_back(parameter.name, parameter.master.detach().cpu().contiguous());
  write_safetensors(folder / kAdapterWeights, tensors);
}

void merge_adapter(const fs::path& folder, NamedTensors& weights) {
  const fs::path config_path = folder / kAdapterConfig, path = folder / kAdapterWeights;
  const Json config = read_json(config_path);
  if (!config.is_object() || config.value("peft_type", Json()) != "LORA")
    refuse(config_path, "expected \"peft_type\": \"LORA\"");
  std::map<std::string, LoraPair> pairs;
  read_safetensors(path, at::kFloat, [&](const std::string& name, const at::Tensor& tensor) {
    const auto [weight, which] = place_of(name);
    if (weight.empty() || tensor.dim() != 2) refuse(path, "'" + name + "' is no A or B of a linear layer");
    (which == "A" ? pairs[weight].a : pairs[weight].b) = tensor;
  });
  if (pairs.empty()) refuse(path, "holds no tensors");
  for (auto& [name, weight] : weights) {
    const auto found = pairs.find(name);
    if (found == pairs.end()) continue;
    LoraPair& pair = found->second;
    const bool fits = pair.a.defined() && pair.b.defined() && weight.dim() == 2 &&
                      pair.a.size(1) == weight.size(1) && pair.b.size(0) == weight.size(0) &&
                      pair.a.size(0) == pair.b.size(1) && pair.a.size(0) > 0;
    if (!fits) {
      throw Error("load adapter",
                  fmt::format("{}: A and B beside '{}' do not fit it, [{}, {}]", path.string(), name,
                              weight.size(0), weight.dim() == 2 ? weight.size(1) : 1),
                  "the adapter was trained on another model, or the file is damaged");
    }
    const double scale = scale_of(config_path, config, pair.a.size(0));
    weight = merged(weight, {pair.a.to(weight.device()), pair.b.to(weight.device())}, scale);
    pairs.erase(found);
  }
  if (!pairs.empty()) {
    throw Error("load adapter",
                fmt::format("{}: the model has no weight '{}'", path.string(), pairs.begin()->first),
                "the adapter was trained on another model");
  }
}

}  // namespace pope
