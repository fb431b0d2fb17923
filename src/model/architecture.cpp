// Hugging Face's config.json ⇄ Architecture. What the transformer cannot do is refused here by the field's
// name, so that no model is ever run with a part of its configuration silently ignored.
#include "model/architecture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "core/error.h"

namespace pope {
namespace {

const char* const kRead = "read config.json";

struct Family {
  const char* name;
  const char* model_class;
  int default_head_width;  // 0: hidden_size / num_attention_heads
  const char* activation_field;
  const char* activation;
};
constexpr Family kFamilies[] = {
    {"llama", "LlamaForCausalLM", 0, "hidden_act", "silu"},
    {"qwen2", "Qwen2ForCausalLM", 0, "hidden_act", "silu"},
    {"qwen3", "Qwen3ForCausalLM", 128, "hidden_act", "silu"},
    {"gemma3_text", "Gemma3ForCausalLM", 256, "hidden_activation", "gelu_pytorch_tanh"}};

const Family* find_family(const std::string& name) {
  for (const Family& family : kFamilies) {
    if (name == family.name) return &family;
  }
  return nullptr;
}

std::string known_families() {
  std::string names;
  for (const Family& family : kFamilies) names += (names.empty() ? "" : ", ") + std::string(family.name);
  return names;
}

// The value of `key`, or null where it is missing: transformers treats the two alike.
const Json& value_of(const Json& object, const char* key) {
  static const Json null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

int whole(const Json& value, const std::string& field, std::optional<int> default_value = {}) {
  if (value.is_null() && default_value) return *default_value;
  if (!value.is_number_integer()) {
    throw Error(kRead, "expected a whole number in \"" + field + "\", got " +
                           (value.is_null() ? "nothing" : dump(value)));
  }
  const bool fits = value.is_number_unsigned()
                        ? value.get<std::uint64_t>() <= std::uint64_t(std::numeric_limits<int>::max())
                        : value.get<std::int64_t>() >= std::numeric_limits<int>::min() &&
                              value.get<std::int64_t>() <= std::numeric_limits<int>::max();
  if (!fits) throw Error(kRead, "expected \"" + field + "\" below 2^31, got " + dump(value));
  return value.get<int>();
}

double real(const Json& value, const std::string& field, double default_value) {
  if (value.is_null()) return default_value;
  if (!value.is_number()) throw Error(kRead, "expected a number in \"" + field + "\", got " + dump(value));
  return value.get<double>();
}

bool truth(const Json& value, const std::string& field, bool default_value) {
  if (value.is_null()) return default_value;
  if (!value.is_boolean())
    throw Error(kRead, "expected true or false in \"" + field + "\", got " + dump(value));
  return value.get<bool>();
}

void refuse(const std::string& field, const Json& value, const std::string& why) {
  throw Error(kRead, "\"" + field + "\": " + dump(value) + " is not supported", why);
}

void refuse_unsupported(const Json& config, const Family& family) {
  const Json& activation = value_of(config, family.activation_field);
  if (!activation.is_null() && activation != family.activation) {
    refuse(family.activation_field, activation, fmt::format("only \"{}\" is", family.activation));
  }
  if (truth(value_of(config, "mlp_bias"), "mlp_bias", false)) {
    refuse("mlp_bias", true, "the feed-forward part has no biases here");
  }
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
  if (std::string_view(family.name) == "gemma3_text") return;  // see read_windows
  if (truth(value_of(config, "use_sliding_window"), "use_sliding_window", false) &&
      !value_of(config, "sliding_window").is_null()) {
    refuse("use_sliding_window", true,
           "attention is full here; set it to false if the context is never longer");
  }
  const Json& layer_types = value_of(config, "layer_types");
  if (layer_types.is_array()) {
    for (const Json& type : layer_types) {
      if (type != "full_attention") refuse("layer_types", type, "only \"full_attention\" is");
    }
  }
}

RopeScaling read_scaling(const Json& rope, const std::string& field, bool linear) {
  RopeScaling scaling;
  scaling.linear = linear;
  const auto number = [&](const char* key) {
    const Json& value = value_of(rope, key);
    if (!value.is_number())
      throw Error(kRead, "expected a number in \"" + field + "." + key + "\", got " + dump(value));
    return value.get<double>();
  };
  scaling.factor = number("factor");
  if (linear) return scaling;
  scaling.low_freq_factor = number("low_freq_factor");
  scaling.high_freq_factor = number("high_freq_factor");
  scaling.original_context =
      whole(value_of(rope, "original_max_position_embeddings"), field + ".original_max_position_embeddings");
  return scaling;
}

const Json& object_in(const Json& config, const std::string& field) {
  static const Json none = Json::object();
  const Json& value = value_of(config, field.c_str());
  if (value.is_null()) return none;
  if (!value.is_object()) throw Error(kRead, "expected an object in \"" + field + "\", got " + dump(value));
  return value;
}

// θ and scaling of one kind of layer, out of its object of "rope_parameters" or out of "rope_scaling".
void read_rope_object(const Json& rope, const std::string& field, double& theta, RopeScaling& scaling) {
  for (const char* key : {"rope_type", "type"}) {
    const Json& type = value_of(rope, key);
    if (type == "llama3" || type == "linear") {
      scaling = read_scaling(rope, field, type == "linear");
    } else if (!type.is_null() && type != "default") {
      refuse(field, rope, "only the rope_types \"default\", \"linear\" and \"llama3\" are");
    }
  }
  const Json& partial = value_of(rope, "partial_rotary_factor");
  if (real(partial, "partial_rotary_factor", 1) != 1) refuse("partial_rotary_factor", partial, "only 1 is");
  theta = real(value_of(rope, "rope_theta"), field + ".rope_theta", theta);
}

// "rope_theta" and "rope_scaling" (transformers 4) or "rope_parameters" (transformers 5), where Gemma 3 has
// an object for each kind of layer.
void read_rope(const Json& config, Architecture& a) {
  const Json& partial = value_of(config, "partial_rotary_factor");
  if (real(partial, "partial_rotary_factor", 1) != 1) refuse("partial_rotary_factor", partial, "only 1 is");
  a.rope_theta = real(value_of(config, "rope_theta"), "rope_theta", a.gemma() ? 1e6 : 10000);
  read_rope_object(object_in(config, "rope_scaling"), "rope_scaling", a.rope_theta, a.rope_scaling);
  const Json& parameters = object_in(config, "rope_parameters");
  if (!a.gemma()) return read_rope_object(parameters, "rope_parameters", a.rope_theta, a.rope_scaling);
  read_rope_object(object_in(parameters, "full_attention"), "rope_parameters.full_attention", a.rope_theta,
                   a.rope_scaling);
  const Json& local = value_of(config, "rope_local_base_freq");
  a.window_rope_theta = real(local, "rope_local_base_freq", 10000);
  const std::string field = "rope_parameters.sliding_attention";
  const Json& sliding = object_in(parameters, "sliding_attention");
  RopeScaling none;
  read_rope_object(sliding, field, a.window_rope_theta, none);
  if (none.factor != 1) refuse(field, sliding, "layers with a window have no rope scaling");
}

// "layer_types", or every sliding_window_pattern-th layer (6 by default) without a window.
void read_windows(const Json& config, Architecture& a) {
  a.window = whole(value_of(config, "sliding_window"), "sliding_window", 4096);
  a.query_scalar = whole(value_of(config, "query_pre_attn_scalar"), "query_pre_attn_scalar", 256);
  const int pattern = whole(value_of(config, "sliding_window_pattern"), "sliding_window_pattern", 6);
  const Json& types = value_of(config, "layer_types");
  if (types.is_null()) {
    if (pattern < 1) refuse("sliding_window_pattern", pattern, "it must be positive");
    for (int l = 0; l < a.layers; ++l) a.windowed.push_back((l + 1) % pattern != 0);
    return;
  }
  if (!types.is_array() || types.size() != std::size_t(std::max(a.layers, 0))) {
    throw Error(kRead, "expected \"layer_types\" to list num_hidden_layers types, got " + dump(types));
  }
  for (const Json& type : types) {
    if (type != "full_attention" && type != "sliding_attention") {
      refuse("layer_types", type, "only \"full_attention\" and \"sliding_attention\" are");
    }
    a.windowed.push_back(type == "sliding_attention");
  }
}

Json rope_json(const Architecture& a) {
  const RopeScaling& s = a.rope_scaling;
  if (s.factor == 1) return {{"rope_type", "default"}};
  if (s.linear) return {{"rope_type", "linear"}, {"factor", s.factor}};
  return {{"rope_type", "llama3"},
          {"factor", s.factor},
          {"low_freq_factor", s.low_freq_factor},
          {"high_freq_factor", s.high_freq_factor},
          {"original_max_position_embeddings", s.original_context}};
}

void check_size(const std::string& operation, const std::string& field, int value, int limit) {
  if (value < 1 || value > limit) {
    throw Error(operation, "expected \"" + field + "\" between 1 and " + std::to_string(limit) + ", got " +
                               std::to_string(value));
  }
}

}  // namespace

std::int64_t Architecture::parameters() const {
  const std::int64_t W = width, q = std::int64_t(heads) * head_width,
                     kv = std::int64_t(kv_heads) * head_width;
  std::int64_t layer = (gemma() ? 4 : 2) * W + W * (q + 2 * kv) + q * W + 3 * W * ffn_width;
  if (attention_bias) layer += q + 2 * kv;
  if (output_bias()) layer += W;
  if (qk_norm) layer += 2 * std::int64_t(head_width);
  return layers * layer + W + (tied_embeddings ? 1 : 2) * W * vocab_size;
}

void check(const Architecture& a, const std::string& operation) {
  if (!find_family(a.family)) {
    throw Error(operation, "unknown model_type \"" + a.family + "\"", "known: " + known_families());
  }
  // The limits keep every product of sizes, and the number of parameters, within 64 bits.
  check_size(operation, "vocab_size", a.vocab_size, 1 << 24);
  check_size(operation, "hidden_size", a.width, 1 << 20);
  check_size(operation, "num_hidden_layers", a.layers, 1 << 12);
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
  if (!(a.rope_theta > 0) || !std::isfinite(a.rope_theta)) {
    throw Error(operation, "expected a positive \"rope_theta\", got " + std::to_string(a.rope_theta));
  }
  const RopeScaling& s = a.rope_scaling;
  if (!(s.factor >= 1) || !std::isfinite(s.factor) || !(s.low_freq_factor > 0) ||
      !(s.high_freq_factor > s.low_freq_factor) || !std::isfinite(s.high_freq_factor) ||
      s.original_context < 1) {
    throw Error(
        operation,
        "expected rope scaling with factor >= 1, 0 < low_freq_factor < high_freq_factor and a positive "
        "original_max_position_embeddings");
  }
  if (!(a.window_rope_theta > 0) || !std::isfinite(a.window_rope_theta)) {
    throw Error(operation,
                "expected a positive \"rope_local_base_freq\", got " + std::to_string(a.window_rope_theta));
  }
  if (a.gemma()) {
    check_size(operation, "sliding_window", a.window, std::numeric_limits<int>::max());
    check_size(operation, "query_pre_attn_scalar", a.query_scalar, 1 << 20);
  }
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

std::vector<double> rotary_frequencies(const Architecture& a, bool windowed) {
  constexpr double kTurn = 6.283185307179586;
  const RopeScaling s = windowed ? RopeScaling() : a.rope_scaling;
  const double theta = windowed ? a.window_rope_theta : a.rope_theta;
  std::vector<double> frequencies;
  for (int i = 0; i < a.head_width / 2; ++i) {
    const double frequency = std::pow(theta, -2.0 * i / a.head_width);
    // 1 where the wavelength is short: the frequency stays; 0 where it is long: divided by the factor.
    const double turns = s.original_context * frequency / kTurn;
    const double mixed = (turns - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
    const double kept = s.linear ? 0 : std::clamp(mixed, 0.0, 1.0);
    frequencies.push_back(s.factor == 1 ? frequency : frequency * (kept + (1 - kept) / s.factor));
  }
  return frequencies;
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
  a.heads = size("num_attention_heads");
  a.kv_heads = size("num_key_value_heads", a.gemma() ? 4 : a.heads);  // transformers' defaults
  a.ffn_width = size("intermediate_size");
  a.context = size("max_position_embeddings");
  int head_width = family->default_head_width;
  if (head_width == 0 && a.heads > 0) {
    head_width = a.width / a.heads;
    if (value_of(config, "head_dim").is_null() && a.width % a.heads != 0) {
      throw Error(kRead, "expected \"num_attention_heads\" to divide \"hidden_size\", got " +
                             std::to_string(a.heads) + " and " + std::to_string(a.width));
    }
  }
  a.head_width = size("head_dim", head_width);
  read_rope(config, a);
  a.norm_eps = real(value_of(config, "rms_norm_eps"), "rms_norm_eps", 1e-6);
  a.tied_embeddings = truth(value_of(config, "tie_word_embeddings"), "tie_word_embeddings", a.gemma());
  a.attention_bias =
      a.family == "qwen2" || truth(value_of(config, "attention_bias"), "attention_bias", false);
  a.qk_norm = a.family == "qwen3" || a.gemma();
  if (a.gemma()) read_windows(config, a);
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
  config["max_position_embeddings"] = a.context;
  config[family->activation_field] = family->activation;
  config["rms_norm_eps"] = a.norm_eps;
  config["rope_theta"] = a.rope_theta;  // transformers 4 reads this one, transformers 5 the next
  Json rope = {{"rope_theta", a.rope_theta}};
  rope.update(rope_json(a));
  config["rope_scaling"] = a.rope_scaling.factor == 1 ? Json() : rope_json(a);
  config["tie_word_embeddings"] = a.tied_embeddings;
  config["attention_bias"] = a.attention_bias;
  config["bos_token_id"] = a.bos_token < 0 ? Json() : Json(a.bos_token);
  config["eos_token_id"] = a.eos_tokens.empty()       ? Json()
                           : a.eos_tokens.size() == 1 ? Json(a.eos_tokens[0])
                                                      : Json(a.eos_tokens);
  config.erase("layer_types");  // all are full attention, and a list of the wrong length would be refused
  if (a.gemma()) {
    config["query_pre_attn_scalar"] = a.query_scalar;
    config["sliding_window"] = a.window;
    config["rope_local_base_freq"] = a.window_rope_theta;
    const Json sliding = {{"rope_type", "default"}, {"rope_theta", a.window_rope_theta}};
    rope = {{"full_attention", rope}, {"sliding_attention", sliding}};
    for (int l = 0; l < a.layers; ++l) {
      const bool windowed = a.is_windowed(std::size_t(l));
      config["layer_types"].push_back(windowed ? "sliding_attention" : "full_attention");
    }
  }
  config["rope_parameters"] = std::move(rope);
  if (!config.contains("torch_dtype") && !config.contains("dtype")) config["torch_dtype"] = "float32";
  return config;
}

}  // namespace pope
