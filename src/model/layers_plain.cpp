// The pieces of a block in ATen operations, of training and then of cached decoding.
#include "model/layers_plain.h"

#include <limits>
#include <optional>
#include <vector>

namespace pope::plain {
namespace {

// (a, b) → (a cos − b sin, b cos + a sin), where a and b are the two halves of a head. x [N,heads,D].
at::Tensor rotate(const at::Tensor& x, const HeadSplit& split) {
  const auto halves = x.to(at::promoteTypes(x.scalar_type(), at::kFloat)).chunk(2, -1);
  const auto cos = split.cos.unsqueeze(1), sin = split.sin.unsqueeze(1);
  return at::cat({halves[0] * cos - halves[1] * sin, halves[1] * cos + halves[0] * sin}, -1)
      .to(x.scalar_type());
}

// The length of all sequences of a packing, if it is the same and none shares a prefix; else 0.
std::int64_t common_length(const Packing& packing) {
  const auto length = packing.bounds[1];
  bool same = packing.group_count() + 1 == std::ssize(packing.bounds);
  for (std::size_t s = 1; same && s < packing.bounds.size(); ++s)
    same = packing.bounds[s] - packing.bounds[s - 1] == length;
  return same ? length : 0;
}

// causal_attention for sequences of one length that fits into the window: a single call.
at::Tensor equal_attention(const Heads& heads, std::int64_t length) {
  const auto kv_heads = heads.q.size(0), group = heads.q.size(1), width = heads.q.size(3);
  const auto by_row = [&](const at::Tensor& x) {  // [K,G,R·T,D] → [K·R,G,T,D]
    return x.view({kv_heads, x.size(1), -1, length, width}).transpose(1, 2).flatten(0, 1);
  };
  const auto q = by_row(heads.q);
  return at::scaled_dot_product_attention(q, by_row(heads.k).expand_as(q), by_row(heads.v).expand_as(q), {},
                                          0.0, /*is_causal=*/true)
      .view({kv_heads, -1, group, length, width})
      .permute({1, 3, 0, 2, 4})
      .reshape({-1, kv_heads * group * width});
}

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, double offset) {
  if (!x.is_cpu() && offset == 0) return at::rms_norm(x, weight.sizes(), weight, eps);  // one kernel on CUDA
  const auto wide = x.to(at::promoteTypes(x.scalar_type(), at::kFloat));
  const auto scale = weight.to(wide.scalar_type()) + offset;
  return (wide * at::rsqrt(wide.square().mean(-1, true) + eps) * scale).to(x.scalar_type());
}

at::Tensor swiglu(const at::Tensor& gate_up) {
  const auto halves = gate_up.chunk(2, -1);
  return at::silu(halves[0]) * halves[1];
}

Heads split_heads(const at::Tensor& qkv, const HeadSplit& split) {
  const auto heads = qkv.view({-1, split.heads + 2 * split.kv_heads, split.width});
  auto q = heads.narrow(1, 0, split.heads);
  auto k = heads.narrow(1, split.heads, split.kv_heads);
  const auto v = heads.narrow(1, split.heads + split.kv_heads, split.kv_heads);
  if (split.q_norm.defined()) q = rms_norm(q, split.q_norm, split.norm_eps, split.norm_offset);
  if (split.k_norm.defined()) k = rms_norm(k, split.k_norm, split.norm_eps, split.norm_offset);
  const auto laid_out = [&](const at::Tensor& x) {
    return x.transpose(0, 1).reshape({split.kv_heads, -1, heads.size(0), split.width});
  };
  return {laid_out(rotate(q, split)), laid_out(rotate(k, split)), laid_out(v)};
}

at::Tensor causal_attention(const Heads& heads, const Packing& packing, std::int64_t window) {
  // On a device launches are expensive: a prefill of many prompts should not be one launch per prompt.
  const auto length = heads.q.is_cpu() ? 0 : common_length(packing);
  if (length > 0 && (window == 0 || length <= window)) return equal_attention(heads, length);
  // In f32: libtorch's bf16 CPU kernel multiplies through an emulated bf16 product, many times slower.
  const auto wide = [](const at::Tensor& x) {
    return x.is_cpu() && x.scalar_type() == at::kBFloat16 ? x.to(at::kFloat) : x;
  };
  const Heads all{wide(heads.q), wide(heads.k), wide(heads.v)};
  std::vector<at::Tensor> attended;
  for (std::int64_t r = 0; r < packing.group_count(); ++r) {
    const auto first = packing.groups[r];
    for (auto s = first; s < packing.groups[r + 1]; ++s) {
      const auto segment = [&](const at::Tensor& x, std::int64_t which) {
        return x.narrow(2, packing.bounds[which], packing.bounds[which + 1] - packing.bounds[which]);
      };
      // A continuation is computed together with its prefix, and the prefix's rows are dropped. The
      // alternative, a mask for the continuation's queries, would be kept for the gradient: own · length
      // bytes and more in every layer.
      const auto whole = [&](const at::Tensor& x) {
        return s == first ? segment(x, s) : at::cat({segment(x, first), segment(x, s)}, 2);
      };
      const auto q = whole(all.q);
      // expand() repeats a kv head for its G query heads with a stride of zero: k and v are not copied.
      const auto k = whole(all.k).expand({-1, q.size(1), -1, -1}),
                 v = whole(all.v).expand({-1, q.size(1), -1, -1});
      const auto length = q.size(2), own = packing.bounds[s + 1] - packing.bounds[s];
      std::optional<at::Tensor> mask;  // [length,length]
      if (window > 0 && window < length)
        mask = at::ones({length, length}, q.options().dtype(at::kBool)).tril().triu(1 - window);
      attended.push_back(at::scaled_dot_product_attention(q, k, v, mask, 0.0, /*is_causal=*/!mask)
                             .narrow(2, length - own, own));
    }
  }
  return at::cat(attended, 2).to(heads.q.scalar_type()).permute({2, 0, 1, 3}).reshape({packing.tokens(), -1});
}

at::Tensor seen_positions(const at::Tensor& starts, std::int64_t steps, std::int64_t length,
                          std::int64_t window, at::ScalarType type) {
  const auto own = (starts.unsqueeze(1) + at::arange(steps, starts.options())).unsqueeze(-1);  // [B,T,1]
  const auto position = at::arange(length, starts.options());
  auto hidden = position.gt(own);
  if (window > 0) hidden = hidden.logical_or(position.le(own - window));
  return at::zeros(hidden.sizes(), hidden.options().dtype(type))
      .masked_fill_(hidden, -std::numeric_limits<double>::infinity())
      .unsqueeze(1);
}

at::Tensor split_heads_into_cache(const at::Tensor& qkv, const HeadSplit& split, const at::Tensor& starts,
                                  const at::Tensor& keys, const at::Tensor& values) {
  const auto batch = starts.size(0), steps = qkv.size(0) / batch;
  const auto heads = plain::split_heads(qkv, split);
  const auto by_row = [&](const at::Tensor& x) {  // [K,G,B·T,D] → [B,K,G,T,D]
    return x.view({split.kv_heads, -1, batch, steps, split.width}).permute({2, 0, 1, 3, 4});
  };
  const auto index = (starts.unsqueeze(1) + at::arange(steps, starts.options()))
                         .view({batch, 1, steps, 1})
                         .expand({batch, split.kv_heads, steps, split.width});
  keys.narrow(0, 0, batch).scatter_(2, index, by_row(heads.k).select(2, 0));
  values.narrow(0, 0, batch).scatter_(2, index, by_row(heads.v).select(2, 0));
  return by_row(heads.q).reshape({batch * split.kv_heads, -1, steps, split.width});
}

at::Tensor cached_attention(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values,
                            const at::Tensor& seen) {
  const auto batch = seen.size(0), length = seen.size(3), kv_heads = keys.size(1), group = q.size(1),
             steps = q.size(2), width = q.size(3), queries = group * steps;
  const auto part = [&](const at::Tensor& x) { return x.narrow(0, 0, batch).narrow(2, 0, length); };
  // The G query heads of a kv head become G·T queries of one head, so that the cache is not copied G times.
  const auto mask = seen.unsqueeze(2)
                        .expand({batch, 1, group, steps, length})
                        .reshape({batch, 1, queries, length})
                        .expand({batch, kv_heads, queries, length});
  return at::scaled_dot_product_attention(q.view({batch, kv_heads, queries, width}), part(keys), part(values),
                                          mask)
      .view({batch, kv_heads, group, steps, width})
      .permute({0, 3, 1, 2, 4})
      .reshape({batch * steps, -1});
}

}  // namespace pope::plain
