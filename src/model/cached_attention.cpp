// See cached_attention.h; the loops are in cached_attention-inl.h.
#include "model/cached_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "model/simd.h"

#define POPE_KERNELS "model/cached_attention-inl.h"
#include "model/each_processor.h"

namespace pope::kernels {

void rows(const CachedAttention<float>& k, std::int64_t begin, std::int64_t end) {
  POPE_PICK(run(k, begin, end));
}
void rows(const CachedAttention<c10::BFloat16>& k, std::int64_t begin, std::int64_t end) {
  POPE_PICK(run(k, begin, end));
}

}  // namespace pope::kernels
