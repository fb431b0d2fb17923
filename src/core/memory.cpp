// glibc's malloc settings, and the peak from getrusage.
#include "core/memory.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdlib>  // defines __GLIBC__
#include <filesystem>
#include <new>
#include <string_view>
#include <system_error>

#ifdef __GLIBC__
#include <malloc.h>

#include <limits>
#endif

namespace pope {

void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 64 << 20);  // the heap grows in steps of 64 MiB
#endif
}

void give_back_freed_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

namespace {

// A thread that the system refuses, for want of room for its stack or of a place among the processes: the
// error is the same.
bool refuses_thread(const std::system_error& error) {
  return error.code() == std::errc::resource_unavailable_try_again &&
         dynamic_cast<const std::filesystem::filesystem_error*>(&error) == nullptr;
}

// Whether the process may have so much memory and no more (ulimit -v).
bool memory_is_limited() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

}  // namespace

bool is_out_of_memory(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return true;
  if (const auto* system = dynamic_cast<const std::system_error*>(&error)) {
    return system->code() == std::errc::not_enough_memory || (refuses_thread(*system) && memory_is_limited());
  }
  const std::string_view what = error.what();
  constexpr std::array<std::string_view, 4> kSaid = {"not enough memory", "out of memory",
                                                     "can't allocate memory", "Cannot allocate memory"};
  return std::any_of(kSaid.begin(), kSaid.end(),
                     [&](std::string_view said) { return what.find(said) != std::string_view::npos; });
}

bool is_out_of_threads(const std::exception& error) {
  const auto* system = dynamic_cast<const std::system_error*>(&error);
  return system != nullptr && refuses_thread(*system) && !memory_is_limited();
}

std::int64_t peak_memory_bytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;  // Linux counts in KiB
}

}  // namespace pope
