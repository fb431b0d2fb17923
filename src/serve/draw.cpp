// See draw.h.
#include "serve/draw.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

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

void add_alternatives(const float* logits, std::int64_t vocab, const LiveSampling& sampling,
                      LiveToken& token) {
  if (sampling.top_logprobs == 0) return;
  const double scale = scale_of(sampling), total = log_total(logits, vocab, scale);
  for (const int one : most_likely(logits, vocab, sampling.top_logprobs))
    token.top.emplace_back(one, static_cast<float>(logits[one] * scale - total));
}

// By inverse CDF among the most likely tokens that top_k and top_p leave.
int draw_among(const float* logits, std::int64_t vocab, const LiveSampling& sampling, double uniform) {
  const double scale = scale_of(sampling), total = log_total(logits, vocab, scale);
  const std::vector<int> order = most_likely(logits, vocab, sampling.top_k > 0 ? sampling.top_k : vocab);
  std::vector<double> weights;
  double sum = 0;
  for (const int one : order) {
    if (!weights.empty() && sum >= sampling.top_p) break;
    weights.push_back(std::exp(logits[one] * scale - total));
    sum += weights.back();
  }
  double left = uniform * sum;
  for (std::size_t i = 0; i + 1 < weights.size(); ++i) {
    left -= weights[i];
    if (left < 0) return order[i];
  }
  return order[weights.size() - 1];
}

}  // namespace

LiveToken draw_live(const float* logits, std::int64_t vocab, const LiveSampling& sampling, double uniform) {
  const SampledToken drawn = draw_token(logits, vocab, sampling.temperature, uniform);
  LiveToken token{.token = drawn.token, .logprob = drawn.logprob};
  if (!std::isfinite(drawn.logprob)) return token;
  if (sampling.temperature > 0 && (sampling.top_p < 1 || sampling.top_k > 0))
    return told_token(logits, vocab, sampling, draw_among(logits, vocab, sampling, uniform));
  add_alternatives(logits, vocab, sampling, token);
  return token;
}

LiveToken told_token(const float* logits, std::int64_t vocab, const LiveSampling& sampling, int token) {
  const double scale = scale_of(sampling);
  LiveToken told{.token = token,
                 .logprob = static_cast<float>(logits[token] * scale - log_total(logits, vocab, scale))};
  add_alternatives(logits, vocab, sampling, told);
  return told;
}

}  // namespace pope
