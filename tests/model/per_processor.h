// A fixture that runs a test once per instruction set of this machine: TEST_P, and
// POPE_EACH_PROCESSOR(Suite).
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "model/simd.h"

namespace pope {

class EachProcessor : public testing::TestWithParam<simd::Processor> {
 protected:
  void SetUp() override { simd::use(GetParam()); }
  void TearDown() override { simd::use(simd::processors().back()); }
};

inline std::string processor_name(const testing::TestParamInfo<simd::Processor>& info) {
  switch (info.param) {
    case simd::Processor::avx512:
      return "avx512";
    case simd::Processor::avx2:
      return "avx2";
    default:
      return "baseline";
  }
}

}  // namespace pope

#define POPE_EACH_PROCESSOR(Suite) \
  INSTANTIATE_TEST_SUITE_P(, Suite, testing::ValuesIn(simd::processors()), processor_name)
