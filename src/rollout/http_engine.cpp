// See http_engine.h.
#include "rollout/http_engine.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/timed.h"

namespace pope {

HttpEngine::HttpEngine(const EngineConfig& config, const EngineParts& parts)
    : config_(config),
      tokenizer_(parts.tokenizer),
      context_(parts.context),
      servers_(config, parts.tokenizer) {}

void HttpEngine::run(const SamplingConfig& sampling, std::uint64_t seed, std::span<const int> stop_tokens,
                     const NextRequest& next, const OnRollout& done, const ContinueSampling& go_on) {
  check(sampling);
  if (stop_tokens.empty()) throw Error("sample", "expected a token that ends a rollout, got none");
  double seconds = 0;
  timed(seconds, [&] {
    HttpSession(servers_, config_, *tokenizer_, context(), counters_,
                {sampling, seed, {stop_tokens.begin(), stop_tokens.end()}, next, done, go_on})
        .run();
  });
  seconds_ += seconds;
}

void HttpEngine::publish(std::int64_t) {
  throw Error("http engine", "weights cannot be given to servers", "train with engine.kind=native");
}

EngineStats HttpEngine::stats() const {
  return {counters_.prefill_tokens, counters_.sampled_tokens, 0, seconds_};
}

std::int64_t HttpEngine::context() const { return std::min(context_, servers_.context()); }

std::unique_ptr<Engine> make_http_engine(const EngineConfig& config, const EngineParts& parts) {
  return std::make_unique<HttpEngine>(config, parts);
}

}  // namespace pope
