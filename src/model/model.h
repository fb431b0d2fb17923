// The model: parameters and the two ways through them, which share the layer code.
//   forward_hidden():  the training forward over packed sequences, differentiable.
//   decode():  one step for a batch of cached sequences, or a prefill, without gradient.
// Symbols: B sequences, T positions, N rows (tokens), W width, H query heads, K kv heads, D head width, V
// vocabulary.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/architecture.h"
#include "model/kv_cache.h"
#include "model/named_tensors.h"
#include "model/packing.h"
#include "model/token_logprobs.h"

namespace pope {

// A trainable tensor: the fp32 master that the optimiser steps, and the tensor that forward passes read.
// In fp32 compute the two are one tensor; in bf16 the compute tensor is the master rounded (see
// sync_compute_weights()).
struct Parameter {
  std::string name;    // Hugging Face's name, "model.layers.0.self_attn.q_proj.weight"
  at::Tensor master;   // f32; of a frozen model the compute tensor
  at::Tensor compute;  // f32 or bf16; requires_grad, its .grad() is what backward leaves
};

// Error: a parameter of the architecture is missing, has another shape or no floating type, or a tensor is
// none.
void check_weights(const Architecture& architecture, const std::vector<TensorInfo>& given);

// A frozen model only samples: it has no masters beside its compute tensors.
enum class Weights { trainable, frozen };

class Model {
 public:
  // Takes `weights` over (Hugging Face names; a tied lm_head may be absent) on the device they are on: what
  // has the right type is not copied. Errors: missing, extra or misshapen tensors, by name. `compute` is
  // kFloat or kBFloat16.
  Model(Architecture architecture, NamedTensors weights, at::ScalarType compute = at::kFloat,
        Weights use = Weights::trainable);
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  // Random weights: normal(0, initializer_range = 0.02), norms that multiply by 1, biases 0; deterministic in
  // `seed`.
  static std::shared_ptr<Model> random(Architecture architecture, std::uint64_t seed,
                                       at::ScalarType compute = at::kFloat);

  const Architecture& architecture() const { return architecture_; }
  std::vector<Parameter>& parameters() { return parameters_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  at::ScalarType compute_type() const { return compute_; }
  // Where the weights are. Inputs have to be there too, where nothing else is said.
  at::Device device() const;
  // Counts optimiser steps; stamped on rollouts.
  std::int64_t version = 0;
  // forward_hidden() keeps two tensors [N,W] per block and computes the rest again in the backward pass: the
  // same gradients, less memory, about a third more time.
  bool activation_checkpointing = false;
  // Makes the compute tensors equal to the masters again (after an optimiser step). No-op in fp32. In place,
  // as all that changes weights has to be: recorded decode steps (graphs.h) read them where they lie.
  void sync_compute_weights();

  // Final-norm hidden states. tokens [N] i64 of the sequences that `packing` names → [N,W] compute dtype,
  // with gradient. Each sequence is computed as if it were alone.
  at::Tensor forward_hidden(const at::Tensor& tokens, const Packing& packing) const;

  // Cached step. tokens [B,T] i64 (on the CPU, as starts) for the cache slots 0..B−1 of `cache` (T = 1:
  // decode; T > 1: prefill of right-padded prompts), starts [B] i64 = position of each row's first token.
  // Writes keys and values into the cache, attends to positions ≤ its own. → hidden [B,T,W], no gradient. The
  // plain reference is forward_hidden().
  at::Tensor decode(const at::Tensor& tokens, const at::Tensor& starts, KvCache& cache) const;
  // The same with tokens and starts where the weights are. On a device other than the CPU nothing is read on
  // the host, and nothing but B, T and `length` decides what is launched. Attends within the first `length`
  // positions; the caller answers for starts + T ≤ length, and for room in the cache.
  at::Tensor decode_within(const at::Tensor& tokens, const at::Tensor& starts, std::int64_t length,
                           KvCache& cache) const;

  // Logits of rows. hidden [N,W] → [N,V] f32, bf16 multiplied exactly and summed in f32. No gradient.
  at::Tensor logits(const at::Tensor& hidden) const;
  // The output embedding [V,W], compute dtype: the tied embedding or lm_head.
  const at::Tensor& output_embedding() const;

 private:
  struct Layer;
  template <class Attend>
  at::Tensor forward(const at::Tensor& tokens, const at::Tensor& positions, std::int64_t length,
                     const Attend& attend) const;
  at::Tensor prefill(const at::Tensor& tokens, KvCache& cache) const;
  Architecture architecture_;
  at::ScalarType compute_;
  std::vector<Parameter> parameters_;
  struct Views;  // the compute tensors by role
  std::shared_ptr<Views> views_;
};

}  // namespace pope
