// The operands of row_product.cpp's kernels.
#pragma once

#include <cstdint>

namespace pope::kernels {

// out [rows, columns] = x [rows, depth] · weight [columns, depth]ᵀ + bias [columns], depth a multiple of 16.
template <class W, class T>
struct RowProduct {
  const float* x;
  const W *weight, *bias;  // bias may be nothing
  std::int64_t rows, depth, columns;
  T* out;
};

}  // namespace pope::kernels
