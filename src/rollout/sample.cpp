// Inverse-CDF sampling in two passes: sums of blocks, then the block that holds the draw. See sample.h.
#include "rollout/sample.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace pope {

Draw draw_token(const float* logits, std::int64_t vocab, double temperature, double uniform) {
  constexpr std::int64_t kBlock = 256;
  const auto* top = std::max_element(logits, logits + vocab);
  const float scale = temperature > 0 ? static_cast<float>(1.0 / temperature) : 1.0F;
  const auto weight = [&](std::int64_t i) { return std::exp((logits[i] - *top) * scale); };
  thread_local std::vector<double> blocks;
  blocks.clear();
  double total = 0;
  for (std::int64_t begin = 0; begin < vocab; begin += kBlock) {
    float sum = 0;
    for (std::int64_t i = begin; i < std::min(begin + kBlock, vocab); ++i) sum += weight(i);
    blocks.push_back(sum);
    total += sum;
  }
  std::int64_t token = top - logits;
  if (temperature > 0) {
    double left = uniform * total;
    std::size_t block = 0;
    while (block + 1 < blocks.size() && left >= blocks[block]) left -= blocks[block++];
    const std::int64_t begin = static_cast<std::int64_t>(block) * kBlock,
                       end = std::min(begin + kBlock, vocab);
    for (std::int64_t i = begin; i < end; ++i) {
      const float w = weight(i);
      if (w > 0) token = i;  // rounding at the end of a block must not fall on a token without probability
      left -= w;
      if (left < 0) break;
    }
  }
  return {static_cast<int>(token), (logits[token] - *top) * scale - static_cast<float>(std::log(total))};
}

}  // namespace pope
