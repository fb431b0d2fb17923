// Parameters by role, one block function, and the two ways through it.
#include "model/model.h"

#include <c10/core/GradMode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <map>
#include <mutex>
#include <tuple>

#include "core/error.h"
#include "core/memory.h"
#include "core/rng.h"
#include "model/layers.h"
#include "model/layers_plain.h"
#include "model/product.h"
#include "model/recompute.h"

namespace pope {

// The compute tensors of one block. Undefined: not in this architecture.
struct Model::Layer {
  at::Tensor input_norm, ffn_norm, q_norm, k_norm, output, output_bias, down;
  at::Tensor attention_out_norm, ffn_out_norm;  // norms after attention and feed-forward part (Gemma 3)
  // The rows of q, k and v in one tensor [C,W], bias [C]; those of gate and up in one [2F,W]. The named
  // parameters (…_parts) are views of these, so that decoding needs one product and training still has
  // separate gradients.
  at::Tensor qkv, qkv_bias, gate_up;
  std::vector<at::Tensor> qkv_parts, qkv_bias_parts, gate_up_parts;
};

struct Model::Views {
  at::Tensor embedding, final_norm, output;
  std::vector<Layer> layers;
  std::mutex rotary_mutex;
  struct Rotary {
    at::Tensor cos, sin;  // [positions so far, D/2] f32
  } rotary_tables[2];     // [0]: layers that attend to all positions; [1]: layers with a window

