// Products of few rows with a large weight matrix, which is read once and in place: one way per kind of
// processor, behind one interface. Internal to product.cpp, and for tests and benchmarks.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <limits>
#include <span>

namespace pope {

constexpr std::int64_t kAnyNumber = std::numeric_limits<std::int64_t>::max();

// x [N,W], weight [C,W] and bias [C] lie in order on the CPU and are of one dtype, N above 0; out [N,C] is
// f32 or of that dtype. find_product() and project() see to it.
struct FewRowsProduct {
  const char* name;
  // Whether this machine has the instructions, and these operands the dtype and the sizes that the kernel
  // needs.
  bool (*fits)(const at::Tensor& x, const at::Tensor& weight);
  // out = x · weightᵀ + bias, summed in f32; bias may be undefined.
  void (*run)(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, at::Tensor& out);
  // With more rows libtorch's product is faster (bench/product.cpp): of bf16 weights to bf16, of f32 ones to
  // f32, and of bf16 ones to f32, where libtorch widens the weights first.
  std::int64_t most_rows_bf16, most_rows_f32, most_rows_widened;
};

extern const FewRowsProduct tile_product;  // AMX: tile_product.cpp
extern const FewRowsProduct pair_product;  // AVX-512 BF16: pair_product.cpp
extern const FewRowsProduct row_product;   // every processor: row_product.cpp

bool are_bf16(const at::Tensor& x, const at::Tensor& weight);

// All of them, the best first.
std::span<const FewRowsProduct* const> few_rows_products();

// The best one for a result of this dtype; nothing where libtorch's product is better, or must say what is
// wrong with the operands.
const FewRowsProduct* find_product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                                   at::ScalarType result);

}  // namespace pope
