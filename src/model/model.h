// The model: parameters, and the two ways through them, which share the code of the layers.
//   forward_hidden()  training: packed sequences, differentiable.
//   decode()          sampling: one step of a batch of cached sequences, or a prefill; no gradient.
// Symbols: B sequences, T positions, N rows (tokens), W width, H query heads, K kv heads, D head width, V
// vocabulary.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/architecture.h"
#include "model/kv_cache.h"
#include "model/lora_config.h"
#include "model/named_tensors.h"
#include "model/packing.h"
#include "model/token_logprobs.h"

namespace pope {

struct HeadSplit;  // layers.h

// A trainable tensor: the f32 master that the optimiser changes, and the tensor that forward passes read. In
// f32 compute the two are one tensor; in bf16 sync_compute_weights() rounds the master to the compute tensor.
struct Parameter {
  std::string name;    // Hugging Face's name, "model.layers.0.self_attn.q_proj.weight"
  at::Tensor master;   // f32; in a frozen model the compute tensor
  at::Tensor compute;  // f32 or bf16; requires_grad, backward leaves the gradient in its .grad()
};

// Error: a parameter of the architecture is missing, has another shape or is not of a floating type, or a
// given tensor is not a parameter.
void check_weights(const Architecture& architecture, const std::vector<TensorInfo>& given);

// A frozen model has no masters beside its compute tensors: it samples, or trains an adapter.
enum class Weights { trainable, frozen };

class Model {
 public:
  // Takes `weights` (Hugging Face names; a tied lm_head may be absent) on the device they are on. Those that
  // have the right type are not copied. `compute` is kFloat or kBFloat16. Errors: see check_weights.
  Model(Architecture architecture, NamedTensors weights, at::ScalarType compute = at::kFloat,
        Weights use = Weights::trainable);
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  // Random weights: normal(0, 0.02), norms that multiply by 1, biases 0; deterministic in `seed`.
  static std::shared_ptr<Model> random(Architecture architecture, std::uint64_t seed,
                                       at::ScalarType compute = at::kFloat);

  const Architecture& architecture() const { return architecture_; }
  std::vector<Parameter>& parameters() { return parameters_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  // What is trained and saved: the parameters, or the adapter's.
  std::vector<Parameter>& trainable() { return lora_ ? adapter_ : parameters_; }
  const std::vector<Parameter>& trainable() const { return lora_ ? adapter_ : parameters_; }

  // From here on the weights are frozen, and a LoRA adapter beside them is trained (lora.h); A is uniform in
  // ±1/√W, as PEFT draws it, deterministic in `seed`. `base`: where the weights come from, which the saved
  // adapter names. Experts get none. Once. Error: config.targets names no linear layer of the blocks.
  void add_lora(const LoraConfig& config, std::string base, std::uint64_t seed);
  struct AddedLora {
    LoraConfig config;  // with the targets that there are
    std::string base;
  };
  const std::optional<AddedLora>& lora() const { return lora_; }

  at::ScalarType compute_type() const { return compute_; }
  // Where the weights are. Inputs must be there too, unless a function says otherwise.
  at::Device device() const;
  // The number of optimiser steps so far; rollouts record it.
  std::int64_t version = 0;
  // With it forward_hidden() keeps two tensors [N,W] per block and computes the rest again in the backward
  // pass: the same gradients with less memory, in about a third more time.
  bool activation_checkpointing = false;
  // Copies the masters to the compute tensors; call it after changing masters. Does nothing in f32. Weights
  // are always changed in place: recorded decode steps (graphs.h) read them at their addresses.
  void sync_compute_weights();

  // Hidden states after the final norm (and Granite's divisor of the logits). tokens [N] i64, laid out as
  // `packing` says → [N,W] compute type, with gradient. The result for a sequence does not depend on the
  // others in the row. Error: a sequence longer than the model's context.
  at::Tensor forward_hidden(const at::Tensor& tokens, const Packing& packing) const;

  // One cached step, or with T > 1 a prefill of right-padded prompts. tokens [B,T] i64 for the cache's slots
  // 0 … B−1, starts [B] i64 the position of each row's first token; both on the CPU. Writes keys and values
  // into the cache; each token attends to the positions up to its own. → hidden states [B,T,W], no gradient.
  // The plain reference is forward_hidden().
  at::Tensor decode(const at::Tensor& tokens, const at::Tensor& starts, KvCache& cache) const;
  // The same with tokens and starts on the weights' device, attending within the first `length` positions. On
  // devices other than the CPU nothing is read on the host, and what is launched depends on B, T and `length`
  // alone. The caller makes sure that starts + T ≤ length and that the cache has room.
  at::Tensor decode_within(const at::Tensor& tokens, const at::Tensor& starts, std::int64_t length,
                           KvCache& cache) const;

  // Logits of hidden states [N,W] → [N,V] f32; bf16 is multiplied exactly and summed in f32. No gradient.
  at::Tensor logits(const at::Tensor& hidden) const;
  // The output embedding [V,W], compute type: lm_head, or the tied embedding.
  const at::Tensor& output_embedding() const;

 private:
  struct Layer;
  template <class Attend>
  at::Tensor forward(const at::Tensor& tokens, const at::Tensor& positions, std::int64_t length,
                     const Attend& attend) const;
  at::Tensor prefill(const at::Tensor& tokens, KvCache& cache) const;
  at::Tensor embedded(const at::Tensor& tokens) const;  // [N] → [N,W]
  // qkv [N,C] as the heads are split from it: with the norms over all heads, which `split` then has no more,
  // and queries multiplied by `growth` (undefined or [N,1]).
  at::Tensor prepared(at::Tensor qkv, const at::Tensor& growth, HeadSplit& split) const;
  Architecture architecture_;
  at::ScalarType compute_;
  std::vector<Parameter> parameters_, adapter_;
  std::optional<AddedLora> lora_;
  struct Views;  // the compute tensors by role
  std::shared_ptr<Views> views_;
};

}  // namespace pope