  // The rows of a rotary table at `positions` [N] i64, all below `length`; the table grows to it.
  Rotary rotary(const Architecture& a, bool windowed, const at::Tensor& positions, std::int64_t length) {
    const std::lock_guard lock(rotary_mutex);
    auto& [cos, sin] = rotary_tables[windowed];
    if (!cos.defined() || cos.size(0) < length) {
      const std::int64_t before = cos.defined() ? cos.size(0) : std::min(512, a.context);
      // On a device the table is made once in full: recorded steps keep reading at its address.
      const auto rows =
          embedding.is_cpu() ? std::max(length, 2 * before) : std::max<std::int64_t>(length, a.context);
      const auto frequencies = at::tensor(rotary_frequencies(a, windowed), at::kFloat);
      const auto angles = at::outer(at::arange(rows, at::kFloat), frequencies);
      cos = angles.cos().to(embedding.device());
      sin = angles.sin().to(embedding.device());
    }
    return {cos.index_select(0, positions), sin.index_select(0, positions)};
  }
};

namespace {

using Shape = std::vector<std::int64_t>;

// Hugging Face's name of the norm before the feed-forward part. In Gemma 3 "post_attention_layernorm", its
// name in the other families, is the norm after attention.
const char* ffn_norm_name(const Architecture& a) {
  return a.gemma() ? "pre_feedforward_layernorm.weight" : "post_attention_layernorm.weight";
}

// Every parameter with its shape, in the order in which they are kept and saved.
std::vector<std::pair<std::string, Shape>> parameter_shapes(const Architecture& a) {
  std::vector<std::pair<std::string, Shape>> out;
  const std::int64_t w = a.width, q = std::int64_t{a.heads} * a.head_width,
                     kv = std::int64_t{a.kv_heads} * a.head_width;
  out.push_back({"model.embed_tokens.weight", {a.vocab_size, w}});
  for (int l = 0; l < a.layers; ++l) {
    const auto p = fmt::format("model.layers.{}.", l);
    out.push_back({p + "input_layernorm.weight", {w}});
    out.push_back({p + "self_attn.q_proj.weight", {q, w}});
    out.push_back({p + "self_attn.k_proj.weight", {kv, w}});
    out.push_back({p + "self_attn.v_proj.weight", {kv, w}});
    if (a.attention_bias) {
      out.push_back({p + "self_attn.q_proj.bias", {q}});
      out.push_back({p + "self_attn.k_proj.bias", {kv}});
      out.push_back({p + "self_attn.v_proj.bias", {kv}});
    }
    if (a.qk_norm) {
      out.push_back({p + "self_attn.q_norm.weight", {a.head_width}});
      out.push_back({p + "self_attn.k_norm.weight", {a.head_width}});
    }
    out.push_back({p + "self_attn.o_proj.weight", {w, q}});
    if (a.output_bias()) out.push_back({p + "self_attn.o_proj.bias", {w}});
    if (a.gemma()) out.push_back({p + "post_attention_layernorm.weight", {w}});
    out.push_back({p + ffn_norm_name(a), {w}});
    out.push_back({p + "mlp.gate_proj.weight", {a.ffn_width, w}});
    out.push_back({p + "mlp.up_proj.weight", {a.ffn_width, w}});
    out.push_back({p + "mlp.down_proj.weight", {w, a.ffn_width}});
    if (a.gemma()) out.push_back({p + "post_feedforward_layernorm.weight", {w}});
  }
  out.push_back({"model.norm.weight", {w}});
  if (!a.tied_embeddings) out.push_back({"lm_head.weight", {a.vocab_size, w}});
  return out;
}

std::string text(at::IntArrayRef shape) { return fmt::format("[{}]", fmt::join(shape, ",")); }

// The tensors of `given` in the order of parameter_shapes, all checked.
NamedTensors ordered(const Architecture& a, NamedTensors given) {
  std::vector<TensorInfo> listed;
  for (const auto& [name, tensor] : given)
    listed.push_back({name, tensor.sizes().vec(), tensor.scalar_type()});
  check_weights(a, listed);
  std::map<std::string, at::Tensor> by_name;
  for (auto& [name, tensor] : given) by_name[name] = std::move(tensor);
  NamedTensors out;
  for (const auto& [name, shape] : parameter_shapes(a)) out.emplace_back(name, std::move(by_name.at(name)));
  return out;
}

// Makes `parts` views of one tensor that holds their rows one below the other. → that tensor.
at::Tensor stack(const std::vector<at::Tensor*>& parts) {
  std::vector<at::Tensor> old;
  for (const auto* part : parts) old.push_back(*part);
  auto whole = at::cat(old);
  std::int64_t row = 0;
  for (auto* part : parts) {
    const auto rows = part->size(0);
    *part = whole.narrow(0, row, rows)
                .variable_data();  // variable_data: a leaf of its own, not a view to autograd
    row += rows;
  }
  return whole;
}

// The joint weights for a product. With gradient they are put together from the parts, which autograd then
// sees (the copy costs little beside the product); without gradient the shared storage is used.
at::Tensor stacked(const at::Tensor& whole, const std::vector<at::Tensor>& parts) {
  return c10::GradMode::is_enabled() && whole.defined() ? at::cat(parts) : whole;
}

// Attention divides scores by the root of the head width. Scaling the query changes that to query_scalar's
// root.
at::Tensor scaled_query(const Architecture& a, const at::Tensor& q) {
  if (a.query_scalar == 0 || a.query_scalar == a.head_width) return q;
  return q * std::sqrt(double(a.head_width) / a.query_scalar);
}

}  // namespace

void check_weights(const Architecture& a, const std::vector<TensorInfo>& given) {
  std::map<std::string, const TensorInfo*> by_name;
  for (const auto& tensor : given) by_name[tensor.name] = &tensor;
  if (a.tied_embeddings) by_name.erase("lm_head.weight");
  for (const auto& [name, shape] : parameter_shapes(a)) {
    const auto found = by_name.find(name);
    if (found == by_name.end()) {
      throw Error("model", "expected a tensor named " + name + ", found none",
                  "the weights do not fit the configuration; is the file complete?");
    }
    const TensorInfo& tensor = *found->second;
    if (tensor.shape != shape) {
      throw Error("model",
                  fmt::format("expected {} with shape {}, got {}", name, text(shape), text(tensor.shape)),
                  "the weights do not fit the configuration");
    }
    if (!at::isFloatingType(tensor.type)) {
      throw Error("model",
                  fmt::format("expected {} as f32, f16 or bf16, got {}", name, at::toString(tensor.type)),
                  "the weights do not fit the configuration; quantised weights have to be converted first");
    }
    by_name.erase(found);
  }
  if (!by_name.empty()) {
    throw Error("model", "unexpected tensor " + by_name.begin()->first,
                "the weights hold what this architecture does not have; check model_type in config.json");
  }
}

Model::Model(Architecture architecture, NamedTensors weights, at::ScalarType compute, Weights use)
    : architecture_(std::move(architecture)), compute_(compute), views_(std::make_shared<Views>()) {
  if (compute != at::kFloat && compute != at::kBFloat16) {
    throw Error("model",
                fmt::format("expected compute type float32 or bfloat16, got {}", at::toString(compute)));
  }
  const c10::NoGradGuard no_grad;
  std::map<std::string, std::size_t> index;
  // Without needless copies: the given tensors become the masters, or the compute tensors if there are no
  // masters.
  const bool own_masters = compute != at::kFloat && use == Weights::trainable;
  for (auto& [name, tensor] : ordered(architecture_, std::move(weights))) {
    index[name] = parameters_.size();
    at::Tensor master = own_masters ? tensor.to(at::kFloat).contiguous() : at::Tensor();
    at::Tensor computed = (own_masters ? master : tensor).to(compute).contiguous();
    parameters_.push_back({name, std::move(master), std::move(computed)});
    tensor.reset();
  }
  const auto slot = [&](const std::string& name) { return &parameters_[index.at(name)].compute; };
  const auto maybe = [&](const std::string& name) {
    return index.contains(name) ? *slot(name) : at::Tensor();
  };
  const auto join = [&](const std::vector<std::string>& names, std::vector<at::Tensor>& parts) {
    std::vector<at::Tensor*> slots;
    for (const auto& name : names) slots.push_back(slot(name));
    const auto whole = stack(slots);
    for (const auto* part : slots) parts.push_back(*part);
    return whole;
  };
  for (int l = 0; l < architecture_.layers; ++l) {
    const auto p = fmt::format("model.layers.{}.", l), attention = p + "self_attn.";
    Layer layer;
    layer.qkv = join({attention + "q_proj.weight", attention + "k_proj.weight", attention + "v_proj.weight"},
                     layer.qkv_parts);
    if (architecture_.attention_bias) {
      layer.qkv_bias = join({attention + "q_proj.bias", attention + "k_proj.bias", attention + "v_proj.bias"},
                            layer.qkv_bias_parts);
    }
    layer.gate_up = join({p + "mlp.gate_proj.weight", p + "mlp.up_proj.weight"}, layer.gate_up_parts);
    layer.input_norm = *slot(p + "input_layernorm.weight");
    layer.ffn_norm = *slot(p + ffn_norm_name(architecture_));
    if (architecture_.gemma()) {
      layer.attention_out_norm = *slot(p + "post_attention_layernorm.weight");
      layer.ffn_out_norm = *slot(p + "post_feedforward_layernorm.weight");
    }
    layer.q_norm = maybe(attention + "q_norm.weight");
    layer.k_norm = maybe(attention + "k_norm.weight");
    layer.output = *slot(attention + "o_proj.weight");
    layer.output_bias = maybe(attention + "o_proj.bias");
    layer.down = *slot(p + "mlp.down_proj.weight");
    views_->layers.push_back(std::move(layer));
    give_back_freed_memory();  // of the separate parts, so that large weights are not in memory twice
  }
  views_->embedding = *slot("model.embed_tokens.weight");
  views_->final_norm = *slot("model.norm.weight");
  views_->output = architecture_.tied_embeddings ? views_->embedding : *slot("lm_head.weight");
  for (auto& parameter : parameters_) {
    parameter.compute.set_requires_grad(true);
    if (!own_masters) parameter.master = parameter.compute;
  }
}

std::shared_ptr<Model> Model::random(Architecture architecture, std::uint64_t seed, at::ScalarType compute) {
  constexpr double kInitializerRange = 0.02;
  NamedTensors weights;
  for (const auto& [name, shape] : parameter_shapes(architecture)) {
    const bool norm = name.find("norm") != std::string::npos;
    auto tensor = norm && !architecture.gemma() ? at::ones(shape) : at::zeros(shape);
    if (shape.size() == 2) {
      RngStream rng(seed, {key_of(name)});
      auto* values = tensor.data_ptr<float>();
      for (std::int64_t i = 0; i < tensor.numel(); ++i)
        values[i] = static_cast<float>(kInitializerRange * rng.normal());
    }
    weights.emplace_back(name, std::move(tensor));
  }
  return std::make_shared<Model>(std::move(architecture), std::move(weights), compute);
}

void Model::sync_compute_weights() {
  const c10::NoGradGuard no_grad;
  for (auto& parameter : parameters_) {
    if (!parameter.master.is_same(parameter.compute)) parameter.compute.copy_(parameter.master);
  }
}

// All blocks and the final norm. tokens and their positions < length [N] → [N,W]; `attend(qkv, split, layer,
// window)` turns the q, k, v product of a layer into [N,H·D]: the one thing in which training and decoding
// differ.
template <class Attend>
at::Tensor Model::forward(const at::Tensor& tokens, const at::Tensor& positions, std::int64_t length,
                          const Attend& attend) const {
  const auto& a = architecture_;
  const double offset = a.gemma() ? 1 : 0;
  Views::Rotary rotary[2];  // [windowed]
  for (const bool windowed : {false, true}) {
    if (!windowed || a.window > 0) rotary[windowed] = views_->rotary(a, windowed, positions, length);
  }
  // Captures by value, all but the model: recomputation runs a block again after this function has returned.
  const auto block = [this, attend, offset, rotary](std::size_t l, TensorPair state) {
    const auto& a = architecture_;
    const auto& layer = views_->layers[l];
    const bool windowed = a.is_windowed(l);
    const auto& [cos, sin] = rotary[windowed];
    auto& [x, normed] = state;
    const auto norm_if_any = [&](const at::Tensor& added, const at::Tensor& weight) {
      return weight.defined() ? rms_norm(added, weight, a.norm_eps, offset) : added;
    };
    const HeadSplit split{a.heads,      a.kv_heads, a.head_width, a.norm_eps, layer.q_norm,
                          layer.k_norm, cos,        sin,          offset};
    const auto qkv =
        project(normed, stacked(layer.qkv, layer.qkv_parts), stacked(layer.qkv_bias, layer.qkv_bias_parts));
    const auto attended =
        project(attend(qkv, split, l, windowed ? a.window : 0), layer.output, layer.output_bias);
    std::tie(x, normed) =
        add_rms_norm(x, norm_if_any(attended, layer.attention_out_norm), layer.ffn_norm, a.norm_eps, offset);
    const auto gate_up = project(normed, stacked(layer.gate_up, layer.gate_up_parts));
    const auto ffn = project(a.gemma() ? geglu(gate_up) : swiglu(gate_up), layer.down);
    const bool last = l + 1 == views_->layers.size();
    const auto& next_norm = last ? views_->final_norm : views_->layers[l + 1].input_norm;
    std::tie(x, normed) =
        add_rms_norm(x, norm_if_any(ffn, layer.ffn_out_norm), next_norm, a.norm_eps, offset);
    return state;
  };
  auto x = at::embedding(views_->embedding, tokens);
  // The factor is rounded to the compute type, as transformers does.
  if (a.gemma()) x = x * at::scalar_tensor(std::sqrt(a.width), x.options());
  TensorPair state{x,
                   rms_norm(x, views_->layers.front().input_norm, a.norm_eps, offset)};  // residual, normed
  const bool recompute = activation_checkpointing && c10::GradMode::is_enabled();
  for (std::size_t l = 0; l < views_->layers.size(); ++l) {
    state = recompute ? recomputed([block, l](const TensorPair& s) { return block(l, s); }, state)
                      : block(l, state);
  }
  return state.second;
}

at::Tensor Model::forward_hidden(const at::Tensor& tokens, const Packing& packing) const {
  if (tokens.dim() != 1 || tokens.size(0) != packing.tokens()) {
    throw Error("hidden", fmt::format("expected a row of {} tokens, as the packing says, got {}",
                                      packing.tokens(), text(tokens.sizes())));
  }
  return forward(
      tokens, packing.positions().to(device()), packing.longest(),
      [this, packing](const at::Tensor& qkv, const HeadSplit& split, std::size_t, std::int64_t window) {
        auto heads = split_heads(qkv, split);
        heads.q = scaled_query(architecture_, heads.q);
        return causal_attention(heads, packing, window);
      });
}

at::Tensor Model::decode(const at::Tensor& tokens, const at::Tensor& starts, KvCache& cache) const {
  const auto batch = tokens.size(0), steps = tokens.size(1);
  const auto* start = starts.const_data_ptr<std::int64_t>();
  const auto end = *std::max_element(start, start + batch) + steps;
  const bool fresh = std::all_of(start, start + batch, [](std::int64_t s) { return s == 0; });
  bool fits = batch <= cache.slots();
  for (int b = 0; fits && b < batch; ++b) {
    const auto row = start[b] - cache.shared(b);
    fits = row >= 0 && row + steps <= cache.positions();
  }
  if (!fits) {
    throw Error("decode",
                fmt::format("expected at most {} sequences with {} positions of their own, got {} up to {}",
                            cache.slots(), cache.positions(), batch, end));
  }
  if (fresh && steps > 1) return prefill(tokens.to(device()), cache);
  return decode_within(tokens.to(device()), starts.to(device()), end, cache);
}

at::Tensor Model::decode_within(const at::Tensor& tokens, const at::Tensor& starts, std::int64_t length,
                                KvCache& cache) const {
  const c10::NoGradGuard no_grad;
  const auto batch = tokens.size(0), steps = tokens.size(1);
  const auto positions = (starts.unsqueeze(1) + at::arange(steps, starts.options())).flatten();
  const bool fused = has_fused(views_->embedding);
  at::Tensor seen[2];  // [windowed]
  if (!fused) {
    seen[0] = plain::seen_positions(starts, steps, length, 0, compute_);
    if (architecture_.window > 0)
      seen[1] = plain::seen_positions(starts, steps, length, architecture_.window, compute_);
  }
  auto rows = starts;  // the slots' rows to write keys and values to
  if (fused) {
    rows = starts.clone();
    for (std::int64_t b = 0; b < batch; ++b) rows.data_ptr<std::int64_t>()[b] -= cache.shared(b);
  }
  const auto attend = [&](const at::Tensor& qkv, const HeadSplit& split, std::size_t l, std::int64_t window) {
    const auto &keys = cache.keys[l], &values = cache.values[l];
    const auto split_into = fused ? split_heads_into_cache : plain::split_heads_into_cache;
    const auto q = scaled_query(architecture_, split_into(qkv, split, rows, keys, values));
    return fused ? cached_attention(q, keys, values, rows, window, cache.shared_prefixes(l, batch))
                 : plain::cached_attention(q, keys, values, seen[window > 0]);
  };
  return forward(tokens.flatten(), positions, length, attend).view({batch, steps, architecture_.width});
}

// decode() from position 0. The cache holds nothing older, so the attention of training serves.
at::Tensor Model::prefill(const at::Tensor& tokens, KvCache& cache) const {
  const c10::NoGradGuard no_grad;
  const auto batch = tokens.size(0), steps = tokens.size(1);
  const auto packing = Packing::equal(batch, steps);
  const auto attend = [&](const at::Tensor& qkv, const HeadSplit& split, std::size_t l, std::int64_t window) {
    auto heads = split_heads(qkv, split);
    // [K,1,B·T,D] → the first T positions of B slots.
    const auto keep = [&](const at::Tensor& x, const at::Tensor& layer) {
      layer.narrow(0, 0, batch)
          .narrow(2, 0, steps)
          .copy_(x.view({-1, batch, steps, split.width}).transpose(0, 1));
    };
    keep(heads.k, cache.keys[l]);
    keep(heads.v, cache.values[l]);
    heads.q = scaled_query(architecture_, heads.q);
    return causal_attention(heads, packing, window);
  };
  return forward(tokens.flatten(), packing.positions().to(device()), steps, attend)
      .view({batch, steps, architecture_.width});
}

at::Tensor Model::logits(const at::Tensor& hidden) const {
  const c10::NoGradGuard no_grad;
  return head_product(hidden, views_->output);
}

at::Device Model::device() const { return views_->embedding.device(); }

const at::Tensor& Model::output_embedding() const { return views_->output; }

}  // namespace pope
