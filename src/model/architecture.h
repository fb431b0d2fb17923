// The one architecture: a decoder-only transformer with RMSNorm, rotary embedding, grouped-query attention
// and a gated feed-forward part, as the Llama, Qwen2, Qwen3 and Gemma 3 (text) families have it. All sizes,
// from the micro model to billions, are values.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/files.h"

namespace pope {

// Rotary frequencies for longer contexts than trained on. rope_type "linear" divides all of them by `factor`.
// "llama3" divides long wavelengths, above original_context / low_freq_factor, leaves short ones, below
// original_context / high_freq_factor, as they are, and interpolates between. factor 1 changes nothing.
struct RopeScaling {
  double factor = 1, low_freq_factor = 1, high_freq_factor = 4;
  int original_context = 8192;
  bool linear = false;
};

struct Architecture {
  std::string family = "llama";  // llama | qwen2 | qwen3 | gemma3_text: Hugging Face's model_type
  int vocab_size = 0;
  int width = 0;       // hidden_size
  int layers = 0;      // num_hidden_layers
  int heads = 0;       // num_attention_heads
  int kv_heads = 0;    // num_key_value_heads; divides heads
  int head_width = 0;  // head_dim
  int ffn_width = 0;   // intermediate_size
  int context = 0;     // max_position_embeddings
  double rope_theta = 10000;
  RopeScaling rope_scaling;
  double norm_eps = 1e-5;
  bool tied_embeddings = true;
  bool attention_bias = false;  // bias on q, k and v; for o see output_bias()
  bool qk_norm = false;         // RMSNorm on q and k per head (Qwen3, Gemma 3)
  // Gemma 3 has two kinds of layers: some attend to all positions, some to the last `window` only (the
  // query's own included), with another rotary θ.
  int window = 0;
  std::vector<bool> windowed;  // per layer; empty: none
  double window_rope_theta = 10000;
  int query_scalar = 0;  // query_pre_attn_scalar: scores are divided by its root; 0 stands for head_width
  int bos_token = -1;    // -1: none
  std::vector<int> eos_tokens;       // any of them ends a rollout
  Json raw = Json::object();         // config.json as read; written back with the fields above
  Json generation = Json::object();  // generation_config.json likewise

  // Llama and Qwen3 with attention_bias have a bias on o (self_attn.o_proj.bias) too; Qwen2 never has.
  bool output_bias() const { return attention_bias && family != "qwen2"; }
  // Gemma 3's block: norms multiply by 1 + weight; there are norms after attention and after the feed-forward
  // part as well as before; the gate is tanh-GELU instead of SiLU; embeddings are multiplied by sqrt(width).
  bool gemma() const { return family == "gemma3_text"; }
  bool is_windowed(std::size_t layer) const { return layer < windowed.size() && windowed[layer]; }
  std::int64_t parameters() const;  // number of trainable values
};

// Throws Error for sizes that are missing, out of bounds or inconsistent, and for token ids outside the
// vocabulary; it names the Hugging Face field. The message begins with `operation`.
void check(const Architecture& architecture, const std::string& operation);

// → D/2 values: the angle per position of each rotary pair, θ^(−2i/D), scaled. `windowed`: for the layers
// with a window, which have their own θ and no scaling.
std::vector<double> rotary_frequencies(const Architecture& architecture, bool windowed = false);

// From a Hugging Face config.json. Errors name the field: unknown model_type (lists the known), missing,
// non-positive or inconsistent sizes, features that are not supported (other rope scalings, sliding windows
// outside Gemma 3, its soft-capped logits).
Architecture architecture_from_json(const Json& config);
// "eos_token_id" of a config.json or generation_config.json: a number, a list or null.
std::vector<int> read_eos_tokens(const Json& config);
// A config.json that transformers loads (architectures, model_type, torch_dtype, …).
Json to_json(const Architecture& architecture);

}  // namespace pope
