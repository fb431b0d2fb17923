// See simd.h.
#include "model/simd.h"

#include <algorithm>
#include <atomic>

#include "core/error.h"

namespace pope::simd {
namespace {

std::atomic<Processor>& chosen() {
  static std::atomic<Processor> one = processors().back();
  return one;
}

}  // namespace

std::vector<Processor> processors() {
  std::vector<Processor> have{Processor::baseline};
#ifdef POPE_SEVERAL_PROCESSORS
  if (__builtin_cpu_supports("x86-64-v3")) have.push_back(Processor::avx2);
  if (__builtin_cpu_supports("x86-64-v4")) have.push_back(Processor::avx512);
#endif
  return have;
}

Processor processor() { return chosen().load(std::memory_order_relaxed); }

void use(Processor one) {
  const std::vector<Processor> have = processors();
  if (std::find(have.begin(), have.end(), one) == have.end())
    throw Error("use processor", "this machine does not have these instructions");
  chosen() = one;
}

}  // namespace pope::simd
