// How exceptions say that there is no memory left.
#include "core/memory.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>
#include <filesystem>
#include <new>
#include <stdexcept>
#include <system_error>

namespace pope {
namespace {

TEST(Memory, KnowsHowItsLackIsSaid) {
  EXPECT_TRUE(is_out_of_memory(std::bad_alloc()));
  EXPECT_TRUE(
      is_out_of_memory(std::runtime_error("[enforce fail at alloc_cpu.cpp:126] err == 0. "
                                          "DefaultCPUAllocator: can't allocate memory: you tried to "
                                          "allocate 8 bytes. Error code 12 (Cannot allocate memory)")));
  EXPECT_TRUE(is_out_of_memory(std::runtime_error("CUDA out of memory. Tried to allocate 2.00 GiB")));
  EXPECT_FALSE(is_out_of_memory(std::system_error(ENOENT, std::system_category(), "open")));
  EXPECT_FALSE(is_out_of_memory(std::runtime_error("expected a memory")));
}

// A thread that does not start has one error for want of memory and of a place among the processes.
TEST(Memory, KnowsALackOfThreads) {
  const std::system_error thread(EAGAIN, std::system_category(), "thread");
  const std::filesystem::filesystem_error file(
      "lock", "a file", std::make_error_code(std::errc::resource_unavailable_try_again));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
  for (const bool limited : {false, true}) {
    const rlimit limit{limited ? rlim_t{1} << 46 : RLIM_INFINITY, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
    EXPECT_EQ(is_out_of_memory(thread), limited);
    EXPECT_EQ(is_out_of_threads(thread), !limited);
    EXPECT_FALSE(is_out_of_memory(file));
    EXPECT_FALSE(is_out_of_threads(file));
    EXPECT_FALSE(is_out_of_threads(std::system_error(ENOMEM, std::system_category(), "thread")));
  }
  setrlimit(RLIMIT_AS, &before);
}

}  // namespace
}  // namespace pope
