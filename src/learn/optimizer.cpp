// AdamW with libtorch's fused kernel (see optimizer.h). In fp32 compute the gradient sum is .grad itself,
// which backward already accumulates into; in bf16 it is an fp32 tensor beside, so that small terms are not
// lost. Sharded, a parameter is stepped by one process, and its master then goes to the others: the same
// numbers as where each steps all of them.
#include "learn/optimizer.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "core/error.h"

namespace pope {
namespace {

constexpr double kClipEps = 1e-6;  // as torch.nn.utils.clip_grad_norm_

// Global L2 norm, squares summed in double. Read all at once: each reading waits for the device.
double global_norm(const std::vector<at::Tensor>& gradients) {
  std::vector<at::Tensor> norms;
  for (const at::Tensor& g : gradients) norms.push_back(at::linalg_vector_norm(g));
  const at::Tensor read = at::stack(norms).cpu();
  const auto* norm = read.const_data_ptr<float>();
  double squares = 0;
  for (std::int64_t i = 0; i < read.numel(); ++i) squares += static_cast<double>(norm[i]) * norm[i];
  return std::sqrt(squares);
}

}  // namespace

double learning_rate(const OptimizerConfig& config, std::int64_t t, std::int64_t steps) {
  const double all = static_cast<double>(steps);
  const double warmup = config.warmup >= 1 ? std::floor(config.warmup) : std::ceil(config.warmup * all);
  const double step = static_cast<double>(t);
  const double done = all > warmup ? std::clamp((step - warmup) / (all - warmup), 0.0, 1.0) : 1.0;
  double factor = 0;
  if (config.schedule == "constant") {
    factor = 1;
  } else if (config.schedule == "cosine") {
    factor = 0.5 * (1 + std::cos(std::numbers::pi * done));
  } else if (config.schedule == "linear") {
    factor = 1 - done;
  } else {
    throw Error("optimizer", "expected constant, cosine or linear, got '" + config.schedule + "'",
                "set optimizer.schedule to one of the three");
  }
  return step < warmup ? config.lr * (step + 1) / warmup : config.lr * factor;
}

Optimizer::Optimizer(OptimizerConfig config, Model& model, ProcessGroup& processes,
                     std::shared_ptr<Model> ema)
    : config_(std::move(config)), model_(model), processes_(processes), ema_(std::move(ema)) {
  check(config_);
  if (ema_ && model_.lora()) {
    throw Error("optimizer", "expected a model without an adapter for the moving average of its weights",
                "set lora.rank=0");
  }
  std::vector<std::int64_t> held(static_cast<std::size_t>(processes_.size()));  // values that each rank has
  for (const Parameter& p : model_.trainable()) {
    if (p.master.scalar_type() != at::kFloat)
      throw Error("optimizer", "expected f32 masters, got a frozen model");
    const auto least = std::min_element(held.begin(), held.end());
    *least += p.master.numel();
    owners_.push_back(static_cast<int>(least - held.begin()));
    const bool own = owns(owners_.size() - 1);
    const auto zeros = [&] { return at::zeros_like(p.master, p.master.options().requires_grad(false)); };
    exp_avg_.push_back(own ? zeros() : at::Tensor());
    exp_avg_sq_.push_back(own ? zeros() : at::Tensor());
  }
  sums_.resize(exp_avg_.size());
}

void Optimizer::accumulate() {
  if (model_.compute_type() == at::kFloat) return;
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    at::Tensor& gradient = model_.trainable()[i].compute.mutable_grad();
    if (!gradient.defined()) continue;
    if (sums_[i].defined()) {
      sums_[i].add_(gradient);
    } else {
      sums_[i] = gradient.to(at::kFloat);
    }
    gradient = at::Tensor();
  }
}

double Optimizer::step(double lr) {
  const c10::NoGradGuard no_grad;
  std::vector<Parameter>& parameters = model_.trainable();
  std::vector<at::Tensor> gradients;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const at::Tensor sum = model_.compute_type() == at::kFloat ? parameters[i].compute.grad() : sums_[i];
    gradients.push_back(sum.defined() ? sum : at::zeros_like(parameters[i].master));
  }
  processes_.all_reduce(gradients);
  const double norm = global_norm(gradients);
  if (!std::isfinite(norm)) return norm;

  const double scale = config_.clip_norm > 0 ? std::min(1.0, config_.clip_norm / (norm + kClipEps)) : 1.0;
  apply(lr, scale, gradients);
  if (sharded()) share_masters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    parameters[i].compute.mutable_grad() = at::Tensor();
    sums_[i] = at::Tensor();
  }
  model_.sync_compute_weights();
  ++model_.version;
  follow();
  return norm;
}

