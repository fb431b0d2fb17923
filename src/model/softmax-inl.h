// The softmax of both attention kernels. Included once per instruction set, behind simd-inl.h.

namespace simd {

// Replaces scores [length] by exp(scores − top), top being the largest, and returns their sum and top. From
// `length` up to `end`, rounded up to a multiple of 16, scores become 0. length 0: sum 0, and the lowest
// number as top.
struct Softmax {
  float sum, top;
};
POPE_INLINE Softmax softmax(float* scores, std::int64_t length, std::int64_t end) {
  const std::int64_t padded = (end + kLanes - 1) / kLanes * kLanes;
  for (std::int64_t p = length; p < padded; ++p) scores[p] = -std::numeric_limits<float>::infinity();
  F16 tops = load(scores);
  for (std::int64_t p = kLanes; p < padded; p += kLanes) tops = max(tops, load(scores + p));
  const float top = std::max(largest(tops), std::numeric_limits<float>::lowest());
  F16 total{};
  for (std::int64_t p = 0; p < padded; p += kLanes) {
    const F16 weight = exp(load(scores + p) - top);
    total += weight;
    store(scores + p, weight);
  }
  return {sum(total), top};
}

}  // namespace simd
