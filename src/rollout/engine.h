// The Engine interface: prompts in, rollouts out, as they finish. Engines: native_engine.h, http_engine.h.
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
  std::size_t tag = 0;        // the caller's, returned with each rollout
  std::uint64_t rng_key = 0;  // sample i draws from RngStream(seed, {rng_key, i})
  std::vector<int> prompt;    // token ids, not empty
  int first_sample = 0;       // samples first_sample … first_sample + samples − 1
  int samples = 1;
};

// An engine fills all but `versions` and `filled`.
struct Rollout {
  std::size_t tag = 0;
  int sample = 0;
  std::vector<int> tokens;  // sampled tokens, the stop token included when finish is stop
  std::vector<float>
      logprobs;  // of each token under the behaviour policy: log-softmax of logits / temperature; or NaN
  std::vector<std::uint8_t>
      filled;  // 1: the engine did not tell this logprob, the trainer's is there; empty: none
  FinishReason finish = FinishReason::stop;
  std::int64_t policy_version = 0;     // of the weights that sampled the first token
  std::vector<std::int64_t> versions;  // of each token, never falling; empty: all as policy_version
  std::int64_t version_of(std::size_t token) const {
    return versions.empty() ? policy_version : versions[token];
  }
};

// The next request, or nothing when there is none now. Called again after each finished rollout.
using NextRequest = std::function<std::optional<Request>()>;
using OnRollout = std::function<void(Rollout&&)>;
// Called between decode steps, where the weights may change under the rollouts in flight. False: stop now.
using ContinueSampling = std::function<bool()>;
inline const ContinueSampling kAlways = [] { return true; };

struct EngineStats {
  std::int64_t prefill_tokens = 0, sampled_tokens = 0, decode_steps = 0;
  double seconds = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;
  // Samples until nothing is in flight and `next` has nothing. Callbacks come on the calling thread.
  // What a rollout contains depends on (weights, prompt, seed, key, sample, sampling), not on the others in
  // flight, up to floating-point rounding of batched products. `stop_tokens` end a rollout.
  // Before each decode step `go_on` is asked. Between two such calls the weights must not change; in one they
  // may: rollouts in flight go on under the new weights, with the keys and values they have. When it is
  // false, run() returns at once, and what is in flight is lost. An engine without decode steps of its own
  // asks before each request and finishes what it has begun. Several threads may call
  // it at once: asynchronous training that also evaluates does.
  virtual void run(const SamplingConfig& sampling, std::uint64_t seed, std::span<const int> stop_tokens,
                   const NextRequest& next, const OnRollout& done, const ContinueSampling& go_on) = 0;
  // The trainer has changed the weights, which are of `version` now, or has loaded them from a checkpoint.
  // Comes on the trainer's thread, while the sampler's stands in `go_on` or nothing is sampled. An engine
  // with a copy of the weights takes the new ones; the native one has none.
  virtual void publish(std::int64_t version) { (void)version; }
  virtual EngineStats stats() const = 0;
  // Tokens of a prompt and its completion together at most; run() refuses more.
  virtual std::int64_t context() const { return std::numeric_limits<std::int64_t>::max(); }

  // All requests at once; result[i] holds request i's rollouts in sample order (tags are ignored).
  std::vector<std::vector<Rollout>> sample(const SamplingConfig& sampling, std::uint64_t seed,
                                           std::span<const int> stop_tokens, std::vector<Request> requests);
};

}  // namespace pope
