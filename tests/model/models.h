// Small random models for the tests; every size differs from every other.
#pragma once

#include <memory>

#include "core/rng.h"
#include "model/model.h"

namespace pope {

// Families that differ in what the layers compute; mistral stands for ministral, olmo3 for olmo2 as well.
inline constexpr const char* kFamilies[] = {"llama",   "qwen2",      "qwen3",   "gemma3_text",
                                            "mistral", "ministral3", "smollm3", "qwen3_moe",
                                            "olmo3",   "phi3",       "granite"};

// yarn with frequencies that stay, that are mixed, and that are divided.
inline RopeScaling tiny_yarn(int original_context) {
  RopeScaling yarn;
  yarn.kind = RopeScaling::Kind::yarn;
  yarn.factor = 4;
  yarn.original_context = original_context;
  yarn.beta_fast = 2;
  yarn.beta_slow = 0.1;
  yarn.attention_factor = 1.2;
  return yarn;
}

// What the newer families set beside their sizes.
inline void set_family(Architecture& a) {
  if (a.family == "mistral") {
    a.window = 4;
    a.windowed = {true, true};
    a.rope_scaling = a.window_rope_scaling = tiny_yarn(16);
  } else if (a.family == "ministral3") {
    a.rope_scaling = tiny_yarn(4);
    a.query_growth = 0.3;
  } else if (a.family == "smollm3") {
    a.without_rope = {true, false};
    a.window = 4;
    a.windowed = {true, false};
    a.mlp_bias = true;
  } else if (a.family == "qwen3_moe") {
    a.qk_norm = true;
    a.sparse = {true, false};
    a.experts = 4;
    a.experts_per_token = 2;
    a.expert_width = 10;
  } else if (a.family == "olmo3") {
    a.qk_norm = true;
    a.window = 4;
    a.windowed = {true, false};
    a.rope_scaling = tiny_yarn(16);
  } else if (a.family == "phi3") {
    a.rotary_share = 0.5;
    a.rope_scaling.kind = RopeScaling::Kind::longrope;
    a.rope_scaling.short_factors = {1.5, 2};
    a.rope_scaling.attention_factor = 1.2;
    a.rope_scaling.extended_context = 128;
  } else if (a.family == "granite") {
    a.embedding_multiplier = 1.5;
    a.residual_multiplier = 0.8;
    a.attention_multiplier = 0.5;
    a.logits_divisor = 1.25;
  }
}

inline Architecture tiny_architecture(const std::string& family = "llama") {
  Architecture a;
  a.family = family;
  a.vocab_size = 37;
  a.width = 24;
  a.layers = 2;
  a.heads = 6;
  a.kv_heads = 3;
  a.head_width = 8;
  a.ffn_width = 40;
  a.context = 64;
  a.rope_theta = 10000;
  a.norm_eps = 1e-5;
  a.tied_embeddings = family != "qwen3";
  a.attention_bias = family == "qwen2";
  a.qk_norm = family == "qwen3" || a.gemma();
  if (a.gemma()) {
    a.window = 4;
    a.windowed = {true, false};
    a.window_rope_theta = 100;
    a.query_scalar = 20;
  }
  set_family(a);
  return a;
}

// Weights large enough that attention and every norm, bias, gate and window matter to the output.
inline std::shared_ptr<Model> lively_model(const Architecture& architecture, at::ScalarType compute,
                                           std::uint64_t seed = 7) {
  auto model = Model::random(architecture, seed);
  std::vector<std::pair<std::string, at::Tensor>> weights;
  RngStream rng(seed, {key_of("lively")});
  for (const auto& parameter : model->parameters()) {
    auto values = parameter.master.detach() * (parameter.master.dim() == 2 ? 15.0 : 1.0);
    if (parameter.master.dim() == 1) {
      for (std::int64_t i = 0; i < values.numel(); ++i) values[i] += 0.3 * rng.normal();
    }
    weights.emplace_back(parameter.name, values);
  }
  return std::make_shared<Model>(architecture, std::move(weights), compute);
}

inline at::Tensor random_tokens(std::int64_t rows, std::int64_t steps, int vocab, std::uint64_t seed) {
  auto tokens = at::empty({rows, steps}, at::kLong);
  RngStream rng(seed, {key_of("tokens")});
  for (std::int64_t i = 0; i < tokens.numel(); ++i) {
    tokens.data_ptr<std::int64_t>()[i] =
        static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(vocab)));
  }
  return tokens;
}

// Hidden states of equally long sequences: tokens [B,T] → [B,T,W].
inline at::Tensor hidden_of(const Model& model, const at::Tensor& tokens) {
  const auto rows = tokens.size(0), steps = tokens.size(1);
  return model.forward_hidden(tokens.flatten(), Packing::equal(rows, steps)).view({rows, steps, -1});
}

}  // namespace pope
