// Includes POPE_KERNELS once per instruction set, each time in a namespace of its own, with vectors that fit
// its registers (simd-inl.h). Define POPE_KERNELS as the file's name in quotes and include what it needs
// first: the file itself includes nothing. No guard: every file of kernels includes this once.
#ifdef POPE_SEVERAL_PROCESSORS
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4")
#define POPE_VECTOR_BYTES 64
namespace pope::kernels::avx512 {
namespace {
#include "model/simd-inl.h"
#include POPE_KERNELS
}  // namespace
}  // namespace pope::kernels::avx512
#undef POPE_VECTOR_BYTES
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")
#define POPE_VECTOR_BYTES 32
namespace pope::kernels::avx2 {
namespace {
#include "model/simd-inl.h"
#include POPE_KERNELS
}  // namespace
}  // namespace pope::kernels::avx2
#undef POPE_VECTOR_BYTES
#pragma GCC pop_options
#endif

#define POPE_VECTOR_BYTES 16
namespace pope::kernels::baseline {
namespace {
#include "model/simd-inl.h"
#include POPE_KERNELS
}  // namespace
}  // namespace pope::kernels::baseline
#undef POPE_VECTOR_BYTES
#undef POPE_KERNELS
