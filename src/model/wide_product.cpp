// See wide_product.h.
#include "model/wide_product.h"

#include <torch/csrc/autograd/custom_function.h>

#include "model/few_rows.h"
#include "model/simd.h"

namespace pope {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor wide(const at::Tensor& x) { return x.to(at::kFloat); }

struct LinearInF32 : torch::autograd::Function<LinearInF32> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias) {
    // What only the gradient of a frozen factor would need is not kept.
    ctx->save_for_backward(
        {weight.requires_grad() ? x : at::Tensor(), x.requires_grad() ? weight : at::Tensor()});
    ctx->saved_data["bias"] = bias.has_value();
    return at::linear(wide(x), wide(weight), bias ? std::optional(wide(*bias)) : bias).to(x.scalar_type());
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& d) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor d_out = wide(d[0]);
    const auto of = [&](std::size_t input, const auto& compute) {
      return ctx->needs_input_grad(input) ? compute().to(d[0].scalar_type()) : at::Tensor();
    };
    return {of(0, [&] { return at::mm(d_out, wide(saved[1])); }),
            of(1, [&] { return at::mm(d_out.t(), wide(saved[0])); }),
            ctx->saved_data["bias"].toBool() ? of(2, [&] { return d_out.sum(0); }) : at::Tensor()};
  }
};

#ifdef POPE_SEVERAL_PROCESSORS
bool has_fast_bf16() {
  const at::Tensor x = at::empty({32, 32}, at::kBFloat16);
  if (tile_product.fits(x, x)) return true;
  return pair_product.fits(x, x) && __builtin_cpu_is("amd") != 0;
}
#else
bool has_fast_bf16() { return true; }  // not measured
#endif

}  // namespace

bool is_faster_in_f32(const at::Tensor& x) {
  static const bool fast = has_fast_bf16();
  return !fast && x.is_cpu() && x.scalar_type() == at::kBFloat16;
}

at::Tensor linear_in_f32(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return LinearInF32::apply(x, weight, bias.defined() ? std::optional(bias) : std::nullopt);
}

void product_in_f32_out(at::Tensor& out, const at::Tensor& a, const at::Tensor& b) {
  out.copy_(at::mm(wide(a), wide(b)));
}

void product_out(at::Tensor& out, const at::Tensor& a, const at::Tensor& b) {
  if (is_faster_in_f32(a)) {
    product_in_f32_out(out, a, b);
  } else {
    at::mm_out(out, a, b);
  }
}

}  // namespace pope
