// An autograd node: its backward pass runs the body again with gradients, and differentiates that graph
// within the backward pass that is under way.
#include "model/recompute.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

namespace pope {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

using Body = std::function<TensorPair(const TensorPair&)>;
struct HeldBody : torch::CustomClassHolder {
  explicit HeldBody(Body b) : body(std::move(b)) {}
  Body body;
};

struct Recomputed : torch::autograd::Function<Recomputed> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& first, const at::Tensor& second,
                               const c10::intrusive_ptr<HeldBody>& held) {
    ctx->save_for_backward({first, second});
    ctx->saved_data["body"] = c10::IValue::make_capsule(held);
    const auto [a, b] = held->body({first, second});
    return {a, b};
  }
  static variable_list backward(AutogradContext* ctx, variable_list d) {
    const auto held = ctx->saved_data["body"].toCapsule();
    const auto saved = ctx->get_saved_variables();
    const at::Tensor first = saved[0].detach().set_requires_grad(true),
                     second = saved[1].detach().set_requires_grad(true);
    const c10::AutoGradMode graph(true);
    const auto [a, b] = static_cast<const HeldBody&>(*held).body({first, second});
    torch::autograd::backward({a, b}, d);  // reaches the parameters' own gradients too
    return {first.grad(), second.grad(), {}};
  }
};

}  // namespace

TensorPair recomputed(Body body, const TensorPair& inputs) {
  const auto results =
      Recomputed::apply(inputs.first, inputs.second, c10::make_intrusive<HeldBody>(std::move(body)));
  return {results[0], results[1]};
}

}  // namespace pope
