// See gguf_config.h.
#include "model/gguf_config.h"

#include <fmt/format.h>

#include <cmath>

#include "model/architecture.h"

namespace pope {
namespace {

constexpr int kMostLayers = 1 << 12;

// The shortest decimal of a number in f32, so that 1.1f becomes the double 1.1.
std::vector<double> decimals(const at::Tensor& values) {
  std::vector<double> out;
  for (std::int64_t i = 0; i < values.numel(); ++i)
    out.push_back(std::stod(fmt::format("{}", values[i].item<float>())));
  return out;
}

// llama.cpp does not store the parameters of Llama 3's scaling, but the divisor of each frequency. Published
// Llama 3 models differ in the factor alone, which is the largest divisor; other divisors are refused.
Json llama3_scaling(const GgufMetadata& metadata, const GgufTensor& tensor, const Json& config,
                    double theta) {
  Architecture a;
  a.head_width = config["head_dim"];
  a.rope_theta = theta;
  const at::Tensor divisors = to_float(tensor).flatten();
  if (divisors.numel() != a.head_width / 2 || divisors.numel() == 0) {
    metadata.fail(
        fmt::format("rope_freqs.weight: expected {} values, got {}", a.head_width / 2, divisors.numel()));
  }
  const std::vector<double> plain = rotary_frequencies(a);
  a.rope_scaling.factor = std::round(divisors.max().item<double>());
  const std::vector<double> scaled = rotary_frequencies(a);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const double expected = plain[i] / scaled[i];
    if (!(std::abs(divisors[static_cast<std::int64_t>(i)].item<double>() - expected) < 1e-3 * expected))
      metadata.fail("rope_freqs.weight is not the scaling of a Llama 3 model");
  }
  return {{"rope_type", "llama3"},
          {"factor", a.rope_scaling.factor},
          {"low_freq_factor", a.rope_scaling.low_freq_factor},
          {"high_freq_factor", a.rope_scaling.high_freq_factor},
          {"original_max_position_embeddings", a.rope_scaling.original_context}};
}

Json yarn_scaling(const GgufMetadata& metadata, const std::string& prefix, double factor) {
  Json rope = {{"rope_type", "yarn"},
               {"factor", factor},
               {"original_max_position_embeddings", metadata.whole(prefix + "original_context_length")}};
  const std::pair<const char*, const char*> fields[] = {{"yarn_attn_factor", "attention_factor"},
                                                        {"yarn_beta_fast", "beta_fast"},
                                                        {"yarn_beta_slow", "beta_slow"}};
  for (const auto& [key, field] : fields)
    if (metadata.find(prefix + key)) rope[field] = metadata.real(prefix + key);
  return rope;
}

// θ and scaling of the layers without a window.
Json rope_of(const GgufFile& file, const GgufMetadata& metadata, const std::string& prefix,
             const Json& config) {
  const double theta = metadata.real(prefix + "rope.freq_base", 10000);
  const auto type = metadata.text(prefix + "rope.scaling.type", "linear");  // llama.cpp's default
  double factor = 1;
  for (const char* key : {"rope.scaling.factor", "rope.scale_linear"}) {
    if (const double given = metadata.real(prefix + key, 1); given != 0 && given != 1) factor = given;
  }
  // Factors per pair stand in two tensors, which read_phi3() takes.
  const bool longrope = type == "longrope" || find_tensor(file, "rope_factors_short.weight") ||
                        find_tensor(file, "rope_factors_long.weight");
  if (longrope && (prefix != "phi3." || !find_tensor(file, "rope_factors_short.weight") ||
                   !find_tensor(file, "rope_factors_long.weight"))) {
    metadata.fail(
        "rope scaling \"longrope\" needs rope_factors_short.weight and rope_factors_long.weight, and is "
        "known of "
        "phi3 alone");
  }
  Json rope = {{"rope_type", "default"}};
  if (const GgufTensor* divisors = find_tensor(file, "rope_freqs.weight")) {
    rope = llama3_scaling(metadata, *divisors, config, theta);
  } else if (type == "yarn") {
    rope = yarn_scaling(metadata, prefix + "rope.scaling.", factor);
  } else if (type != "none" && type != "linear" && !longrope) {
    metadata.fail(prefix + "rope.scaling.type \"" + type + "\" is not supported");
  } else if (type == "linear" && factor != 1) {
    rope = {{"rope_type", "linear"}, {"factor", factor}};
  }
  rope["rope_theta"] = theta;
  return rope;
}

// Which layers attend to a window: a list, or a period of which the last layer does not.
Json layer_types(const GgufMetadata& metadata, const std::string& key, int layers, int default_period) {
  const auto* const value = metadata.find(key);
  const bool list = value != nullptr && value->is_array();
  if (list && value->size() != std::size_t(layers))
    metadata.fail(fmt::format("{}: expected {} entries, got {}", key, layers, value->size()));
  const int period = list ? 1 : metadata.whole(key, default_period);
  if (period < 1) metadata.fail(key + ": expected a positive period");
  Json types = Json::array();
  for (int l = 0; l < layers; ++l) {
    const bool windowed =
        list ? (*value)[std::size_t(l)] == true || (*value)[std::size_t(l)] == 1 : (l + 1) % period != 0;
    types.push_back(windowed ? "sliding_attention" : "full_attention");
  }
  return types;
}

// The rope of layers with a window stands beside that of the others.
void add_windowed_rope(const GgufMetadata& metadata, const std::string& prefix, double default_theta,
                       Json& config) {
  const Json sliding = {{"rope_type", "default"},
                        {"rope_theta", metadata.real(prefix + "rope.freq_base_swa", default_theta)}};
  const Json full = config["rope_parameters"];
  config["rope_parameters"] = {{"full_attention", full}, {"sliding_attention", sliding}};
}

void read_gemma3(const GgufFile&, const GgufMetadata& metadata, Json& config) {
  const int layers = config["num_hidden_layers"], heads = config["num_attention_heads"];
  config["sliding_window"] = metadata.whole("gemma3.attention.sliding_window");
  config["layer_types"] = layer_types(metadata, "gemma3.attention.sliding_window_pattern", layers, 6);
  add_windowed_rope(metadata, "gemma3.", 10000, config);
  // llama.cpp divides scores by the root of the head width, but for the model of 27B.
  constexpr int kLayersOf27B = 62;
  config["query_pre_attn_scalar"] = layers == kLayersOf27B && heads > 0
                                        ? Json(config["hidden_size"].get<int>() / heads)
                                        : config["head_dim"];
  const double cap = metadata.real("gemma3.final_logit_softcapping", 0);
  if (cap != 0) config["final_logit_softcapping"] = cap;
}

void read_olmo2(const GgufFile&, const GgufMetadata& metadata, Json& config) {
  const int window = metadata.whole("olmo2.attention.sliding_window", 0);
  if (window == 0) return;
  config["model_type"] = "olmo3";
  config["sliding_window"] = window;
  config["layer_types"] =
      layer_types(metadata, "olmo2.attention.sliding_window_pattern", config["num_hidden_layers"], 4);
  add_windowed_rope(metadata, "olmo2.", config["rope_parameters"]["rope_theta"], config);
}

void read_qwen3moe(const GgufFile&, const GgufMetadata& metadata, Json& config) {
  config["num_experts"] = metadata.whole("qwen3moe.expert_count");
  config["num_experts_per_tok"] = metadata.whole("qwen3moe.expert_used_count");
  config["moe_intermediate_size"] = metadata.whole("qwen3moe.expert_feed_forward_length");
  config["norm_topk_prob"] = metadata.flag("qwen3moe.expert_weights_norm").value_or(true);
}

void read_phi3(const GgufFile& file, const GgufMetadata& metadata, Json& config) {
  const int head_width = config["head_dim"], window = metadata.whole("phi3.attention.sliding_window", 0),
            context = config["max_position_embeddings"],
            original = metadata.whole("phi3.rope.scaling.original_context_length", context);
  config["sliding_window"] = window > 0 ? Json(window) : Json();
  const int rotated = metadata.whole("phi3.rope.dimension_count", head_width);
  if (head_width > 0) config["partial_rotary_factor"] = double(rotated) / head_width;
  config["original_max_position_embeddings"] = original;
  const GgufTensor* const short_factors = find_tensor(file, "rope_factors_short.weight");
  const GgufTensor* const long_factors = find_tensor(file, "rope_factors_long.weight");
  if (!short_factors || !long_factors) return;
  Json& rope = config["rope_parameters"];
  rope["rope_type"] = "longrope";
  rope["short_factor"] = decimals(to_float(*short_factors).flatten());
  rope["long_factor"] = decimals(to_float(*long_factors).flatten());
  // What transformers works out is left to it, so that the config is the model's own.
  const double given = metadata.real("phi3.rope.scaling.attn_factor", 1), scale = double(context) / original,
               usual = scale > 1 ? std::sqrt(1 + std::log(scale) / std::log(original)) : 1;
  if (!(std::abs(given - usual) < 1e-6 * usual)) rope["attention_factor"] = given;
}

void read_granite(const GgufFile&, const GgufMetadata& metadata, Json& config) {
  config["attention_multiplier"] = metadata.real("granite.attention.scale");
  config["embedding_multiplier"] = metadata.real("granite.embedding_scale", 1);
  config["residual_multiplier"] = metadata.real("granite.residual_scale", 1);
  config["logits_scaling"] = metadata.real("granite.logit_scale", 1);
}

constexpr GgufFamily kFamilies[] = {
    {.architecture = "llama", .model_type = "llama", .reordered_heads = true},
    {.architecture = "qwen2", .model_type = "qwen2"},
    {.architecture = "qwen3", .model_type = "qwen3"},
    {.architecture = "qwen3moe", .model_type = "qwen3_moe", .read = read_qwen3moe},
    {.architecture = "gemma3", .model_type = "gemma3_text", .whole_norms = true, .read = read_gemma3},
    {.architecture = "smollm3", .model_type = "smollm3", .reordered_heads = true},
    {.architecture = "olmo2", .model_type = "olmo2", .read = read_olmo2},
    {.architecture = "phi3", .model_type = "phi3", .read = read_phi3},
    {.architecture = "granite", .model_type = "granite", .reordered_heads = true, .read = read_granite},
};

}  // namespace