void Optimizer::follow() {
  if (!ema_) return;
  for (std::size_t i = 0; i < ema_->parameters().size(); ++i)
    ema_->parameters()[i].master.lerp_(model_.parameters()[i].master, 1 - config_.ema_decay);
  ema_->sync_compute_weights();
  ema_->version = model_.version;
}

void Optimizer::resume_at(std::int64_t steps_taken) {
  steps_ = steps_taken;
  if (!ema_) return;
  ema_->sync_compute_weights();
  ema_->version = model_.version;
}

// Steps the masters along `gradients` times `scale`, matrices with weight decay, norms and biases without.
void Optimizer::apply(double lr, double scale, const std::vector<at::Tensor>& gradients) {
  ++steps_;
  // The kernel divides by grad_scale while it reads the gradient: clipping costs no pass of its own.
  const at::TensorOptions there = model_.trainable().front().master.options().requires_grad(false);
  const auto number = [&](double value) {  // the kernel reads its numbers where the weights are
    return at::scalar_tensor(value, there);
  };
  std::optional<at::Tensor> grad_scale;
  if (scale < 1) grad_scale = number(1 / scale);
  const at::Tensor count = number(static_cast<double>(steps_));
  for (const bool decayed : {true, false}) {
    std::vector<at::Tensor> masters, group, exp_avg, exp_avg_sq, counts;
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      const at::Tensor& master = model_.trainable()[i].master;
      if ((master.dim() >= 2) != decayed || !owns(i)) continue;
      masters.push_back(master);
      group.push_back(gradients[i]);
      exp_avg.push_back(exp_avg_[i]);
      exp_avg_sq.push_back(exp_avg_sq_[i]);
      counts.push_back(count);
    }
    if (masters.empty()) continue;
    at::_fused_adamw_(masters, group, exp_avg, exp_avg_sq, {}, counts, lr, config_.beta1, config_.beta2,
                      decayed ? config_.weight_decay : 0.0, config_.eps, /*amsgrad=*/false,
                      /*maximize=*/false, grad_scale);
  }
}

void Optimizer::share_masters() {
  for (int rank = 0; rank < processes_.size(); ++rank) {
    std::vector<at::Tensor> masters;
    for (std::size_t i = 0; i < owners_.size(); ++i)
      if (owners_[i] == rank) masters.push_back(model_.trainable()[i].master);
    processes_.broadcast(masters, rank);
  }
}

NamedTensors Optimizer::own_state() const {
  NamedTensors tensors;
  for (std::size_t i = 0; i < exp_avg_.size(); ++i) {
    if (!owns(i)) continue;
    const std::string& name = model_.trainable()[i].name;
    tensors.emplace_back("exp_avg." + name, exp_avg_[i]);
    tensors.emplace_back("exp_avg_sq." + name, exp_avg_sq_[i]);
  }
  add_average(tensors);
  return tensors;
}

void Optimizer::add_average(NamedTensors& tensors) const {
  if (!ema_) return;
  for (const Parameter& parameter : ema_->parameters())
    tensors.emplace_back("ema." + parameter.name, parameter.master);
}

NamedTensors Optimizer::state() const {
  if (!sharded()) return own_state();
  const c10::NoGradGuard no_grad;
  NamedTensors tensors;
  for (std::size_t i = 0; i < exp_avg_.size(); ++i) {
    const Parameter& parameter = model_.trainable()[i];
    for (const auto& [kind, moments] : {std::pair("exp_avg.", &exp_avg_), {"exp_avg_sq.", &exp_avg_sq_}}) {
      std::vector<at::Tensor> one = {owns(i) ? (*moments)[i] : at::empty_like(parameter.master.detach())};
      processes_.broadcast(one, owners_[i]);
      if (processes_.writes()) tensors.emplace_back(kind + parameter.name, one[0].cpu());
    }
  }
  if (processes_.writes()) add_average(tensors);  // all have it
  return tensors;
}

}  // namespace pope
