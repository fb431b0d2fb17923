// Rotary embedding: the angle per position of each pair of a head's values, and the scalings that make them
// fit longer contexts than a model was trained on.
#pragma once

#include <string>
#include <vector>

#include "core/files.h"

namespace pope {

struct Architecture;

// What a rope_type of config.json does to the frequencies:
//   linear    divides all of them by `factor`;
//   llama3    divides long wavelengths, above original_context / low_freq_factor, leaves short ones, below
//             original_context / high_freq_factor, as they are, and interpolates between;
//   yarn      the same between the pairs that turn beta_slow and beta_fast times in original_context;
//   longrope  divides each by its own number of `short_factors`;
//   dynamic   nothing within the model's context, and pope goes no further.
// cos and sin are multiplied by attention_factor. As it stands here it changes nothing.
struct RopeScaling {
  enum class Kind { llama3, linear, dynamic, yarn, longrope };
  Kind kind = Kind::llama3;
  double factor = 1, low_freq_factor = 1, high_freq_factor = 4;
  int original_context = 8192;
  double beta_fast = 32, beta_slow = 1;
  bool truncate = true;               // yarn: the two pairs are whole numbers
  std::vector<double> short_factors;  // one per rotary pair
  double attention_factor = 1;
  // longrope has other factors for texts longer than original_context, which transformers takes for all
  // positions of such a text, those already in its cache too. Here Architecture::context ends before them,
  // and this is max_position_embeddings as config.json has it.
  int extended_context = 0;
  Json source;  // dynamic, yarn and longrope: as read, to be written again

  bool none() const { return (kind == Kind::llama3 || kind == Kind::linear) && factor == 1; }
};

// → D/2 values: the angle per position of each rotary pair, scaled; θ^(−2i/R) for the R/2 pairs that are
// rotated (R: rotary_share · D), 0 for the others. `windowed`: for the layers with a window.
std::vector<double> rotary_frequencies(const Architecture& architecture, bool windowed = false);

// The field that counts of "rope_scaling" (transformers 4) and "rope_parameters" (transformers 5), where
// layers with a window have no rope of their own: the former unless it is empty, as transformers 5 takes it.
const char* rope_field(const Json& config);
// Sets θ, scalings, rotary_share and, for longrope, context, which has to be read before, out of "rope_theta"
// and these. Errors name the field.
void read_rope(const Json& config, Architecture& architecture);
// Writes both spellings.
void write_rope(const Architecture& architecture, Json& config);
// Throws Error for values that are not finite or out of bounds, beginning with `operation`.
void check_rope(const Architecture& architecture, const std::string& operation);

}  // namespace pope
