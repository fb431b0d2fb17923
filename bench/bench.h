// What the benchmarks share: reading the command line, the spread of repeats, the speed of one large product,
// and main() itself.
#pragma once

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "core/memory.h"
#include "model/device.h"

namespace pope::bench {

// The words of a command line, one after another.
class Words {
 public:
  Words(int argc, char** argv) : words_(argv + 1, argv + argc) {}
  bool left() const { return next_ < words_.size(); }
  const std::string& next() { return words_[next_++]; }
  // What follows an option. Error: nothing does.
  const std::string& value() {
    if (!left()) throw Error("bench", "expected a value after " + words_[next_ - 1]);
    return next();
  }

 private:
  std::vector<std::string> words_;
  std::size_t next_ = 0;
};

template <class Action>
double seconds(const Action& action) {
  const auto begin = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

inline Json spread(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {{"median", values[values.size() / 2]}, {"min", values.front()}, {"max", values.back()}};
}

// GFLOP/s of a large square matrix product in the compute type, best of five.
inline double product_peak(at::ScalarType type, at::Device device) {
  const c10::NoGradGuard no_grad;
  const std::int64_t n = device.is_cpu() ? 2048 : 8192;
  const auto a = at::rand({n, n}).to(device, type), b = at::rand({n, n}).to(device, type);
  wait_for(device);
  double best = 1e30;
  for (int i = 0; i < 6; ++i) {
    const double time = seconds([&] {
      at::mm(a, b);
      wait_for(device);
    });
    if (i > 0) best = std::min(best, time);
  }
  return 2.0 * std::pow(static_cast<double>(n), 3) / best / 1e9;
}

// parse(argc, argv) → arguments, among them `json`; measure(arguments) → the result; print(result).
template <class Parse, class Measure, class Print>
int run(int argc, char** argv, const Parse& parse, const Measure& measure, const Print& print) {
  keep_freed_memory();
  try {
    const auto arguments = parse(argc, argv);
    const Json result = measure(arguments);
    if (arguments.json) {
      std::puts(result.dump(2).c_str());
    } else {
      print(result);
    }
    return 0;
  } catch (const Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}

}  // namespace pope::bench
