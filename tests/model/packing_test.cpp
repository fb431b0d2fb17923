// Positions and bounds of packed sequences, by hand.
#include "model/packing.h"

#include <gmock/gmock.h>

#include "core/error.h"

namespace pope {
namespace {

using testing::ElementsAre;

std::vector<std::int64_t> positions(const Packing& packing) {
  const at::Tensor t = packing.positions();
  return {t.data_ptr<std::int64_t>(), t.data_ptr<std::int64_t>() + t.numel()};
}

TEST(PackingTest, ByHand) {
  Packing packing;
  packing.add_prefix(3);
  packing.add_prefix(2);
  packing.add_continuation(4);
  packing.add_continuation(1);
  EXPECT_THAT(packing.bounds, ElementsAre(0, 3, 5, 9, 10));
  EXPECT_THAT(packing.groups, ElementsAre(0, 1, 4));
  EXPECT_EQ(packing.tokens(), 10);
  EXPECT_EQ(packing.longest(), 6);
  EXPECT_THAT(positions(packing), ElementsAre(0, 1, 2, 0, 1, 2, 3, 4, 5, 2));
}

TEST(PackingTest, Equal) {
  const Packing packing = Packing::equal(2, 3);
  EXPECT_THAT(packing.bounds, ElementsAre(0, 3, 6));
  EXPECT_THAT(packing.groups, ElementsAre(0, 1, 2));
  EXPECT_THAT(positions(packing), ElementsAre(0, 1, 2, 0, 1, 2));
}

TEST(PackingTest, RefusesEmptySegmentsAndBranchesOfNothing) {
  Packing packing;
  EXPECT_THROW(packing.add_continuation(1), Error);
  EXPECT_THROW(packing.add_prefix(0), Error);
  packing.add_prefix(1);
  EXPECT_THROW(packing.add_continuation(0), Error);
}

}  // namespace
}  // namespace pope
