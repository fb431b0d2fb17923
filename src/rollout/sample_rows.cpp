// Inverse-CDF sampling of many rows. As in sample.cpp the block that holds the draw is found first: only the
// block sums and one block per row are summed up in f64. See sample_rows.h.
#include "rollout/sample_rows.h"

#include <algorithm>
#include <limits>

#include "rollout/sample.h"

namespace pope {
namespace {

// Where the running sums [N,n] of weights pass `left` [N,1]; where rounding leaves a rest at the end, the
// last that adds anything.
at::Tensor passing(const at::Tensor& sums, const at::Tensor& left) {
  const auto last = sums.narrow(1, sums.size(1) - 1, 1);
  return at::minimum(sums.le(left).sum(1, true), sums.lt(last).sum(1, true));
}

}  // namespace

SampledRows draw_rows(const at::Tensor& logits, double temperature, const at::Tensor& uniforms) {
  const auto rows = logits.size(0), vocab = logits.size(1), blocks = (vocab + kDrawBlock - 1) / kDrawBlock;
  const double scale = temperature > 0 ? 1.0 / temperature : 1.0;
  const auto shifted = (logits - logits.amax(1, true)) * scale;
  const auto padded = at::constant_pad_nd(shifted, {0, blocks * kDrawBlock - vocab},
                                          -std::numeric_limits<double>::infinity());
  const auto weights = padded.exp().view({rows, blocks, kDrawBlock});
  const auto sums = weights.sum(2).to(at::kDouble), running = sums.cumsum(1);  // [N,blocks]
  const auto total = running.narrow(1, blocks - 1, 1);
  at::Tensor tokens;  // [N,1]
  if (temperature > 0) {
    const auto left = uniforms.unsqueeze(1) * total;
    const auto block = passing(running, left);
    const auto before = running.gather(1, block) - sums.gather(1, block);
    const auto inside = weights.gather(1, block.unsqueeze(2).expand({rows, 1, kDrawBlock})).squeeze(1);
    tokens = block * kDrawBlock + passing(inside.to(at::kDouble).cumsum(1), left - before);
    tokens = tokens.clamp_max(vocab - 1);
  } else {
    tokens = logits.argmax(1, true);
  }
  const auto logprobs = shifted.gather(1, tokens) - total.log().to(at::kFloat);
  return {tokens.squeeze(1), logprobs.squeeze(1)};
}

}  // namespace pope
