// How exceptions say that there is no memory left.
#include "core/memory.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <new>
#include <stdexcept>
#include <system_error>

namespace pope {
namespace {

TEST(Memory, KnowsHowItsLackIsSaid) {
  EXPECT_TRUE(is_out_of_memory(std::bad_alloc()));
  EXPECT_TRUE(is_out_of_memory(std::system_error(EAGAIN, std::system_category(), "thread")));
  EXPECT_TRUE(
      is_out_of_memory(std::runtime_error("[enforce fail at alloc_cpu.cpp:126] err == 0. "
                                          "DefaultCPUAllocator: can't allocate memory: you tried to "
                                          "allocate 8 bytes. Error code 12 (Cannot allocate memory)")));
  EXPECT_TRUE(is_out_of_memory(std::runtime_error("CUDA out of memory. Tried to allocate 2.00 GiB")));
  EXPECT_FALSE(is_out_of_memory(std::system_error(ENOENT, std::system_category(), "open")));
  EXPECT_FALSE(is_out_of_memory(std::runtime_error("expected a memory")));
}

}  // namespace
}  // namespace pope
