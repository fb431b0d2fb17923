// Which product serves: one of few_rows.h, else libtorch's, of bf16 in f32 where that is faster.
#include "model/product.h"

#include <c10/core/GradMode.h>

#include "model/few_rows.h"
#include "model/wide_product.h"

namespace pope {

namespace {

// Rows from which libtorch's product in f32 beats those of few_rows.h where bf16 is slow, though it widens
// the weights first (bench/product.cpp).
constexpr std::int64_t kManyRows = 96;

}  // namespace

void head_product_out(at::Tensor& logits, const at::Tensor& hidden, const at::Tensor& embedding) {
  const auto wide = at::promoteTypes(hidden.scalar_type(), at::kFloat);
  const std::int64_t sizes[] = {hidden.size(0), embedding.size(0)};
  if (!logits.defined() || logits.sizes() != sizes || !logits.is_contiguous() || logits.scalar_type() != wide)
    logits = at::empty(sizes, hidden.options().dtype(wide));
  const bool many_in_f32 = hidden.size(0) >= kManyRows && is_faster_in_f32(hidden);
  const FewRowsProduct* product = many_in_f32 ? nullptr : find_product(hidden, embedding, {}, wide);
  if (product != nullptr) {
    product->run(hidden, embedding, {}, logits);
  } else if (hidden.is_cuda() && hidden.scalar_type() == at::kBFloat16) {
    at::mm_out(logits, hidden, embedding.t(), at::kFloat);  // cuBLAS sums and returns f32
  } else {
    at::mm_out(logits, hidden.to(wide), embedding.to(wide).t());
  }
}

at::Tensor head_product(const at::Tensor& hidden, const at::Tensor& embedding) {
  at::Tensor logits;
  head_product_out(logits, hidden, embedding);
  return logits;
}

at::Tensor project(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const FewRowsProduct* product =
      c10::GradMode::is_enabled() ? nullptr : find_product(x, weight, bias, weight.scalar_type());
  if (product == nullptr)
    return is_faster_in_f32(x) ? linear_in_f32(x, weight, bias) : at::linear(x, weight, bias);
  auto out = at::empty({x.size(0), weight.size(0)}, x.options());
  product->run(x, weight, bias, out);
  return out;
}

}  // namespace pope
