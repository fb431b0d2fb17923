// LoRA (Hu et al., arXiv 2106.09685): a frozen weight W [C,W] gets a trained product of rank r beside it,
//   y = x Wᵀ + (alpha / r) (x Aᵀ) Bᵀ,   A [r,W] random, B [C,r] zero at first.
// A and B are f32 and multiplied in f32, and the sum is rounded to the compute type, as PEFT does it. The
// reference, in the tests, is the plain product with W + (alpha / r) B A.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <vector>

#include "model/joint.h"

namespace pope {

// Beside one weight. Undefined: it has no adapter.
struct LoraPair {
  at::Tensor a, b;  // [r,W], [C,r]
};

// The adapters beside the parts of a joint product (joint.h).
class Lora {
 public:
  Lora() = default;
  // Changes the A of the pairs into views of one tensor, so that one product serves them all. rows[i]: what
  // part i adds to C.
  Lora(const std::vector<LoraPair*>& pairs, std::vector<std::int64_t> rows, double scale);
  bool empty() const { return b_.empty(); }
  // y [N,C] with what the adapters add, in y's type; x [N,W].
  at::Tensor add_to(const at::Tensor& y, const at::Tensor& x) const;

 private:
  Joint a_;
  std::vector<at::Tensor> b_;  // by part; undefined: that part has no adapter
  std::vector<std::int64_t> rows_;
  double scale_ = 1;
};

// W [C,W] with what a pair adds to it, rounded once to W's type. No gradient.
at::Tensor merged(const at::Tensor& weight, const LoraPair& pair, double scale);

// PEFT's name of the A or B ("A", "B") beside the weight of this name:
// "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight".
std::string lora_name(const std::string& weight, const std::string& which);
// "q_proj" of "model.layers.0.self_attn.q_proj.weight".
std::string module_of(const std::string& weight);

}  // namespace pope
