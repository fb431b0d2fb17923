// The native engine: continuous batching over the trainer's own weights, in this process.
// Rollouts that finish leave the batch and waiting ones join between decode steps; a prompt is prefilled once
// for its group. Holds no copy of the weights: it reads model.parameters() as they are.
#pragma once

#include <memory>

#include "model/model.h"
#include "rollout/engine.h"

namespace pope {

class NativeEngine : public Engine {
 public:
  explicit NativeEngine(std::shared_ptr<const Model> model);
  ~NativeEngine() override;
  void run(const SamplingConfig& sampling, std::uint64_t seed, std::span<const int> stop_tokens,
           const NextRequest& next, const OnRollout& done) override;
  EngineStats stats() const override { return stats_; }
  std::int64_t context() const override { return model_->architecture().context; }

 private:
  std::shared_ptr<const Model> model_;
  EngineStats stats_;
};

}  // namespace pope
