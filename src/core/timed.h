// Seconds that a piece of work takes.
#pragma once

#include <chrono>

namespace pope {

// Runs `work`, adds the seconds that it takes to `sum`, and returns what it returns.
template <class Work>
auto timed(double& sum, const Work& work) {
  struct Stop {
    double& sum;
    std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
    ~Stop() { sum += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); }
  } stop{sum};
  return work();
}

}  // namespace pope