const GgufTensor* find_tensor(const GgufFile& file, std::string_view name) {
  for (const auto& tensor : file.tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

at::Tensor to_float(const GgufTensor& tensor) {
  const GgufType& type = *tensor.type;
  at::Tensor out = at::empty(tensor.shape, at::kFloat);
  float* to = out.data_ptr<float>();
  const std::uint8_t* from = tensor.data;
  for (std::int64_t i = 0; i < tensor.values; i += std::int64_t(type.block), from += type.bytes) {
    type.block_to_float(from, to + i);
  }
  return out;
}

bool is_of_config(const GgufTensor& tensor) {
  return tensor.name == "rope_freqs.weight" || tensor.name == "rope_factors_short.weight" ||
         tensor.name == "rope_factors_long.weight";
}

const GgufFamily& gguf_family(const GgufMetadata& metadata) {
  const std::string architecture = metadata.text("general.architecture");
  std::string known;
  for (const GgufFamily& family : kFamilies) {
    if (architecture == family.architecture) return family;
    known += (known.empty() ? "" : ", ") + std::string(family.architecture);
  }
  metadata.fail("general.architecture \"" + architecture + "\" is not supported", "known: " + known);
}

Json gguf_config(const GgufFile& file, const GgufMetadata& metadata) {
  const GgufFamily& family = gguf_family(metadata);
  const std::string prefix = std::string(family.architecture) + ".";
  const GgufTensor* embedding = find_tensor(file, "token_embd.weight");
  if (!embedding || embedding->shape.size() != 2) metadata.fail("expected a matrix token_embd.weight");
  if (embedding->shape[0] > 1 << 24) metadata.fail("token_embd.weight has too many rows");
  const int width = metadata.whole(prefix + "embedding_length"),
            heads = metadata.whole(prefix + "attention.head_count"),
            head_width = metadata.whole(prefix + "attention.key_length", heads > 0 ? width / heads : 0);
  const int layers = metadata.whole(prefix + "block_count");
  if (layers > kMostLayers) metadata.fail(fmt::format("{}block_count: {} is too many", prefix, layers));
  const bool partial = std::string_view(family.architecture) == "phi3";
  for (const char* key : {"attention.value_length", "rope.dimension_count"}) {
    if (partial && std::string_view(key) == "rope.dimension_count") continue;
    if (metadata.whole(prefix + key, head_width) != head_width)
      metadata.fail(fmt::format("{}{}: only the head width, {}, is supported", prefix, key, head_width));
  }
  if (std::string_view(family.architecture) != "qwen3moe" && metadata.whole(prefix + "expert_count", 0) != 0)
    metadata.fail(prefix + "expert_count: experts are not supported");
  Json config = {{"model_type", family.model_type},
                 {"vocab_size", embedding->shape[0]},
                 {"hidden_size", width},
                 {"num_hidden_layers", layers},
                 {"num_attention_heads", heads},
                 {"num_key_value_heads", metadata.whole(prefix + "attention.head_count_kv", heads)},
                 {"head_dim", head_width},
                 {"intermediate_size", metadata.whole(prefix + "feed_forward_length")},
                 {"max_position_embeddings", metadata.whole(prefix + "context_length")},
                 {"rms_norm_eps", metadata.real(prefix + "attention.layer_norm_rms_epsilon")},
                 {"tie_word_embeddings", find_tensor(file, "output.weight") == nullptr}};
  if (find_tensor(file, "blk.0.attn_q.bias")) config["attention_bias"] = true;
  if (find_tensor(file, "blk.0.ffn_gate.bias")) config["mlp_bias"] = true;
  config["rope_parameters"] = rope_of(file, metadata, prefix, config);
  if (family.read) family.read(file, metadata, config);
  if (const int bos = metadata.whole("tokenizer.ggml.bos_token_id", -1); bos >= 0)
    config["bos_token_id"] = bos;
  Json ends = Json::array();
  for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"}) {
    const int id = metadata.whole(key, -1);
    if (id >= 0 && (ends.empty() || ends[0] != id)) ends.push_back(id);
  }
  config["eos_token_id"] = std::move(ends);
  return config;
}

}  // namespace pope
