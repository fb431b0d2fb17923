// The pieces of a block in ATen operations. See layers.h.
#include "model/layers.h"

namespace pope::plain {
namespace {

// (a, b) → (a cos − b sin, b cos + a sin), where a and b are the two halves of a head. x [B,T,heads,D].
at::Tensor rotate(const at::Tensor& x, const HeadSplit& split) {
  const auto halves = x.to(at::promoteTypes(x.scalar_type(), at::kFloat)).chunk(2, -1);
  const auto cos = split.cos.narrow(0, 0, x.size(1)).unsqueeze(1),
             sin = split.sin.narrow(0, 0, x.size(1)).unsqueeze(1);
  return at::cat({halves[0] * cos - halves[1] * sin, halves[1] * cos + halves[0] * sin}, -1)
      .to(x.scalar_type());
}

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, double offset) {
  const auto wide = x.to(at::promoteTypes(x.scalar_type(), at::kFloat));
  const auto scale = weight.to(wide.scalar_type()) + offset;
  return (wide * at::rsqrt(wide.square().mean(-1, true) + eps) * scale).to(x.scalar_type());
}

at::Tensor swiglu(const at::Tensor& gate_up) {
  const auto halves = gate_up.chunk(2, -1);
  return at::silu(halves[0]) * halves[1];
}

Heads split_heads(const at::Tensor& qkv, std::int64_t batch, const HeadSplit& split) {
  const auto heads = qkv.view({batch, -1, split.heads + 2 * split.kv_heads, split.width});
  auto q = heads.narrow(2, 0, split.heads);
  auto k = heads.narrow(2, split.heads, split.kv_heads);
  const auto v = heads.narrow(2, split.heads + split.kv_heads, split.kv_heads);
  if (split.q_norm.defined()) q = rms_norm(q, split.q_norm, split.norm_eps, split.norm_offset);
  if (split.k_norm.defined()) k = rms_norm(k, split.k_norm, split.norm_eps, split.norm_offset);
  const auto rows = batch * split.kv_heads, steps = heads.size(1);
  const auto laid_out = [&](const at::Tensor& x) {
    return x.transpose(1, 2).reshape({rows, -1, steps, split.width});
  };
  return {laid_out(rotate(q, split)), laid_out(rotate(k, split)), laid_out(v)};
}

at::Tensor causal_attention(const Heads& heads, std::int64_t batch, std::int64_t window) {
  const auto sizes = heads.q.sizes();  // [B·K,G,T,D]
  std::optional<at::Tensor> mask;      // [T,T]: query t sees t − window + 1 … t
  if (window > 0 && window < sizes[2]) {
    mask = at::ones({sizes[2], sizes[2]}, heads.q.options().dtype(at::kBool)).tril().triu(1 - window);
  }
  // In f32: libtorch's bf16 CPU kernel multiplies through an emulated bf16 product, many times slower.
  const auto wide = [](const at::Tensor& x) {
    return x.is_cpu() && x.scalar_type() == at::kBFloat16 ? x.to(at::kFloat) : x;
  };
  // The G query heads see their kv head through a stride of zero: k and v are not copied.
  const auto attended = at::scaled_dot_product_attention(wide(heads.q), wide(heads.k).expand(sizes),
                                                         wide(heads.v).expand(sizes), mask, 0.0,
                                                         /*is_causal=*/!mask)
                            .to(heads.q.scalar_type());
  return attended.view({batch, -1, sizes[1], sizes[2], sizes[3]})
      .permute({0, 3, 1, 2, 4})
      .reshape({batch * sizes[2], -1});
}

}  // namespace pope::plain
