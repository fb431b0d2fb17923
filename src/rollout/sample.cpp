// Inverse-CDF sampling: the largest logit, the sums of blocks, then the block that holds the draw. See
// sample.h.
#include "rollout/sample.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "model/simd.h"

#define POPE_KERNELS "rollout/sample-inl.h"
#include "model/each_processor.h"

namespace pope {
namespace {

float largest(const float* values, std::int64_t n) { POPE_PICK(largest_of(values, n)); }
void sum_blocks(const float* logits, std::int64_t vocab, float top, float scale, float* sums) {
  POPE_PICK(sum_blocks(logits, vocab, top, scale, sums));
}
void block_weights(const float* logits, std::int64_t n, float top, float scale, float* weights) {
  POPE_PICK(block_weights(logits, n, top, scale, weights));
}

}  // namespace

SampledToken draw_token(const float* logits, std::int64_t vocab, double temperature, double uniform) {
  const float top = largest(logits, vocab);
  const float scale = temperature > 0 ? static_cast<float>(1.0 / temperature) : 1.0F;
  thread_local std::vector<float> sums;
  sums.resize(static_cast<std::size_t>((vocab + kDrawBlock - 1) / kDrawBlock));
  sum_blocks(logits, vocab, top, scale, sums.data());
  double total = 0;
  for (const float sum : sums) total += sum;
  if (!std::isfinite(total)) return {0, std::numeric_limits<float>::quiet_NaN()};
  std::int64_t token = 0;
  if (temperature > 0) {
    double left = uniform * total;
    std::size_t block = 0;
    while (block + 1 < sums.size() && left >= sums[block]) left -= sums[block++];
    const std::int64_t begin = static_cast<std::int64_t>(block) * kDrawBlock,
                       n = std::min(kDrawBlock, vocab - begin);
    float weights[kDrawBlock];
    block_weights(logits + begin, n, top, scale, weights);
    // Where rounding leaves a rest at the end of the block, the last token that has any probability takes it.
    for (std::int64_t i = 0; i < n; ++i) {
      if (weights[i] > 0) token = begin + i;
      left -= weights[i];
      if (left < 0) break;
    }
  } else {
    token = std::find(logits, logits + vocab, top) - logits;
  }
  return {static_cast<int>(token), (logits[token] - top) * scale - static_cast<float>(std::log(total))};
}

}  // namespace pope
