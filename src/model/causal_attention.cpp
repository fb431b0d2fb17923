// See causal_attention.h; the loops are in causal_attention-inl.h.
#include "model/causal_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "model/simd.h"

#define POPE_KERNELS "model/causal_attention-inl.h"
#include "model/each_processor.h"

namespace pope::kernels {

bool has_causal_attention(std::int64_t width) {
  return width == 16 || width == 32 || width == 64 || width == 128;
}

void rows(const CausalForward<float>& k, std::int64_t begin, std::int64_t end) {
  POPE_PICK(run(k, begin, end));
}
void rows(const CausalForward<c10::BFloat16>& k, std::int64_t begin, std::int64_t end) {
  POPE_PICK(run(k, begin, end));
}
void rows(const CausalBackward<float>& k, std::int64_t begin, std::int64_t end) {
  POPE_PICK(run(k, begin, end));
}
void rows(const CausalBackward<c10::BFloat16>& k, std::int64_t begin, std::int64_t end) {
  POPE_PICK(run(k, begin, end));
}

}  // namespace pope::kernels
