// The operands of the kernels in dots-inl.h.
#pragma once

#include <cstdint>

namespace pope::kernels {

// out [rows, columns] = x [rows, depth] · weight [columns, depth]ᵀ + bias [columns].
template <class X, class W, class T>
struct Matrices {
  const X* x;
  const W *weight, *bias;  // bias may be nothing
  std::int64_t rows, depth, columns;
  T* out;
};

}  // namespace pope::kernels
