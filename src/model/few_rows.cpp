// See few_rows.h.
#include "model/few_rows.h"

#include <array>

namespace pope {

bool are_plain_bf16(const at::Tensor& x, const at::Tensor& weight) {
  const auto plain = [](const at::Tensor& t) {
    return t.is_cpu() && t.scalar_type() == at::kBFloat16 && t.is_contiguous() && t.dim() == 2;
  };
  return plain(x) && plain(weight);
}

std::span<const FewRowsProduct* const> few_rows_products() {
  static constexpr std::array<const FewRowsProduct*, 3> products{&tile_product, &pair_product, &row_product};
  return products;
}

}  // namespace pope
