// The process's heap.
#pragma once

#include <cstdint>

namespace pope {

// Freed memory stays with the process. A training step frees and asks again for gigabytes in large pieces;
// glibc would give each back to the kernel, which clears it before handing it out again (12 % of a step's
// time). Call once, first thing in main. Does nothing with allocators that have no such setting.
void keep_freed_memory();

// Gives the kernel what is free in the heap now, for moments when it would not be asked for again.
void give_back_freed_memory();

// The most memory that the process has held so far, in bytes.
std::int64_t peak_memory_bytes();

}  // namespace pope
