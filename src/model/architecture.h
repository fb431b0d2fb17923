// The one architecture: a decoder-only transformer with RMSNorm, rotary embedding, grouped-query attention
// and SwiGLU, as the Llama, Qwen2 and Qwen3 families have it. All sizes, from the micro model to billions,
// are values.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/files.h"

namespace pope {

// Llama 3's longer context (rope_type "llama3"): rotary frequencies whose wavelength is above
// original_context / low_freq_factor are divided by `factor`, those below original_context / high_freq_factor
// stay, between them the two are mixed. factor 1: none.
struct RopeScaling {
  double factor = 1, low_freq_factor = 1, high_freq_factor = 4;
  int original_context = 8192;
};

struct Architecture {
  std::string family = "llama";  // llama | qwen2 | qwen3: Hugging Face's model_type
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
  bool attention_bias = false;  // bias on q, k, v; and on o, see output_bias()
  bool qk_norm = false;         // RMSNorm on q and k per head (Qwen3)
  int bos_token = -1;           // -1: none
  std::vector<int> eos_tokens;  // any of them ends a rollout
  Json raw = Json::object();    // config.json as read; written back with the fields above

  // Llama and Qwen3 with attention_bias have a bias on o (self_attn.o_proj.bias) too; Qwen2 never has.
  bool output_bias() const { return attention_bias && family != "qwen2"; }
  std::int64_t parameters() const;  // number of trainable values
};

// Throws Error that names the Hugging Face field: sizes missing, out of bounds or inconsistent, token ids
// outside the vocabulary. `operation` opens the message.
void check(const Architecture& architecture, const std::string& operation);

// Angle per position of each rotary pair: θ^(−2i/D), scaled. → D/2 values.
std::vector<double> rotary_frequencies(const Architecture& architecture);

// From a Hugging Face config.json. Errors name the field: unknown model_type (lists the known), missing,
// non-positive or inconsistent sizes, features that are not supported (other rope scalings, sliding windows
// in use).
Architecture architecture_from_json(const Json& config);
// "eos_token_id" of a config.json or generation_config.json: a number, a list or null.
std::vector<int> read_eos_tokens(const Json& config);
// A config.json that transformers loads (architectures, model_type, torch_dtype, …).
Json to_json(const Architecture& architecture);

}  // namespace pope
