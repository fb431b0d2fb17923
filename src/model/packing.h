// How sequences lie one after the other in a single row of N tokens, without padding between them.
// A group is a prefix and its continuations: each continuation attends to the prefix and to itself, never to
// another continuation. So the rollouts of one prompt share it. A sequence alone is a prefix without
// continuations. Positions count from the start of the prefix.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace pope {

struct Packing {
  // [S+1]: segment s, a prefix or a continuation, is tokens bounds[s] … bounds[s+1] − 1.
  std::vector<std::int64_t> bounds{0};
  // [R+1]: group r is segments groups[r] … groups[r+1] − 1, its prefix first.
  std::vector<std::int64_t> groups{0};

  // Each appends a segment of `length` ≥ 1 tokens. A continuation belongs to the prefix added last.
  void add_prefix(std::int64_t length);
  void add_continuation(std::int64_t length);

  std::int64_t tokens() const { return bounds.back(); }
  std::int64_t group_count() const { return static_cast<std::int64_t>(groups.size()) - 1; }
  // Tokens of the longest sequence: a prefix alone, or together with one continuation.
  std::int64_t longest() const;
  // [N] i64: each token's position in its sequence.
  at::Tensor positions() const;

  // `rows` sequences of `steps` tokens each.
  static Packing equal(std::int64_t rows, std::int64_t steps);
};

}  // namespace pope
