// The kernels of row_product.cpp: each weight is read, and widened, once for several rows of x.
#include "model/dots-inl.h"

// Sixteen values in f32.
struct Widened {
  static constexpr std::int64_t kDepth = simd::kLanes;
  typedef simd::F16 Part;
  template <class V>
  static POPE_INLINE Part load(const V* p) {
    return simd::load(p);
  }
  static POPE_INLINE void add(simd::F16& sum, const Part& weights, const Part& x) { sum += weights * x; }
};

// As many sums as the registers hold: 16 with AVX-512, else 4.
template <class W, class T>
void run(const Matrices<float, W, T>& m, std::int64_t begin, std::int64_t end) {
#if POPE_VECTOR_BYTES == 64
  if (m.rows == 1) return columns_by_dots<Widened, 4, 1, 4>(m, begin, end);
  if (m.rows == 2) return columns_by_dots<Widened, 4, 2, 2>(m, begin, end);
  columns_by_dots<Widened, 4, 4, 1>(m, begin, end);
#else
  if (m.rows == 1) return columns_by_dots<Widened, 4, 1, 1>(m, begin, end);
  columns_by_dots<Widened, 2, 2, 1>(m, begin, end);
#endif
}
