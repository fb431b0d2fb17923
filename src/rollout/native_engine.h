// The native engine: continuous batching over the trainer's own weights, in this process.
// Rollouts that finish leave the batch and waiting ones join between decode steps; a prompt is prefilled once
// for its group. Holds no copy of the weights: it reads model.parameters() as they are, so that a change
// between two decode steps is seen by the next one. May run on several threads at once.
#pragma once

#include <atomic>
#include <memory>

#include "model/graphs.h"
#include "model/model.h"
#include "rollout/engine.h"

namespace pope {

class NativeEngine : public Engine {
 public:
  // `recorder`: of the model's device, or null.
  explicit NativeEngine(std::shared_ptr<const Model> model,
                        std::unique_ptr<GraphRecorder> recorder = nullptr);
  ~NativeEngine() override;
  void run(const SamplingConfig& sampling, std::uint64_t seed, std::span<const int> stop_tokens,
           const NextRequest& next, const OnRollout& done, const ContinueSampling& go_on) override;
  EngineStats stats() const override;
  std::int64_t context() const override { return model_->architecture().context; }

  struct Counters {
    std::atomic<std::int64_t> prefill_tokens = 0, sampled_tokens = 0, decode_steps = 0;
    std::atomic<double> seconds = 0;
  };

 private:
  std::shared_ptr<const Model> model_;
  std::unique_ptr<GraphRecorder> recorder_;
  Counters counters_;  // of all runs
};

}  // namespace pope
