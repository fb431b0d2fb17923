// Products of few rows with a large weight matrix, which is read once and in place: one way per kind of
// processor, behind one interface. Internal to product.cpp, and for tests and benchmarks.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <limits>
#include <span>

namespace pope {

constexpr std::int64_t kAnyNumber = std::numeric_limits<std::int64_t>::max();

struct FewRowsProduct {
  const char* name;
  // Whether this machine has the instructions, and these operands the form that the way needs.
  bool (*fits)(const at::Tensor& x, const at::Tensor& weight);
  // x [N,W], weight [C,W], bias [C] of the weight's dtype or undefined → out [N,C], f32 or of the weight's dtype:
  // multiplied exactly (f32: rounded), summed in f32.
  void (*run)(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, at::Tensor& out);
  // With more rows libtorch's product is faster (bench/product.cpp): of bf16 and f32 weights to their own type, and of bf16 to
  // f32, for which libtorch has none and widens the weights.
  std::int64_t most_rows_bf16, most_rows_f32, most_rows_widened;
};

extern const FewRowsProduct tile_product;  // AMX: tile_product.cpp
extern const FewRowsProduct pair_product;  // AVX-512 BF16: pair_product.cpp
extern const FewRowsProduct row_product;   // every processor: row_product.cpp

// Whether both are contiguous bf16 matrices on the CPU.
bool are_plain_bf16(const at::Tensor& x, const at::Tensor& weight);

// All of them, the best first.
std::span<const FewRowsProduct* const> few_rows_products();

}  // namespace pope
