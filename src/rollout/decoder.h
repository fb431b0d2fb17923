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
  // A rollout begins in `slot` after the first `length` positions in slot 0 of `prompt`.
  virtual void begin(int slot, const std::shared_ptr<const KvCache>& prompt, int length) = 0;
  // Draws the next token of each slot.
  virtual void step(const DecodeInputs& inputs, std::vector<SampledToken>& draws) = 0;
  // The rollout in `slot` has ended; that of the last slot, `length` positions, moves there.
  void leave(int slot, int last, int length) {
    if (slot != last) cache_.copy(last, slot, length);
    cache_.release(last);
  }

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
