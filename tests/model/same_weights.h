// Two models with the same parameters, bit for bit.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "model/model.h"

namespace pope {

inline void expect_same(const Model& a, const Model& b) {
  ASSERT_EQ(a.parameters().size(), b.parameters().size());
  for (std::size_t i = 0; i < a.parameters().size(); ++i) {
    const Parameter &left = a.parameters()[i], &right = b.parameters()[i];
    EXPECT_EQ(left.name, right.name);
    EXPECT_TRUE(at::equal(left.master, right.master)) << left.name;
  }
}

}  // namespace pope
