// Counter-based random streams. A stream is named by a seed and a path of keys and by nothing else,
// so the order in which streams are used, and on which thread, never changes what they give.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace pope {

// 64-bit FNV-1a with a final mix: the key of a name (a problem id, a purpose).
std::uint64_t key_of(std::string_view name);

class RngStream {
 public:
  // RngStream(seed, {key_of("rollout"), key_of(problem.id), sample}) is the stream of one rollout.
  RngStream(std::uint64_t seed, std::initializer_list<std::uint64_t> path);

  std::uint64_t next();                      // 64 uniform bits (SplitMix64)
  double uniform();                          // [0, 1), 53 bits
  double normal();                           // standard normal (Box–Muller, one of the pair)
  std::uint64_t below(std::uint64_t bound);  // [0, bound), unbiased; bound > 0

  // A random order of 0..n-1 (Fisher–Yates).
  std::vector<std::size_t> permutation(std::size_t n);

 private:
  std::uint64_t state_;
};

}  // namespace pope
