// Names and shapes of parameters, as transformers has them.
#include "model/parameters.h"

#include <fmt/format.h>

#include "model/families.h"

namespace pope {
namespace {

using Shapes = std::vector<std::pair<std::string, Shape>>;

void add_feed_forward(const Architecture& a, const std::string& prefix, std::int64_t inner, Shapes& out) {
  const std::int64_t w = a.width;
  const auto joint = gate_up_names(a, prefix, "weight");
  const std::int64_t rows = 2 * inner / std::int64_t(joint.size());
  for (const std::string& name : joint) out.push_back({name, {rows, w}});
  out.push_back({prefix + "down_proj.weight", {w, inner}});
  if (!a.mlp_bias) return;
  for (const std::string& name : gate_up_names(a, prefix, "bias")) out.push_back({name, {rows}});
  out.push_back({prefix + "down_proj.bias", {w}});
}

void add_attention(const Architecture& a, const std::string& prefix, Shapes& out) {
  const std::int64_t w = a.width, q = std::int64_t{a.heads} * a.head_width,
                     kv = std::int64_t{a.kv_heads} * a.head_width;
  const auto add_qkv = [&](const std::string& kind, const Shape& rest) {
    const auto names = qkv_names(a, prefix, kind);
    const Shape rows = names.size() == 1 ? Shape{q + 2 * kv} : Shape{q, kv, kv};
    for (std::size_t i = 0; i < names.size(); ++i) {
      Shape shape{rows[i]};
      shape.insert(shape.end(), rest.begin(), rest.end());
      out.push_back({names[i], shape});
    }
  };
  add_qkv("weight", {w});
  if (a.attention_bias) add_qkv("bias", {});
  if (a.qk_norm) {
    const bool whole = a.traits().whole_qk_norm;
    out.push_back({prefix + "q_norm.weight", {whole ? q : a.head_width}});
    out.push_back({prefix + "k_norm.weight", {whole ? kv : a.head_width}});
  }
  out.push_back({prefix + "o_proj.weight", {w, q}});
  if (a.output_bias()) out.push_back({prefix + "o_proj.bias", {w}});
}

}  // namespace

std::string layer_prefix(int layer) { return fmt::format("model.layers.{}.", layer); }

std::vector<std::string> qkv_names(const Architecture& a, const std::string& prefix,
                                   const std::string& kind) {
  if (a.traits().fused_weights) return {prefix + "qkv_proj." + kind};
  return {prefix + "q_proj." + kind, prefix + "k_proj." + kind, prefix + "v_proj." + kind};
}

std::vector<std::string> gate_up_names(const Architecture& a, const std::string& prefix,
                                       const std::string& kind) {
  if (a.traits().fused_weights) return {prefix + "gate_up_proj." + kind};
  return {prefix + "gate_proj." + kind, prefix + "up_proj." + kind};
}

std::string expert_prefix(const std::string& layer_prefix, int expert) {
  return fmt::format("{}mlp.experts.{}.", layer_prefix, expert);
}

NormNames norm_names(const Architecture& a) {
  const char *const input = "input_layernorm.weight", *const attention = "post_attention_layernorm.weight",
                    *const output = "post_feedforward_layernorm.weight";
  switch (a.traits().norms) {
    case Norms::before:
      return {input, "", attention, ""};
    case Norms::both:
      return {input, attention, "pre_feedforward_layernorm.weight", output};
    case Norms::after:
      break;
  }
  return {"", attention, "", output};
}

std::vector<std::pair<std::string, Shape>> parameter_shapes(const Architecture& a) {
  Shapes out;
  const std::int64_t w = a.width;
  out.push_back({"model.embed_tokens.weight", {a.vocab_size, w}});
  const NormNames norms = norm_names(a);
  for (int l = 0; l < a.layers; ++l) {
    const auto p = layer_prefix(l);
    const auto add_norm = [&](const std::string& name) {
      if (!name.empty()) out.push_back({p + name, {w}});
    };
    add_norm(norms.before_attention);
    add_attention(a, p + "self_attn.", out);
    add_norm(norms.after_attention);
    add_norm(norms.before_ffn);
    if (a.is_sparse(std::size_t(l))) {
      out.push_back({p + "mlp.gate.weight", {a.experts, w}});
      for (int e = 0; e < a.experts; ++e) add_feed_forward(a, expert_prefix(p, e), a.expert_width, out);
    } else {
      add_feed_forward(a, p + "mlp.", a.ffn_width, out);
    }
    add_norm(norms.after_ffn);
  }
  out.push_back({"model.norm.weight", {w}});
  if (!a.tied_embeddings) out.push_back({"lm_head.weight", {a.vocab_size, w}});
  return out;
}

std::int64_t Architecture::parameters() const {
  std::int64_t count = 0;
  for (const auto& [name, shape] : parameter_shapes(*this)) {
    std::int64_t values = 1;
    for (const std::int64_t size : shape) values *= size;
    count += values;
  }
  return count;
}

}  // namespace pope
