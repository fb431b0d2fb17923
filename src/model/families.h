// What distinguishes the families of models from one another: one row of a table each. A family whose
// config.json has fields of its own has two functions for them, too.
#pragma once

#include <string>

#include "core/files.h"

namespace pope {

struct Architecture;

// Where a block norms: what attention and feed-forward part read, what they add to the residual, or both.
enum class Norms { before, both, after };

// Which layers attend to a window where "layer_types" does not say it.
//   never              none; a configuration that asks for windows is refused
//   all                every one
//   all_but_every_nth  of sliding_window_pattern layers all but the last
//   after_some         from layer max_window_layers on
//   without_rope       those without rotary embedding
enum class WindowLayers { never, all, all_but_every_nth, after_some, without_rope };

struct Family {
  const char* name;         // Hugging Face's model_type
  const char* model_class;  // and "architectures"
  // Defaults of transformers for fields that are missing. head_width 0: hidden_size / num_attention_heads.
  // kv_heads 0: as many as heads. window 0: none.
  int head_width = 0, kv_heads = 0;
  double norm_eps = 1e-6, rope_theta = 10000;
  bool tied_embeddings = false;
  const char *activation_field = "hidden_act", *activation = "silu";

  bool attention_bias = true;  // config.json says whether there is one; false: there is none
  bool mlp_bias = false;       // likewise
  bool fused_weights = false;  // q, k, v are one matrix, gate and up another
  bool qk_norm = false;        // q and k are normed head by head
  bool whole_qk_norm = false;  // q and k are normed over all their heads together
  Norms norms = Norms::before;

  WindowLayers windowed = WindowLayers::never;
  bool window_switch = false;    // only with "use_sliding_window": true
  int window = 0;                // where "sliding_window" is missing; null is none
  bool layer_types = false;      // "layer_types" says which layers have one; false: transformers ignores it
  int window_pattern = 0;        // sliding_window_pattern's default
  bool window_has_rope = false;  // layers with a window have a θ of their own and no scaling
  const char* window_theta_field = nullptr;  // which is here, or else that of the other layers
  bool partial_rotary = false;               // "partial_rotary_factor" may be less than 1
  int original_context = 0;                  // "original_max_position_embeddings" where it is missing

  // The fields of this family alone: read after sizes and rotary embedding and before the windows, written
  // and checked after all others.
  void (*read)(const Json& config, Architecture& architecture) = nullptr;
  void (*write)(const Architecture& architecture, Json& config) = nullptr;
  void (*check)(const Architecture& architecture, const std::string& operation) = nullptr;
};

// Null where there is none of this name.
const Family* find_family(const std::string& name);
std::string known_families();  // "llama, qwen2, …"

}  // namespace pope
