// Segments are appended; positions and lengths follow from their bounds.
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

void Packing::add_prefix(std::int64_t length) {
  check(length);
  bounds.push_back(bounds.back() + length);
  groups.push_back(groups.back() + 1);
}

void Packing::add_continuation(std::int64_t length) {
  check(length);
  if (groups.size() < 2) throw Error("packing", "expected a prefix before its continuations");
  bounds.push_back(bounds.back() + length);
  ++groups.back();
}

std::int64_t Packing::longest() const {
  std::int64_t result = 0;
  for (std::size_t r = 0; r + 1 < groups.size(); ++r) {
    const auto first = groups[r], prefix = bounds[first + 1] - bounds[first];
    for (auto s = first; s < groups[r + 1]; ++s) {
      result = std::max(result, (s == first ? 0 : prefix) + bounds[s + 1] - bounds[s]);
    }
  }
  return result;
}

at::Tensor Packing::positions() const {
  auto result = at::empty({tokens()}, at::kLong);
  auto* out = result.data_ptr<std::int64_t>();
  for (std::size_t r = 0; r + 1 < groups.size(); ++r) {
    const auto first = groups[r], prefix = bounds[first + 1] - bounds[first];
    for (auto s = first; s < groups[r + 1]; ++s) {
      std::iota(out + bounds[s], out + bounds[s + 1], s == first ? 0 : prefix);
    }
  }
  return result;
}

Packing Packing::equal(std::int64_t rows, std::int64_t steps) {
  Packing packing;
  for (std::int64_t r = 0; r < rows; ++r) packing.add_prefix(steps);
  return packing;
}

}  // namespace pope
