// The table of families, and the fields of config.json that only one of them has.
#include "model/families.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "model/architecture.h"
#include "model/config_fields.h"

namespace pope {
namespace {

using config::real, config::refuse, config::truth, config::value_of, config::whole;

void read_gemma3(const Json& config, Architecture& a) {
  a.query_scalar = whole(value_of(config, "query_pre_attn_scalar"), "query_pre_attn_scalar", 256);
}
void write_gemma3(const Architecture& a, Json& config) { config["query_pre_attn_scalar"] = a.query_scalar; }
void check_gemma3(const Architecture& a, const std::string& operation) {
  check_size(operation, "query_pre_attn_scalar", a.query_scalar, 1 << 20);
  check_size(operation, "sliding_window", a.window, std::numeric_limits<int>::max());
}

// Ministral 3 asks the more of far positions the further they are: see Architecture::query_growth.
void read_ministral3(const Json& config, Architecture& a) {
  const std::string field = rope_field(config);
  const Json& rope = config::object_in(config, field.c_str());
  if (a.rope_scaling.kind != RopeScaling::Kind::yarn)
    refuse(field, rope, "in this family only rope_type \"yarn\" is");
  a.query_growth = real(value_of(rope, "llama_4_scaling_beta"), field + ".llama_4_scaling_beta");
}

void read_smollm3(const Json& config, Architecture& a) {
  const Json& with_rope = value_of(config, "no_rope_layers");  // 1 where a layer has it
  const int every = whole(value_of(config, "no_rope_layer_interval"), "no_rope_layer_interval", 4);
  if (with_rope.is_null() && every < 1) refuse("no_rope_layer_interval", every, "it must be positive");
  if (!with_rope.is_null() &&
      (!with_rope.is_array() || with_rope.size() < std::size_t(std::max(a.layers, 0)))) {
    throw Error(config::kRead,
                "expected \"no_rope_layers\" to list num_hidden_layers numbers, got " + dump(with_rope));
  }
  for (int l = 0; l < a.layers; ++l) {
    a.without_rope.push_back(with_rope.is_null() ? (l + 1) % every == 0
                                                 : whole(with_rope[std::size_t(l)], "no_rope_layers") == 0);
  }
}
void write_smollm3(const Architecture& a, Json& config) {
  config["no_rope_layers"] = Json::array();
  for (int l = 0; l < a.layers; ++l) config["no_rope_layers"].push_back(a.has_rope(std::size_t(l)) ? 1 : 0);
}

void read_qwen3_moe(const Json& config, Architecture& a) {
  const auto size = [&](const char* field, int default_value) {
    return whole(value_of(config, field), field, default_value);
  };
  // transformers 4 writes num_experts, transformers 5 the other.
  a.experts = size("num_experts", size("num_local_experts", 128));
  a.experts_per_token = size("num_experts_per_tok", 8);
  a.expert_width = size("moe_intermediate_size", 768);
  a.norm_expert_weights = truth(value_of(config, "norm_topk_prob"), "norm_topk_prob", false);
  const int step = size("decoder_sparse_step", 1);
  if (step < 1) refuse("decoder_sparse_step", step, "it must be positive");
  for (int l = 0; l < a.layers; ++l) a.sparse.push_back(a.experts > 0 && (l + 1) % step == 0);
  const Json& dense = value_of(config, "mlp_only_layers");
  if (!dense.is_null() && !dense.is_array()) refuse("mlp_only_layers", dense, "it must be a list");
  for (const Json& layer : dense) {
    const int l = whole(layer, "mlp_only_layers");
    if (l >= 0 && l < a.layers) a.sparse[std::size_t(l)] = false;
  }
}
void write_qwen3_moe(const Architecture& a, Json& config) {
  config["num_experts"] = config["num_local_experts"] = a.experts;
  config["num_experts_per_tok"] = a.experts_per_token;
  config["moe_intermediate_size"] = a.expert_width;
  config["norm_topk_prob"] = a.norm_expert_weights;
  config["decoder_sparse_step"] = 1;
  config["mlp_only_layers"] = Json::array();
  for (int l = 0; l < a.layers; ++l) {
    if (!a.is_sparse(std::size_t(l))) config["mlp_only_layers"].push_back(l);
  }
}
void check_qwen3_moe(const Architecture& a, const std::string& operation) {
  check_size(operation, "num_experts", a.experts, 1 << 10);
  check_size(operation, "num_experts_per_tok", a.experts_per_token, a.experts);
  check_size(operation, "moe_intermediate_size", a.expert_width, 1 << 19);
  if (std::int64_t{a.experts} * a.layers > 1 << 16)
    throw Error(operation, "expected \"num_experts\" times \"num_hidden_layers\" of at most 65536");
}

void read_granite(const Json& config, Architecture& a) {
  a.embedding_multiplier = real(value_of(config, "embedding_multiplier"), "embedding_multiplier", 1);
  a.residual_multiplier = real(value_of(config, "residual_multiplier"), "residual_multiplier", 1);
  a.attention_multiplier = real(value_of(config, "attention_multiplier"), "attention_multiplier", 1);
  a.logits_divisor = real(value_of(config, "logits_scaling"), "logits_scaling", 1);
}
void write_granite(const Architecture& a, Json& config) {
  config["embedding_multiplier"] = a.embedding_multiplier;
  config["residual_multiplier"] = a.residual_multiplier;
  config["attention_multiplier"] = a.attention_multiplier;
  config["logits_scaling"] = a.logits_divisor;
}
void check_granite(const Architecture& a, const std::string& operation) {
  const auto positive = [&](const char* field, double value) {
    if (!(value > 0) || !std::isfinite(value))
      throw Error(operation, fmt::format("expected a positive \"{}\", got {}", field, value));
  };
  positive("embedding_multiplier", a.embedding_multiplier);
  positive("residual_multiplier", a.residual_multiplier);
  positive("attention_multiplier", a.attention_multiplier);
  positive("logits_scaling", a.logits_divisor);
}

constexpr Family kFamilies[] = {
    {.name = "llama", .model_class = "LlamaForCausalLM", .mlp_bias = true},
    {.name = "qwen2",
     .model_class = "Qwen2ForCausalLM",
     .windowed = WindowLayers::after_some,
     .window_switch = true,
     .window = 4096,
     .layer_types = true},
    {.name = "qwen3",
     .model_class = "Qwen3ForCausalLM",
     .head_width = 128,
     .qk_norm = true,
     .windowed = WindowLayers::after_some,
     .window_switch = true,
     .window = 4096,
     .layer_types = true},
    {.name = "gemma3_text",
     .model_class = "Gemma3ForCausalLM",
     .head_width = 256,
     .kv_heads = 4,
     .rope_theta = 1e6,
     .tied_embeddings = true,
     .activation_field = "hidden_activation",
     .activation = "gelu_pytorch_tanh",
     .qk_norm = true,
     .norms = Norms::both,
     .windowed = WindowLayers::all_but_every_nth,
     .window = 4096,
     .layer_types = true,
     .window_pattern = 6,
     .window_has_rope = true,
     .window_theta_field = "rope_local_base_freq",
     .read = read_gemma3,
     .write = write_gemma3,
     .check = check_gemma3},
    {.name = "mistral",
     .model_class = "MistralForCausalLM",
     .kv_heads = 8,
     .attention_bias = false,
     .windowed = WindowLayers::all,
     .window = 4096,
     .layer_types = true},
    {.name = "ministral",
     .model_class = "MinistralForCausalLM",
     .kv_heads = 8,
     .attention_bias = false,
     .windowed = WindowLayers::all,
     .window = 4096,
     .layer_types = true},
    {.name = "ministral3",
     .model_class = "Ministral3ForCausalLM",
     .head_width = 128,
     .kv_heads = 8,
     .norm_eps = 1e-5,
     .attention_bias = false,
     .windowed = WindowLayers::all,
     .read = read_ministral3},
    {.name = "smollm3",
     .model_class = "SmolLM3ForCausalLM",
     .kv_heads = 4,
     .rope_theta = 2e6,
     .tied_embeddings = true,
     .mlp_bias = true,
     .windowed = WindowLayers::without_rope,
     .window_switch = true,
     .layer_types = true,
     .read = read_smollm3,
     .write = write_smollm3},
    {.name = "qwen3_moe",
     .model_class = "Qwen3MoeForCausalLM",
     .kv_heads = 4,
     .qk_norm = true,
     .windowed = WindowLayers::all,
     .window_switch = true,
     .window = 4096,
     .read = read_qwen3_moe,
     .write = write_qwen3_moe,
     .check = check_qwen3_moe},
    {.name = "olmo2",
     .model_class = "Olmo2ForCausalLM",
     .norm_eps = 1e-5,
     .whole_qk_norm = true,
     .norms = Norms::after},
    {.name = "olmo3",
     .model_class = "Olmo3ForCausalLM",
     .norm_eps = 1e-5,
     .rope_theta = 5e5,
     .whole_qk_norm = true,
     .norms = Norms::after,
     .windowed = WindowLayers::all_but_every_nth,
     .window = 4096,
     .layer_types = true,
     .window_pattern = 4,
     .window_has_rope = true},
    {.name = "phi3",
     .model_class = "Phi3ForCausalLM",
     .norm_eps = 1e-5,
     .attention_bias = false,
     .fused_weights = true,
     .windowed = WindowLayers::all,
     .partial_rotary = true,
     .original_context = 4096},
    {.name = "granite",
     .model_class = "GraniteForCausalLM",
     .mlp_bias = true,
     .read = read_granite,
     .write = write_granite,
     .check = check_granite},
};

}  // namespace

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

}  // namespace pope
