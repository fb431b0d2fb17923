// See draw.h.
#include "serve/draw.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "rollout/sample.h"

namespace pope {
namespace {

double scale_of(const LiveSampling& sampling) {
  return sampling.temperature > 0 ? 1 / sampling.temperature : 1;
}

// The tokens by falling logits, the first `n` in order.
std::vector<int> most_likely(const float* logits, std::int64_t vocab, std::int64_t n) {
  std::vector<int> order(static_cast<std::size_t>(vocab));
  std::iota(order.begin(), order.end(), 0);
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>(std::min(n, vocab));
  std::partial_sort(order.begin(), middle, order.end(),
                    [&](int a, int b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; });
  order.erase(middle, order.end());
  return order;
}

// log Σ exp(scale · logits)
double log_total(const float* logits, std::int64_t vocab, double scale) {
  const float top = *std::max_element(logits, logits + vocab);
  double sum = 0;
  for (std::int64_t i = 0; i < vocab; ++i) sum += std::exp((static_cast<double>(logits[i]) - top) * scale);
  return top * scale + std::log(sum);
}

// `total`: log_total().
void add_alternatives(const float* logits, std::int64_t vocab, const LiveSampling& sampling, double total,
                      LiveToken& token) {
  const double scale = scale_of(sampling);
  for (const int one : most_likely(logits, vocab, sampling.top_logprobs))
    token.top.emplace_back(one, static_cast<float>(logits[one] * scale - total));
}

// By inverse CDF among the most likely tokens that top_k and top_p leave. They are mostly few: the vocabulary
// is put in order only as far as they reach.
int draw_among(const float* logits, std::int64_t vocab, const LiveSampling& sampling, double total,
               double uniform) {
  const double scale = scale_of(sampling);
  const std::int64_t most = sampling.top_k > 0 ? std::min<std::int64_t>(sampling.top_k, vocab) : vocab;
  std::vector<int> order;
  std::vector<double> weights;
  double sum = 0;
  for (std::int64_t n = std::min<std::int64_t>(most, 64);; n = std::min(most, 16 * n)) {
    order = most_likely(logits, vocab, n);
    while (std::cmp_less(weights.size(), n) && (weights.empty() || sum < sampling.top_p)) {
      weights.push_back(std::exp(logits[order[weights.size()]] * scale - total));
      sum += weights.back();
    }
    if (n == most || sum >= sampling.top_p) break;
  }
  double left = uniform * sum;
  for (std::size_t i = 0; i + 1 < weights.size(); ++i) {
    left -= weights[i];
    if (left < 0) return order[i];
  }
  return order[weights.size() - 1];
}

LiveToken token_of(const float* logits, std::int64_t vocab, const LiveSampling& sampling, double total,
                   int token) {
  LiveToken told{.token = token, .logprob = static_cast<float>(logits[token] * scale_of(sampling) - total)};
  if (sampling.top_logprobs > 0) add_alternatives(logits, vocab, sampling, total, told);
  return told;
}

}  // namespace

LiveToken draw_live(const float* logits, std::int64_t vocab, const LiveSampling& sampling, double uniform) {
  const SampledToken drawn = draw_token(logits, vocab, sampling.temperature, uniform);
  LiveToken token{.token = drawn.token, .logprob = drawn.logprob};
  const bool among = sampling.temperature > 0 && (sampling.top_p < 1 || sampling.top_k > 0);
  if (!std::isfinite(drawn.logprob) || (!among && sampling.top_logprobs == 0)) return token;
  const double total = log_total(logits, vocab, scale_of(sampling));
  if (among)
    return token_of(logits, vocab, sampling, total, draw_among(logits, vocab, sampling, total, uniform));
  if (sampling.top_logprobs > 0) add_alternatives(logits, vocab, sampling, total, token);
  return token;
}

LiveToken told_token(const float* logits, std::int64_t vocab, const LiveSampling& sampling, int token) {
  return token_of(logits, vocab, sampling, log_total(logits, vocab, scale_of(sampling)), token);
}

}  // namespace pope
