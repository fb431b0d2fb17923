// See few_rows.h.
#include "model/few_rows.h"

#include <array>

namespace pope {

bool are_bf16(const at::Tensor& x, const at::Tensor& weight) {
  return x.scalar_type() == at::kBFloat16 && weight.scalar_type() == at::kBFloat16;
}

std::span<const FewRowsProduct* const> few_rows_products() {
  static constexpr std::array<const FewRowsProduct*, 3> products{&tile_product, &pair_product, &row_product};
  return products;
}

const FewRowsProduct* find_product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                                   at::ScalarType result) {
  const auto plain = [&](const at::Tensor& t, std::int64_t dimensions) {
    return t.is_cpu() && t.is_contiguous() && t.dim() == dimensions &&
           t.scalar_type() == weight.scalar_type();
  };
  if (!plain(x, 2) || !plain(weight, 2) || x.size(0) == 0 || x.size(1) != weight.size(1)) return nullptr;
  if (bias.defined() && (!plain(bias, 1) || bias.size(0) != weight.size(0))) return nullptr;
  for (const FewRowsProduct* product : few_rows_products()) {
    const std::int64_t most = weight.scalar_type() == at::kFloat ? product->most_rows_f32
                              : result == at::kFloat             ? product->most_rows_widened
                                                                 : product->most_rows_bf16;
    if (x.size(0) <= most && product->fits(x, weight)) return product;
  }
  return nullptr;
}

}  // namespace pope
