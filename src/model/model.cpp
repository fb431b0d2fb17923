// Parameters by role, one block function, and the two ways through it.
#include "model/model.h"

#include <c10/core/GradMode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <set>
#include <tuple>

#include "core/error.h"
#include "core/memory.h"
#include "core/rng.h"
#include "model/families.h"
#include "model/feed_forward.h"
#include "model/layers.h"
#include "model/layers_plain.h"
#include "model/parameters.h"
#include "model/recompute.h"

namespace pope {

// The compute tensors of one block. Undefined: not in this architecture.
struct Model::Layer {
  at::Tensor input_norm, attention_out_norm, ffn_norm, ffn_out_norm, q_norm, k_norm;
  Linear qkv, output;  // W → C, H·D → W
  FeedForward ffn;
  Experts experts;  // with a router: in place of ffn
};

// Which angles a layer turns q and k by: those of all positions, those of layers with a window, or none.
enum Angles { kFull, kWindowed, kNone };

struct Model::Views {
  at::Tensor embedding, final_norm, output;
  std::vector<Layer> layers;
  std::mutex rotary_mutex;
  struct Rotary {
    at::Tensor cos, sin;  // [positions so far, D/2] f32
  } rotary_tables[3];     // by Angles
  at::Tensor qkv_order;   // [C] i64: see rotary_order(); undefined: as it is
  bool whole_qk_norm = false;

