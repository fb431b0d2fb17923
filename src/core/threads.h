// Threads by the dozen, where a setting says how many.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <system_error>
#include <thread>
#include <vector>

#include "core/error.h"

namespace pope {

// Adds `count` threads that run `work`. Error when the system refuses one: `end` is called first, and must
// make those that run return.
inline void start_threads(std::vector<std::jthread>& threads, int count, const std::function<void()>& work,
                          const std::function<void()>& end) {
  try {
    for (int i = 0; i < count; ++i) threads.emplace_back(work);
  } catch (const std::system_error& error) {
    end();
    throw Error("start threads",
                fmt::format("the system gives {} of {}: {}", threads.size(), count, error.code().message()),
                "lower verify.workers or run.threads, or raise the limits (ulimit -u, ulimit -v)");
  }
}

}  // namespace pope
