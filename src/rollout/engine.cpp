// What every engine shares: the sampling settings and the call that takes all requests at once.
#include "rollout/engine.h"

#include <fmt/format.h>

#include <utility>

#include "core/error.h"

namespace pope {

void SamplingConfig::fields(Options& options) {
  options.add("temperature", temperature, "logits are divided by it; 0 = the most likely token").at_least(0);
  options
      .add("max_new_tokens", max_new_tokens,
           "tokens of one rollout at most; a rollout cut off there is truncated")
      .at_least(1);
  options.add("batch_size", batch_size, "rollouts decoded at once").at_least(1).may_change();
}

std::vector<std::vector<Rollout>> Engine::sample(const SamplingConfig& sampling, std::uint64_t seed,
                                                 std::span<const int> stop_tokens,
                                                 std::vector<Request> requests) {
  std::vector<std::vector<Rollout>> result(requests.size());
  std::vector<int> first(requests.size());
  std::size_t missing = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    requests[i].tag = i;
    first[i] = requests[i].first_sample;
    result[i].resize(static_cast<std::size_t>(requests[i].samples));
    missing += result[i].size();
  }
  std::size_t asked = 0;
  const NextRequest next = [&]() -> std::optional<Request> {
    if (asked == requests.size()) return std::nullopt;
    return std::move(requests[asked++]);
  };
  const OnRollout done = [&](Rollout&& rollout) {
    const std::size_t tag = rollout.tag;
    const auto sample = static_cast<std::size_t>(rollout.sample - first.at(tag));
    result[tag].at(sample) = std::move(rollout);
    --missing;
  };
  run(sampling, seed, stop_tokens, next, done, kAlways);
  if (missing != 0)
    throw Error("sample", fmt::format("expected every rollout, {} did not come back", missing));
  return result;
}

}  // namespace pope
