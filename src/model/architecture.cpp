// Hugging Face's config.json ⇄ Architecture. What the transformer cannot do is refused here by the field's
// name, so that no model is ever run with a part of its configuration silently ignored.
#include "model/architecture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "core/error.h"
#include "model/config_fields.h"
#include "model/families.h"

namespace pope {
namespace {

constexpr int kMostLayers = 1 << 12;

using config::kRead, config::real, config::refuse, config::truth, config::value_of, config::whole;

void refuse_unsupported(const Json& config, const Family& family) {
  const Json& activation = value_of(config, family.activation_field);
  if (!activation.is_null() && activation != family.activation) {
    refuse(family.activation_field, activation, fmt::format("only \"{}\" is", family.activation));
  }
  const auto bias = [&](const char* field, bool known) {
    if (!known && truth(value_of(config, field), field, false)) refuse(field, true, "this family has none");
  };
  bias("attention_bias", family.attention_bias);
  bias("mlp_bias", family.mlp_bias);
  if (!value_of(config, "quantization_config").is_null()) {
    refuse("quantization_config", value_of(config, "quantization_config"), "use the unquantised model");
  }
  for (const char* field : {"attn_logit_softcapping", "final_logit_softcapping"}) {
    const Json& cap = value_of(config, field);
    if (!cap.is_null()) refuse(field, cap, "logits are not capped here");
  }
  if (truth(value_of(config, "use_bidirectional_attention"), "use_bidirectional_attention", false)) {
    refuse("use_bidirectional_attention", true, "attention is causal here");
  }
}

// Whether layers attend to a window where "layer_types" does not say which. → per layer; empty: none does.
std::vector<bool> default_windows(const Json& config, const Architecture& a) {
  const Family& family = a.traits();
  std::vector<bool> windowed;
  const int pattern =
      whole(value_of(config, "sliding_window_pattern"), "sliding_window_pattern", family.window_pattern);
  const int first = whole(value_of(config, "max_window_layers"), "max_window_layers", 28);
  if (family.windowed == WindowLayers::all_but_every_nth && pattern < 1)
    refuse("sliding_window_pattern", pattern, "it must be positive");
  for (int l = 0; l < a.layers; ++l) {
    switch (family.windowed) {
      case WindowLayers::never:
        break;
      case WindowLayers::all:
        windowed.push_back(true);
        break;
      case WindowLayers::all_but_every_nth:
        windowed.push_back((l + 1) % pattern != 0);
        break;
      case WindowLayers::after_some:
        windowed.push_back(l >= first);
        break;
      case WindowLayers::without_rope:
        windowed.push_back(!a.has_rope(std::size_t(l)));
        break;
    }
  }
  return windowed;
}

// "layer_types" → per layer, whether it attends to a window.
std::vector<bool> listed_windows(const Json& types, int layers) {
  if (!types.is_array() || types.size() != std::size_t(std::max(layers, 0))) {
    throw Error(kRead, "expected \"layer_types\" to list num_hidden_layers types, got " + dump(types));
  }
  std::vector<bool> windowed;
  for (const Json& type : types) {
    if (type != "full_attention" && type != "sliding_attention") {
      refuse("layer_types", type, "only \"full_attention\" and \"sliding_attention\" are");
    }
    windowed.push_back(type == "sliding_attention");
  }
  return windowed;
}

// Sets window and windowed, after without_rope.
void read_windows(const Json& config, Architecture& a) {
  const Family& family = a.traits();
  const bool wanted = truth(value_of(config, "use_sliding_window"), "use_sliding_window", false);
  const bool missing = config.find("sliding_window") == config.end() || a.gemma();
  if (family.windowed == WindowLayers::never) {
    if (wanted && !value_of(config, "sliding_window").is_null()) {
      refuse("use_sliding_window", true,
             "this family has no windows; set it to false if the context is never longer");
    }
  } else if (wanted || !family.window_switch) {
    a.window = whole(value_of(config, "sliding_window"), "sliding_window", missing ? family.window : 0);
  }
  const Json& types = value_of(config, "layer_types");
  if (a.window != 0 && (types.is_null() || !family.layer_types)) a.windowed = default_windows(config, a);
  if (!types.is_null()) {
    const std::vector<bool> listed = listed_windows(types, a.layers);
    const bool any = std::find(listed.begin(), listed.end(), true) != listed.end();
    if (any && (a.window == 0 || (!family.layer_types && listed != a.windowed)))
      refuse("layer_types", types, "\"sliding_window\" or \"use_sliding_window\" says otherwise");
    if (family.layer_types) a.windowed = listed;
  }
  const bool none = std::find(a.windowed.begin(), a.windowed.end(), true) == a.windowed.end();
  if (none && !family.window_has_rope) a.windowed.clear(), a.window = 0;
}

void write_windows(const Architecture& a, Json& config) {
  const Family& family = a.traits();
  config.erase("layer_types");  // a list of the wrong length would be refused
  const auto windows = std::count(a.windowed.begin(), a.windowed.end(), true);
  if (a.window > 0) {
    config["sliding_window"] = a.window;
    if (family.window_switch) config["use_sliding_window"] = true;
  } else if (family.windowed != WindowLayers::never && !family.window_switch) {
    config["sliding_window"] = nullptr;
  }
  if (!family.layer_types || (windows == 0 && !family.window_has_rope)) return;
  for (int l = 0; l < a.layers; ++l) {
    const bool windowed = a.is_windowed(std::size_t(l));
    config["layer_types"].push_back(windowed ? "sliding_attention" : "full_attention");
  }
}

}  // namespace

const Family& Architecture::traits() const {
  if (const Family* const known = find_family(family)) return *known;
  throw Error("model", "unknown model_type \"" + family + "\"", "known: " + known_families());
}

void check_size(const std::string& operation, const std::string& field, int value, int limit) {
  if (value < 1 || value > limit) {
    throw Error(operation, "expected \"" + field + "\" between 1 and " + std::to_string(limit) + ", got " +
                               std::to_string(value));
  }
}

void check(const Architecture& a, const std::string& operation) {
  if (!find_family(a.family)) {
    throw Error(operation, "unknown model_type \"" + a.family + "\"", "known: " + known_families());
  }
  // The limits keep every product of sizes, and the number of parameters, within 64 bits.
  check_size(operation, "vocab_size", a.vocab_size, 1 << 24);
  check_size(operation, "hidden_size", a.width, 1 << 20);
  check_size(operation, "num_hidden_layers", a.layers, kMostLayers);
  check_size(operation, "num_attention_heads", a.heads, 1 << 12);
  check_size(operation, "num_key_value_heads", a.kv_heads, 1 << 12);
  check_size(operation, "head_dim", a.head_width, 1 << 12);
  check_size(operation, "intermediate_size", a.ffn_width, 1 << 22);
  check_size(operation, "max_position_embeddings", a.context, 1 << 24);  // positions are exact in f32
  if (a.heads % a.kv_heads != 0) {
    throw Error(operation, "expected \"num_key_value_heads\" to divide \"num_attention_heads\", got " +
                               std::to_string(a.kv_heads) + " and " + std::to_string(a.heads));
  }
  if (a.head_width % 2 != 0) {
    throw Error(operation,
                "expected an even \"head_dim\" (rotary pairs), got " + std::to_string(a.head_width));
  }
  check_rope(a, operation);
  if (a.window < 0 || (!a.windowed.empty() && a.window == 0)) {
    throw Error(operation, "expected a positive \"sliding_window\", got " + std::to_string(a.window));
  }
  if (const auto own = a.traits().check) own(a, operation);
  if (!(a.norm_eps > 0) || !std::isfinite(a.norm_eps)) {
    throw Error(operation, "expected a positive \"rms_norm_eps\", got " + std::to_string(a.norm_eps));
  }
  if (a.bos_token >= a.vocab_size) {
    throw Error(operation, "expected \"bos_token_id\" below \"vocab_size\" " + std::to_string(a.vocab_size) +
                               ", got " + std::to_string(a.bos_token));
  }
  for (const int eos : a.eos_tokens) {
    if (eos < 0 || eos >= a.vocab_size) {
      throw Error(operation, "expected \"eos_token_id\" below \"vocab_size\" " +
                                 std::to_string(a.vocab_size) + ", got " + std::to_string(eos));
    }
  }
}

std::vector<int> read_eos_tokens(const Json& config) {
  const Json& value = value_of(config, "eos_token_id");
  std::vector<int> tokens;
  if (value.is_null()) return tokens;
  for (const Json& id : value.is_array() ? value : Json::array({value}))
    tokens.push_back(whole(id, "eos_token_id"));
  return tokens;
}

Architecture architecture_from_json(const Json& config) {
  if (!config.is_object()) throw Error(kRead, "expected a JSON object");
  const Json& type = value_of(config, "model_type");
  const Family* family = type.is_string() ? find_family(type.get<std::string>()) : nullptr;
  if (!family) throw Error(kRead, "unknown \"model_type\": " + dump(type), "known: " + known_families());
  refuse_unsupported(config, *family);

  const auto size = [&](const char* field, std::optional<int> default_value = {}) {
    return whole(value_of(config, field), field, default_value);
  };
  Architecture a;
  a.family = family->name;
  a.vocab_size = size("vocab_size");
  a.width = size("hidden_size");
  a.layers = size("num_hidden_layers");
  check_size(kRead, "num_hidden_layers", a.layers, kMostLayers);
  a.heads = size("num_attention_heads");
  a.kv_heads =
      size("num_key_value_heads",
           family->kv_heads > 0 && !config.contains("num_key_value_heads") ? family->kv_heads : a.heads);
  a.ffn_width = size("intermediate_size");
  a.context = size("max_position_embeddings");
  int head_width = family->head_width;
  if (head_width == 0 && a.heads > 0) {
    head_width = a.width / a.heads;
    if (value_of(config, "head_dim").is_null() && a.width % a.heads != 0) {
      throw Error(kRead, "expected \"num_attention_heads\" to divide \"hidden_size\", got " +
                             std::to_string(a.heads) + " and " + std::to_string(a.width));
    }
  }
  a.head_width = size("head_dim", head_width);
  read_rope(config, a);
  a.norm_eps = real(value_of(config, "rms_norm_eps"), "rms_norm_eps", family->norm_eps);
  a.tied_embeddings =
      truth(value_of(config, "tie_word_embeddings"), "tie_word_embeddings", family->tied_embeddings);
  a.attention_bias =
      a.family == "qwen2" || truth(value_of(config, "attention_bias"), "attention_bias", false);
  a.mlp_bias = family->mlp_bias && truth(value_of(config, "mlp_bias"), "mlp_bias", false);
  a.qk_norm = family->qk_norm || family->whole_qk_norm;
  if (family->read) family->read(config, a);
  read_windows(config, a);
  const Json& bos = value_of(config, "bos_token_id");
  if (!bos.is_null()) a.bos_token = whole(bos, "bos_token_id");
  a.eos_tokens = read_eos_tokens(config);
  a.raw = config;
  check(a, kRead);
  return a;
}

Json to_json(const Architecture& a) {
  const Family* family = find_family(a.family);
  if (!family)
    throw Error("write config.json", "unknown model_type \"" + a.family + "\"", "known: " + known_families());
  Json config = a.raw.is_object() ? a.raw : Json::object();
  config["architectures"] = Json::array({family->model_class});
  config["model_type"] = a.family;
  config["vocab_size"] = a.vocab_size;
  config["hidden_size"] = a.width;
  config["num_hidden_layers"] = a.layers;
  config["num_attention_heads"] = a.heads;
  config["num_key_value_heads"] = a.kv_heads;
  config["head_dim"] = a.head_width;
  config["intermediate_size"] = a.ffn_width;
  const bool extended = a.rope_scaling.kind == RopeScaling::Kind::longrope;
  config["max_position_embeddings"] = extended ? a.rope_scaling.extended_context : a.context;
  config[family->activation_field] = family->activation;
  config["rms_norm_eps"] = a.norm_eps;
  write_rope(a, config);
  config["tie_word_embeddings"] = a.tied_embeddings;
  config["attention_bias"] = a.attention_bias;
  if (family->mlp_bias) config["mlp_bias"] = a.mlp_bias;
  config["bos_token_id"] = a.bos_token < 0 ? Json() : Json(a.bos_token);
  config["eos_token_id"] = a.eos_tokens.empty()       ? Json()
                           : a.eos_tokens.size() == 1 ? Json(a.eos_tokens[0])
                                                      : Json(a.eos_tokens);
  write_windows(a, config);
  if (family->write) family->write(a, config);
  if (!config.contains("torch_dtype") && !config.contains("dtype")) config["torch_dtype"] = "float32";
  return config;
}

}  // namespace pope
