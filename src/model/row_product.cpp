// Every processor: the loops are in row_product-inl.h.
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstring>

#include "model/dots.h"
#include "model/few_rows.h"
#include "model/simd.h"

#define POPE_KERNELS "model/row_product-inl.h"
#include "model/each_processor.h"

namespace pope {
namespace kernels {

template <class W, class T>
void columns(const Matrices<float, W, T>& m, std::int64_t begin, std::int64_t end) {
  POPE_PICK(run(m, begin, end));
}

}  // namespace kernels
namespace {

constexpr std::int64_t kColumns = 64;  // a piece of work

bool fits(const at::Tensor& x, const at::Tensor& weight) {
  const auto type = weight.scalar_type();
  return x.size(1) % 16 == 0 && x.scalar_type() == type && (type == at::kFloat || type == at::kBFloat16);
}

template <class W, class T>
void run_as(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, at::Tensor& out) {
  const auto wide = x.to(at::kFloat);
  const kernels::Matrices<float, W, T> matrices{wide.const_data_ptr<float>(),
                                                weight.const_data_ptr<W>(),
                                                bias.defined() ? bias.const_data_ptr<W>() : nullptr,
                                                x.size(0),
                                                x.size(1),
                                                weight.size(0),
                                                out.data_ptr<T>()};
  const std::int64_t pieces = (matrices.columns + kColumns - 1) / kColumns;
  at::parallel_for(0, pieces, 1, [&](std::int64_t begin, std::int64_t end) {
    kernels::columns(matrices, begin * kColumns, std::min(end * kColumns, matrices.columns));
  });
}

void run(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, at::Tensor& out) {
  if (weight.scalar_type() == at::kFloat) return run_as<float, float>(x, weight, bias, out);
  out.scalar_type() == at::kFloat ? run_as<c10::BFloat16, float>(x, weight, bias, out)
                                  : run_as<c10::BFloat16, c10::BFloat16>(x, weight, bias, out);
}

}  // namespace

constinit const FewRowsProduct row_product{"vectors", fits, run, 8, 2, 32};

}  // namespace pope
