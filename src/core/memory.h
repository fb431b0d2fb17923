// The process's heap.
#pragma once

#include <cstdint>
#include <exception>

namespace pope {

// Makes freed memory stay with the process. A training step frees and allocates gigabytes in large pieces; by
// default glibc returns each to the kernel, which clears it before handing it out again (12 % of a step's
// time). Call it once, at the start of main. Does nothing with other allocators than glibc's.
void keep_freed_memory();

// Returns free heap memory to the kernel. For moments after which less memory is needed.
void give_back_freed_memory();

// Whether an exception says that there was no memory left: std::bad_alloc, or in the words of libtorch's
// allocators and of the system; also where there was no room for one more thread, and memory is limited.
bool is_out_of_memory(const std::exception& error);
// Whether it says that the system gives no more threads, for another reason.
bool is_out_of_threads(const std::exception& error);

// The most memory that the process has held so far, in bytes.
std::int64_t peak_memory_bytes();

}  // namespace pope
