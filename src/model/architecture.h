// The one architecture: a decoder-only transformer with RMSNorm, rotary embedding, grouped-query attention
// and a gated feed-forward part or experts. What the families differ in is a row of the table in families.cpp
// or a value here. All sizes, from the micro model to billions, are values.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/files.h"
#include "model/rope.h"

namespace pope {

struct Family;  // families.h

struct Architecture {
  std::string family = "llama";  // Hugging Face's model_type; the table in families.cpp has them all
  int vocab_size = 0;
  int width = 0;       // hidden_size
  int layers = 0;      // num_hidden_layers
  int heads = 0;       // num_attention_heads
  int kv_heads = 0;    // num_key_value_heads; divides heads
  int head_width = 0;  // head_dim
  int ffn_width = 0;   // intermediate_size
  int context = 0;     // max_position_embeddings; see RopeScaling::extended_context
  double rope_theta = 10000;
  RopeScaling rope_scaling;
  double rotary_share = 1;         // partial_rotary_factor: the first part of a head that is rotated
  std::vector<bool> without_rope;  // per layer (SmolLM3); empty: none
  // The query at position p is multiplied by 1 + query_growth·ln(1 + ⌊p / rope_scaling.original_context⌋)
  // (Ministral 3).
  double query_growth = 0;
  double norm_eps = 1e-5;
  bool tied_embeddings = true;
  bool attention_bias = false;  // bias on q, k and v; for o see output_bias()
  bool mlp_bias = false;        // bias on gate, up and down
  bool qk_norm = false;         // RMSNorm on q and k: per head or, by the family, over all heads
  // Some layers may attend to the last `window` positions only (the query's own included). In Gemma 3 and
  // OLMo-3 these have rotary angles of their own.
  int window = 0;
  std::vector<bool> windowed;  // per layer; empty: none
  double window_rope_theta = 10000;
  RopeScaling window_rope_scaling;
  int query_scalar = 0;  // query_pre_attn_scalar: scores are divided by its root; 0 stands for head_width
  // Granite: factors of embeddings, of what a block adds, of scores (0: 1/√head_width), and a divisor of
  // logits.
  double embedding_multiplier = 1, residual_multiplier = 1, attention_multiplier = 0, logits_divisor = 1;
  // A sparse layer has, in place of the feed-forward part, `experts` of expert_width each. A token goes to
  // the experts_per_token likeliest ones, whose results are added with the probabilities as weights, which
  // norm_expert_weights makes sum to 1 (Qwen3-MoE).
  std::vector<bool> sparse;  // per layer; empty: none
  int experts = 0, experts_per_token = 0, expert_width = 0;
  bool norm_expert_weights = false;
  int bos_token = -1;                // -1: none
  std::vector<int> eos_tokens;       // any of them ends a rollout
  Json raw = Json::object();         // config.json as read; written back with the fields above
  Json generation = Json::object();  // generation_config.json likewise

  // The families with attention_bias have a bias on o (self_attn.o_proj.bias) too, all but Qwen2.
  bool output_bias() const { return attention_bias && family != "qwen2"; }
  // Gemma 3: norms multiply by 1 + weight; the gate is tanh-GELU instead of SiLU; embeddings are multiplied
  // by √width.
  bool gemma() const { return family == "gemma3_text"; }
  bool is_windowed(std::size_t layer) const { return layer < windowed.size() && windowed[layer]; }
  bool has_rope(std::size_t layer) const { return layer >= without_rope.size() || !without_rope[layer]; }
  bool is_sparse(std::size_t layer) const { return layer < sparse.size() && sparse[layer]; }
  int rotated_width() const { return int(head_width * rotary_share); }  // values of a head that are rotated
  const Family& traits() const;     // the family's row. Error: it is unknown
  std::int64_t parameters() const;  // number of trainable values
};

// Throws Error for sizes that are missing, out of bounds or inconsistent, and for token ids outside the
// vocabulary; it names the Hugging Face field. The message begins with `operation`.
void check(const Architecture& architecture, const std::string& operation);
// Error: `value` of Hugging Face's `field` is not in 1 … limit.
void check_size(const std::string& operation, const std::string& field, int value, int limit);

// From a Hugging Face config.json. Errors name the field: unknown model_type (lists the known), missing,
// non-positive or inconsistent sizes, features that are not supported (other rope scalings, windows in
// families that have none, soft-capped logits).
Architecture architecture_from_json(const Json& config);
// "eos_token_id" of a config.json or generation_config.json: a number, a list or null.
std::vector<int> read_eos_tokens(const Json& config);
// A config.json that transformers loads (architectures, model_type, torch_dtype, …).
Json to_json(const Architecture& architecture);

}  // namespace pope
