// The Engine interface: prompts in, rollouts out, as they finish. Engines: native (native_engine.h).
// Work is pulled, so that an adaptive caller (mining) can decide late what to sample next.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "core/options.h"

namespace pope {

struct SamplingConfig {
  static constexpr auto kSection = "sampling";
  double temperature = 1.0;
  int max_new_tokens = 512;
  int batch_size = 32;  // rollouts decoded at once
  void fields(Options& options);
};

enum class FinishReason { stop, length };  // length = truncated

// n samples of one prompt; the prompt is prefilled once for all of them.
struct Request {
  std::size_t tag = 0;       // the caller's, returned with each rollout
  std::uint64_t stream = 0;  // names the random streams: sample i draws from RngStream(seed, {stream, i})
  std::vector<int> prompt;   // token ids, not empty
  int first_sample = 0;      // samples first_sample … first_sample + samples − 1
  int samples = 1;
};

struct Rollout {
  std::size_t tag = 0;
  int sample = 0;
  std::vector<int> tokens;  // sampled tokens, the stop token included when finish is stop
  std::vector<float>
      logprobs;  // of each token under the behaviour policy: log-softmax of logits / temperature
  FinishReason finish = FinishReason::stop;
  std::int64_t policy_version = 0;     // of the weights that sampled the first token
  std::vector<std::int64_t> versions;  // of each token, never falling; empty: all as policy_version
  std::int64_t version_of(std::size_t token) const {
    return versions.empty() ? policy_version : versions[token];
  }
  std::vector<int> prompt_end;  // the last kPromptEnd tokens of the prompt: what the completion goes on from
};
inline constexpr std::size_t kPromptEnd = 16;

// The next request, or nothing when there is none now. Called again after each finished rollout.
using NextRequest = std::function<std::optional<Request>()>;
using OnRollout = std::function<void(Rollout&&)>;
// Called between decode steps, where the weights may change under the rollouts in flight. False: stop now.
using GoOn = std::function<bool()>;

struct EngineStats {
  std::int64_t prefill_tokens = 0, sampled_tokens = 0, decode_steps = 0;
  double seconds = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;
  // Runs until nothing is in flight and `next` has nothing. Callbacks come on the calling thread.
  // What a rollout contains depends on (weights, prompt, seed, stream, sample, sampling), not on the others
  // in flight, up to floating-point rounding of batched products. `stop_tokens` end a rollout.
  virtual void run(const SamplingConfig& sampling, std::uint64_t seed, std::span<const int> stop_tokens,
                   const NextRequest& next, const OnRollout& done) = 0;
  // run() that asks `go_on` before each decode step. Between two such calls the weights must not change; in
  // one they may: rollouts in flight go on under the new weights with the keys and values they have. When
  // `go_on` is false it returns at once, and what is in flight is lost. Engines without decode steps of their
  // own ask before each request and finish what they have begun (the default).
  virtual void run_while(const SamplingConfig& sampling, std::uint64_t seed, std::span<const int> stop_tokens,
                         const NextRequest& next, const OnRollout& done, const GoOn& go_on);
  virtual EngineStats stats() const = 0;
  // Tokens of a prompt and its completion together at most; run() refuses more.
  virtual std::int64_t context() const { return std::numeric_limits<std::int64_t>::max(); }

  // Convenience: all requests at once; result[i] holds request i's rollouts in sample order (tags are
  // ignored).
  std::vector<std::vector<Rollout>> sample(const SamplingConfig& sampling, std::uint64_t seed,
                                           std::span<const int> stop_tokens, std::vector<Request> requests);
};

}  // namespace pope
