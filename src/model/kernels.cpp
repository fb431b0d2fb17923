// See kernels.h; the loops are in kernels-inl.h.
#include "model/kernels.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "model/simd.h"

#define POPE_KERNELS "model/kernels-inl.h"
#include "model/each_processor.h"

namespace pope::kernels {

#define POPE_KERNEL(Kernel)                                                                                  \
  void rows(const Kernel<float>& k, std::int64_t begin, std::int64_t end) { POPE_PICK(run(k, begin, end)); } \
  void rows(const Kernel<c10::BFloat16>& k, std::int64_t begin, std::int64_t end) {                          \
    POPE_PICK(run(k, begin, end));                                                                           \
  }
POPE_KERNEL(NormForward)
POPE_KERNEL(NormBackward)
POPE_KERNEL(SwigluForward)
POPE_KERNEL(SwigluBackward)
POPE_KERNEL(SplitHeads)
POPE_KERNEL(MergeHeads)
POPE_KERNEL(LogprobBackward)
#undef POPE_KERNEL

void rows(const LogprobForward& k, std::int64_t begin, std::int64_t end) { POPE_PICK(run(k, begin, end)); }

}  // namespace pope::kernels
