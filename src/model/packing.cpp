// See packing.h.
#include "model/packing.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/error.h"

namespace pope {
namespace {

void check(std::int64_t length) {
  if (length < 1)
    throw Error("packing", fmt::format("expected a segment of at least one token, got {}", length));
}

}  // namespace

void Packing::add_trunk(std::int64_t length) {
  check(length);
  bounds.push_back(bounds.back() + length);
  trees.push_back(trees.back() + 1);
}

void Packing::add_branch(std::int64_t length) {
  check(length);
  if (trees.size() < 2) throw Error("packing", "expected a trunk before its branches");
  bounds.push_back(bounds.back() + length);
  ++trees.back();
}

std::int64_t Packing::longest() const {
  std::int64_t result = 0;
  for (std::size_t r = 0; r + 1 < trees.size(); ++r) {
    const auto first = trees[r], trunk = bounds[first + 1] - bounds[first];
    for (auto s = first; s < trees[r + 1]; ++s) {
      result = std::max(result, (s == first ? 0 : trunk) + bounds[s + 1] - bounds[s]);
    }
  }
  return result;
}

at::Tensor Packing::positions() const {
  auto result = at::empty({tokens()}, at::kLong);
  auto* out = result.data_ptr<std::int64_t>();
  for (std::size_t r = 0; r + 1 < trees.size(); ++r) {
    const auto first = trees[r], trunk = bounds[first + 1] - bounds[first];
    for (auto s = first; s < trees[r + 1]; ++s) {
      std::iota(out + bounds[s], out + bounds[s + 1], s == first ? 0 : trunk);
    }
  }
  return result;
}

Packing Packing::equal(std::int64_t rows, std::int64_t steps) {
  Packing packing;
  for (std::int64_t r = 0; r < rows; ++r) packing.add_trunk(steps);
  return packing;
}

}  // namespace pope
