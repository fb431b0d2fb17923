// How sequences lie one after the other in a single row of N tokens, without padding between them.
// A trunk is a sequence from position 0. The branches behind it each continue it: a branch's tokens attend to
// the trunk and to their own branch, never to another. So the rollouts of a group share their prompt; a
// sequence of its own is a trunk without branches.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace pope {

struct Packing {
  std::vector<std::int64_t> bounds{
      0};  // [S+1]: segment s, a trunk or a branch, is tokens bounds[s] … bounds[s+1] − 1
  std::vector<std::int64_t> trees{0};  // [R+1]: tree r is segments trees[r] … trees[r+1] − 1, the trunk first

  // Lengths ≥ 1.
  void add_trunk(std::int64_t length);
  void add_branch(std::int64_t length);  // of the trunk added last

  std::int64_t tokens() const { return bounds.back(); }
  std::int64_t trees_count() const { return static_cast<std::int64_t>(trees.size()) - 1; }
  std::int64_t longest() const;  // sequence, a branch together with its trunk
  // [N] i64: each token's position in its sequence.
  at::Tensor positions() const;

  // `rows` sequences of `steps` tokens each.
  static Packing equal(std::int64_t rows, std::int64_t steps);
};

}  // namespace pope
