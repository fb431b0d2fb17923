// The softmax that training's attention and the cache's share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "model/simd.h"

namespace pope::simd {

// scores [length] → exp(scores − top) with their sum; zero from `length` to the next multiple of 16 after
// `end`. Without scores (length 0) the sum is 0 and the top the lowest number.
struct Softmax {
  float sum, top;
};
POPE_INLINE Softmax softmax(float* scores, std::int64_t length, std::int64_t end) {
  const std::int64_t padded = (end + kLanes - 1) / kLanes * kLanes;
  for (std::int64_t p = length; p < padded; ++p) scores[p] = -std::numeric_limits<float>::infinity();
  F16 tops = load(scores);
  for (std::int64_t p = kLanes; p < padded; p += kLanes) tops = max(tops, load(scores + p));
  const float top = std::max(max(tops), std::numeric_limits<float>::lowest());
  F16 total{};
  for (std::int64_t p = 0; p < padded; p += kLanes) {
    const F16 weight = exp(load(scores + p) - top);
    total += weight;
    store(scores + p, weight);
  }
  return {sum(total), top};
}

}  // namespace pope::simd
