// Cached decoding in ATen operations: shapes and launches depend on T and `length` alone, not on the rows'
// lengths, so that a step can be recorded. See layers.h.
#include <limits>

#include "model/layers.h"

namespace pope::plain {

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
  // The G heads that share keys stand as further queries, G·T of them: no copy of the cache for each.
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
