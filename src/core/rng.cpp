// SplitMix64 (Steele, Lea, Flood 2014) as generator and as hash of stream paths.
#include "core/rng.h"

#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "core/error.h"

namespace pope {
namespace {

constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15u;

std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

}  // namespace

std::uint64_t key_of(std::string_view name) {
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : name) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001B3u;
  }
  return mix(hash);
}

RngStream::RngStream(std::uint64_t seed, std::initializer_list<std::uint64_t> path) : state_(seed) {
  // Both steps are bijections, so different keys after the same beginning never meet in one state.
  for (const std::uint64_t key : path) state_ = mix(mix(state_ + kGolden) ^ key);
}

std::uint64_t RngStream::next() { return mix(state_ += kGolden); }

double RngStream::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

double RngStream::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));  // 1 − u is in (0, 1]
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

std::uint64_t RngStream::below(std::uint64_t bound) {
  if (bound == 0) throw Error("RngStream::below", "expected a bound above 0, got 0");
  const std::uint64_t rejected = (0 - bound) % bound;  // 2^64 mod bound values would be over-represented
  std::uint64_t bits = next();
  while (bits < rejected) bits = next();
  return bits % bound;
}

std::vector<std::size_t> RngStream::permutation(std::size_t n) {
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = n; i > 1; --i) std::swap(order[i - 1], order[below(i)]);
  return order;
}

}  // namespace pope
