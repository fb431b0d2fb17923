// Loops in vectors of sixteen floats, compiled once per instruction set and chosen at run time. The kernels
// of a file lie in FILE-inl.h; FILE.cpp includes that through each_processor.h and calls it by POPE_PICK.
#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>
#include <cstring>
#include <vector>

#pragma GCC diagnostic ignored "-Wpsabi"  // vectors are passed to inlined functions only

#define POPE_INLINE inline __attribute__((always_inline))
// With other compilers and processors the kernels are compiled once, for what the compiler takes as given.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define POPE_SEVERAL_PROCESSORS 1
#endif

namespace pope::simd {

enum class Processor { baseline, avx2, avx512 };

// The instruction sets that this machine has and the program was compiled for, the best one last.
std::vector<Processor> processors();

// What POPE_PICK picks: the best one, or what use() has set.
Processor processor();

// For tests and benchmarks: the kernels of `one` from now on, in all threads. It must be among processors().
void use(Processor one);

}  // namespace pope::simd

// Returns f(…) of the namespace that each_processor.h made for this machine.
#ifdef POPE_SEVERAL_PROCESSORS
#define POPE_PICK(...)                               \
  switch (::pope::simd::processor()) {               \
    case ::pope::simd::Processor::avx512:            \
      return ::pope::kernels::avx512::__VA_ARGS__;   \
    case ::pope::simd::Processor::avx2:              \
      return ::pope::kernels::avx2::__VA_ARGS__;     \
    default:                                         \
      return ::pope::kernels::baseline::__VA_ARGS__; \
  }
#else
#define POPE_PICK(...) return ::pope::kernels::baseline::__VA_ARGS__
#endif
