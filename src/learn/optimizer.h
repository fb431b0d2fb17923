// AdamW on the fp32 masters (libtorch's fused kernel), with global-norm clipping and warm-up. Same result as
// torch.optim.AdamW after torch.nn.utils.clip_grad_norm_.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "learn/config.h"
#include "learn/process_group.h"
#include "model/load.h"
#include "model/model.h"

namespace pope {

// Learning rate of step t (0-based) of `steps`. Warm-up is linear: (t + 1)/W of lr for t < W.
double learning_rate(const OptimizerConfig& config, std::int64_t t, std::int64_t steps);

class Optimizer {
 public:
  // `processes` train copies of `model` together; their gradients are summed in step(). `ema`, where given,
  // is a copy of the model whose weights follow it.
  Optimizer(OptimizerConfig config, Model& model, ProcessGroup& processes = single_process(),
            std::shared_ptr<Model> ema = nullptr);
  // Adds the compute tensors' .grad() (of one micro-batch) to the fp32 gradient sums, and clears them.
  void accumulate();
  // Sums the gradients over the processes, clips, steps the masters, clears the sums, publishes the weights,
  // model.version += 1; the moving average follows: ema ← d·ema + (1 − d)·model, d = ema_decay. Returns the
  // norm before clipping. A norm that is not finite: nothing is changed, the norm is returned, the caller
  // decides.
  double step(double lr);
  // The moments, by parameter name ("exp_avg.NAME", …), and the moving average ("ema.NAME"). Sharded: all
  // processes must call it, and rank 0 gets those of all.
  NamedTensors state() const;
  NamedTensors own_state() const;  // the tensors themselves that this process keeps
  bool sharded() const { return config_.sharded && processes_.size() > 1; }
  std::int64_t steps_taken() const { return steps_; }
  void resume_at(std::int64_t steps_taken);  // once state() is filled again, and the model has its version

 private:
  bool owns(std::size_t parameter) const { return !sharded() || owners_[parameter] == processes_.rank(); }
  void apply(double lr, double scale, const std::vector<at::Tensor>& gradients);
  void follow();
  void share_masters();
  void add_average(NamedTensors& tensors) const;
  OptimizerConfig config_;
  Model& model_;
  ProcessGroup& processes_;
  std::shared_ptr<Model> ema_;
  std::int64_t steps_ = 0;
  std::vector<int> owners_;  // of each parameter: the rank that steps it, where sharded
  std::vector<at::Tensor> sums_, exp_avg_,
      exp_avg_sq_;  // moments are undefined where another process has them
};

}  // namespace pope