  // The rows of a rotary table at `positions` [N] i64, all below `length`; the table grows to it.
  Rotary rotary(const Architecture& a, Angles angles_of, const at::Tensor& positions, std::int64_t length) {
    const std::lock_guard lock(rotary_mutex);
    auto& [cos, sin] = rotary_tables[angles_of];
    if (!cos.defined() || cos.size(0) < length) {
      const std::int64_t before = cos.defined() ? cos.size(0) : std::min(512, a.context);
      // On a device the table is made once in full: recorded steps keep reading at its address.
      const auto rows =
          embedding.is_cpu() ? std::max(length, 2 * before) : std::max<std::int64_t>(length, a.context);
      const bool windowed = angles_of == kWindowed;
      auto frequencies = at::tensor(rotary_frequencies(a, windowed), at::kFloat);
      if (angles_of == kNone) frequencies.zero_();
      const auto angles = at::outer(at::arange(rows, at::kFloat), frequencies);
      cos = angles.cos();
      sin = angles.sin();
      const auto& scaling = windowed ? a.window_rope_scaling : a.rope_scaling;
      if (scaling.attention_factor != 1 && angles_of != kNone) {
        for (const auto& table : {cos, sin})
          table.narrow(1, 0, a.rotated_width() / 2).mul_(scaling.attention_factor);
      }
      cos = cos.to(embedding.device());
      sin = sin.to(embedding.device());
    }
    return {cos.index_select(0, positions), sin.index_select(0, positions)};
  }
};

namespace {

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

// Attention divides scores by the root of the head width. Scaling the query changes that to query_scalar's
// root, or to a product with attention_multiplier.
at::Tensor scaled_query(const Architecture& a, const at::Tensor& q) {
  if (a.attention_multiplier != 0) return q * (a.attention_multiplier * std::sqrt(double(a.head_width)));
  if (a.query_scalar == 0 || a.query_scalar == a.head_width) return q;
  return q * std::sqrt(double(a.head_width) / a.query_scalar);
}

// Where only the first R values of a head are rotated, pairs are (i, i + R/2), but the kernels' pairs are
// (i, i + D/2). → the columns of q, k and v [C] in an order that makes them so; scores do not depend on the
// order within a head. Undefined where all are rotated.
at::Tensor rotary_order(const Architecture& a) {
  const std::int64_t width = a.head_width, half = width / 2, rotated = a.rotated_width() / 2;
  if (rotated == half) return {};
  std::vector<std::int64_t> columns;
  for (std::int64_t head = 0; head < a.heads + 2 * a.kv_heads; ++head) {
    for (std::int64_t d = 0; d < width; ++d) {
      const std::int64_t in_half = d % half, which = d / half;
      const std::int64_t from = in_half < rotated
                                    ? which * rotated + in_half
                                    : 2 * rotated + which * (half - rotated) + in_half - rotated;
      columns.push_back(head * width + (head < a.heads + a.kv_heads ? from : d));
    }
  }
  return at::tensor(columns, at::kLong);
}

// The factor of each query, [N,1] of `type`; undefined where there is none.
at::Tensor query_growth(const Architecture& a, const at::Tensor& positions, at::ScalarType type) {
  if (a.query_growth == 0) return {};
  const auto grown = positions.floor_divide(a.rope_scaling.original_context).to(at::kFloat).log1p();
  return (1 + a.query_growth * grown).to(type).unsqueeze(1);
}

// x + delta, delta normed and scaled where the family does, and its norm for what comes next; without
// `next_norm` that reads the sum itself.
TensorPair add_part(const Architecture& a, double offset, const at::Tensor& x, at::Tensor delta,
                    const at::Tensor& out_norm, const at::Tensor& next_norm) {
  if (out_norm.defined()) delta = rms_norm(delta, out_norm, a.norm_eps, offset);
  if (a.residual_multiplier != 1) delta = delta * a.residual_multiplier;
  if (next_norm.defined()) return add_rms_norm(x, delta, next_norm, a.norm_eps, offset);
  const auto sum = x + delta;
  return {sum, sum};
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
  const auto join = [&](const std::vector<std::string>& names) {
    std::vector<at::Tensor*> slots;
    for (const auto& name : names) slots.push_back(slot(name));
    return Joint(slots);
  };
  const auto feed_forward_of = [&](const std::string& prefix) {
    FeedForward ffn;
    ffn.gate_up.weight = join(gate_up_names(architecture_, prefix, "weight"));
    ffn.down.weight = join({prefix + "down_proj.weight"});
    if (!architecture_.mlp_bias) return ffn;
    ffn.gate_up.bias = join(gate_up_names(architecture_, prefix, "bias"));
    ffn.down.bias = join({prefix + "down_proj.bias"});
    return ffn;
  };
  const NormNames norms = norm_names(architecture_);
  for (int l = 0; l < architecture_.layers; ++l) {
    const auto p = layer_prefix(l), attention = p + "self_attn.";
    Layer layer;
    layer.qkv.weight = join(qkv_names(architecture_, attention, "weight"));
    if (architecture_.attention_bias) layer.qkv.bias = join(qkv_names(architecture_, attention, "bias"));
    layer.input_norm = maybe(p + norms.before_attention);
    layer.attention_out_norm = maybe(p + norms.after_attention);
    layer.ffn_norm = maybe(p + norms.before_ffn);
    layer.ffn_out_norm = maybe(p + norms.after_ffn);
    layer.q_norm = maybe(attention + "q_norm.weight");
    layer.k_norm = maybe(attention + "k_norm.weight");
    layer.output.weight = join({attention + "o_proj.weight"});
    if (architecture_.output_bias()) layer.output.bias = join({attention + "o_proj.bias"});
    if (architecture_.is_sparse(std::size_t(l))) {
      layer.experts = {*slot(p + "mlp.gate.weight"),
                       {},
                       architecture_.experts_per_token,
                       architecture_.norm_expert_weights};
      for (int e = 0; e < architecture_.experts; ++e)
        layer.experts.each.push_back(feed_forward_of(expert_prefix(p, e)));
    } else {
      layer.ffn = feed_forward_of(p + "mlp.");
    }
    views_->layers.push_back(std::move(layer));
    give_back_freed_memory();  // of the separate parts, so that large weights are not in memory twice
  }
  views_->embedding = *slot("model.embed_tokens.weight");
  views_->final_norm = *slot("model.norm.weight");
  views_->output = architecture_.tied_embeddings ? views_->embedding : *slot("lm_head.weight");
  views_->whole_qk_norm = architecture_.traits().whole_qk_norm;
  views_->qkv_order = rotary_order(architecture_);
  if (views_->qkv_order.defined()) views_->qkv_order = views_->qkv_order.to(views_->embedding.device());
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

void Model::add_lora(const LoraConfig& config, std::string base, std::uint64_t seed) {
  const c10::NoGradGuard no_grad;
  std::map<std::string, const at::Tensor*> weights;
  for (Parameter& parameter : parameters_) {
    parameter.compute.set_requires_grad(false);
    weights[parameter.name] = &parameter.compute;
  }
  std::set<std::string> found, modules;
  const auto is_target = [&](const std::string& module) {
    modules.insert(module);
    return config.targets.empty() ||
           std::find(config.targets.begin(), config.targets.end(), module) != config.targets.end();
  };
  const auto adapt = [&](Linear& linear, const std::vector<std::string>& names) {
    std::vector<LoraPair> pairs(names.size());
    std::vector<LoraPair*> places;
    std::vector<std::int64_t> rows;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const at::Tensor& weight = *weights.at(names[i]);
      places.push_back(&pairs[i]);
      rows.push_back(weight.size(0));
      if (!is_target(module_of(names[i]))) continue;
      found.insert(module_of(names[i]));
      at::Tensor a = at::empty({config.rank, weight.size(1)});
      RngStream rng(seed, {key_of(names[i])});
      for (std::int64_t k = 0; k < a.numel(); ++k)
        a.data_ptr<float>()[k] = float((2 * rng.uniform() - 1) / std::sqrt(double(weight.size(1))));
      pairs[i] = {a.to(device()), at::zeros({rows[i], config.rank}, at::device(device()))};
    }
    if (std::none_of(pairs.begin(), pairs.end(), [](const LoraPair& pair) { return pair.a.defined(); }))
      return;
    linear.lora = Lora(places, rows, config.alpha / config.rank);
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (!pairs[i].a.defined()) continue;
      for (const auto& [which, tensor] : {std::pair{"A", pairs[i].a}, {"B", pairs[i].b}}) {
        tensor.set_requires_grad(true);
        adapter_.push_back({lora_name(names[i], which), tensor, tensor});
      }
    }
  };
  for (int l = 0; l < architecture_.layers; ++l) {
    const auto p = layer_prefix(l), attention = p + "self_attn.", mlp = p + "mlp.";
    Layer& layer = views_->layers[std::size_t(l)];
    adapt(layer.qkv, qkv_names(architecture_, attention, "weight"));
    adapt(layer.output, {attention + "o_proj.weight"});
    if (architecture_.is_sparse(std::size_t(l))) continue;
    adapt(layer.ffn.gate_up, gate_up_names(architecture_, mlp, "weight"));
    adapt(layer.ffn.down, {mlp + "down_proj.weight"});
  }
  for (const std::string& target : config.targets) {
    if (found.contains(target)) continue;
    throw Error("lora", fmt::format("lora.targets: the blocks have no linear layer '{}'", target),
                fmt::format("they have {}", fmt::join(modules, ", ")));
  }
  lora_ = AddedLora{config, std::move(base)};
  lora_->config.targets.assign(found.begin(), found.end());
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
  Views::Rotary rotary[3];  // by Angles
  rotary[kFull] = views_->rotary(a, kFull, positions, length);
  if (a.window > 0) rotary[kWindowed] = views_->rotary(a, kWindowed, positions, length);
  if (!a.without_rope.empty()) rotary[kNone] = views_->rotary(a, kNone, positions, length);
  const auto growth = query_growth(a, positions, compute_);
  // Captures by value, all but the model: recomputation runs a block again after this function has returned.
  const auto block = [this, attend, offset, rotary, growth](std::size_t l, TensorPair state) {
    const auto& a = architecture_;
    const auto& layer = views_->layers[l];
    const bool windowed = a.is_windowed(l);
    const auto& [cos, sin] = rotary[!a.has_rope(l) ? kNone : windowed ? kWindowed : kFull];
    auto& [x, normed] = state;
    HeadSplit split{a.heads,      a.kv_heads, a.head_width, a.norm_eps, layer.q_norm,
                    layer.k_norm, cos,        sin,          offset};
    const auto qkv = prepared(project(normed, layer.qkv), growth, split);
    const auto attended = project(attend(qkv, split, l, windowed ? a.window : 0), layer.output);
    std::tie(x, normed) = add_part(a, offset, x, attended, layer.attention_out_norm, layer.ffn_norm);
    const Gate gate = a.gemma() ? Gate::gelu_tanh : Gate::silu;
    const auto ffn = layer.experts.router.defined() ? mixed_experts(normed, layer.experts, gate)
                                                    : feed_forward(normed, layer.ffn, gate);
    const bool last = l + 1 == views_->layers.size();
    const auto& next_norm = last ? views_->final_norm : views_->layers[l + 1].input_norm;
    std::tie(x, normed) = add_part(a, offset, x, ffn, layer.ffn_out_norm, next_norm);
    if (!next_norm.defined()) normed = normed.clone();  // recomputed() needs two tensors
    return state;
  };
  auto x = embedded(tokens);
  const bool recompute = activation_checkpointing && c10::GradMode::is_enabled();
  // Nothing before the first block is trained with an adapter, but recomputed() needs a gradient to follow.
  if (recompute && lora_) x = x.detach().requires_grad_(true);
  const auto& first_norm = views_->layers.front().input_norm;
  TensorPair state{
      x, first_norm.defined() ? rms_norm(x, first_norm, a.norm_eps, offset) : x};  // residual, normed
  for (std::size_t l = 0; l < views_->layers.size(); ++l) {
    state = recompute ? recomputed([block, l](const TensorPair& s) { return block(l, s); }, state)
                      : block(l, state);
  }
  return a.logits_divisor == 1 ? state.second : state.second / a.logits_divisor;
}

at::Tensor Model::embedded(const at::Tensor& tokens) const {
  const auto& a = architecture_;
  const auto x = at::embedding(views_->embedding, tokens);
  // The factor is rounded to the compute type, as transformers does.
  if (a.gemma()) return x * at::scalar_tensor(std::sqrt(a.width), x.options());
  return a.embedding_multiplier == 1 ? x : x * a.embedding_multiplier;
}

at::Tensor Model::prepared(at::Tensor qkv, const at::Tensor& growth, HeadSplit& split) const {
  const std::int64_t q = split.heads * split.width, kv = split.kv_heads * split.width;
  if (views_->whole_qk_norm) {
    const auto norm = [&](std::int64_t from, std::int64_t width, const at::Tensor& weight) {
      return rms_norm(qkv.narrow(1, from, width).contiguous(), weight, split.norm_eps, split.norm_offset);
    };
    qkv = at::cat({norm(0, q, split.q_norm), norm(q, kv, split.k_norm), qkv.narrow(1, q + kv, kv)}, 1);
    split.q_norm = split.k_norm = at::Tensor();
  }
  if (views_->qkv_order.defined()) qkv = qkv.index_select(1, views_->qkv_order);
  if (growth.defined()) qkv = at::cat({qkv.narrow(1, 0, q) * growth, qkv.narrow(1, q, 2 * kv)}, 1);
  return qkv;
}

at::Tensor Model::forward_hidden(const at::Tensor& tokens, const Packing& packing) const {
  if (tokens.dim() != 1 || tokens.size(0) != packing.tokens()) {
    throw Error("hidden", fmt::format("expected a row of {} tokens, as the packing says, got {}",
                                      packing.tokens(), text(tokens.sizes())));
  }
  if (packing.longest() > architecture_.context) {
    throw Error("hidden",
                fmt::format("expected sequences of at most {} tokens (the model's context), got {}",
                            architecture_.context, packing.longest()),
                "leave longer texts out, or lower the limits of prompts and answers");
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
