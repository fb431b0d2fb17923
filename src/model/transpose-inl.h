// Squares of 16 × 16 values in registers, for kernels that are compiled for processors with vectors of 16
// floats.
#pragma once

#include "model/simd.h"

namespace pope {

typedef float Lanes16 __attribute__((vector_size(64)));

// Transposes a square of values of 32 bits each.
POPE_INLINE void transpose(Lanes16 (&v)[16]) {
#define POPE_SWAP(step, ...)                                        \
  for (int i = 0; i < 16; ++i) {                                    \
    if (i & step) continue;                                         \
    const Lanes16 a = v[i], b = v[i + step];                        \
    v[i] = __builtin_shufflevector(a, b, __VA_ARGS__);              \
    v[i + step] = __builtin_shufflevector(b, a, POPE_OTHER_##step); \
  }
#define POPE_OTHER_1 17, 1, 19, 3, 21, 5, 23, 7, 25, 9, 27, 11, 29, 13, 31, 15
#define POPE_OTHER_2 18, 19, 2, 3, 22, 23, 6, 7, 26, 27, 10, 11, 30, 31, 14, 15
#define POPE_OTHER_4 20, 21, 22, 23, 4, 5, 6, 7, 28, 29, 30, 31, 12, 13, 14, 15
#define POPE_OTHER_8 24, 25, 26, 27, 28, 29, 30, 31, 8, 9, 10, 11, 12, 13, 14, 15
#pragma GCC unroll 16
  POPE_SWAP(1, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30)
#pragma GCC unroll 16
  POPE_SWAP(2, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#pragma GCC unroll 16
  POPE_SWAP(4, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27)
#pragma GCC unroll 16
  POPE_SWAP(8, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
#undef POPE_SWAP
}

}  // namespace pope
