// One decoding step of the native engine: the next token of every rollout in flight. On the CPU the batch is
// as large as there are rollouts and tokens are drawn on the host; on a device batch and length come in steps
// of a few sizes, so that a step can be recorded (graphs.h), tokens are drawn there, and nothing but the
// drawn tokens comes back.
#pragma once

#include <memory>
#include <vector>

#include "model/graphs.h"
#include "model/model.h"
#include "rollout/sample.h"

namespace pope {

// Slot s of the cache holds a rollout whose last token is tokens[s], not yet in the cache; its place there is
// starts[s].
struct DecodeInputs {
  std::vector<std::int64_t> tokens, starts;
  std::vector<double> uniforms;  // decide the draws
};

class Decoder {
 public:
  explicit Decoder(KvCache cache) : cache_(std::move(cache)) {}
  virtual ~Decoder() = default;
  // Draws the next token of each slot. Room for all starts must have been reserved.
  virtual void step(const DecodeInputs& inputs, std::vector<SampledToken>& draws) = 0;
  // Room for so many positions per slot, `context` at most; what is in the cache stays.
  virtual void reserve(int positions, int context) = 0;
  KvCache& cache() { return cache_; }

 protected:
  KvCache cache_;
};

// For rollouts of `model`, in `slots` slots. `recorder`: null, or the device's, which must outlive the
// decoder.
std::unique_ptr<Decoder> make_decoder(const Model& model, int slots, double temperature,
                                      GraphRecorder* recorder);

// The sizes that steps on a device come in: the least of 1, 2, 3, 4, 6, 8, 12, 16, 24, … that is at least n.
std::int64_t step_size(std::int64_t n);

}  // namespace pope
