// Advantages against numbers computed by hand.
#include "learn/advantage.h"

#include <gmock/gmock.h>

#include "core/error.h"

namespace pope {
namespace {

using testing::DoubleNear;
using testing::Each;
using testing::ElementsAre;

std::vector<double> of(std::vector<double> rewards, const std::string& kind) {
  return advantages(rewards, kind);
}

TEST(Advantage, Mean) { EXPECT_THAT(of({1, 0, 0, 0}, "mean"), ElementsAre(0.75, -0.25, -0.25, -0.25)); }

TEST(Advantage, MeanStd) {
  // mean 0.25; std with n − 1: sqrt((0.75² + 3 · 0.25²) / 3) = sqrt(0.25) = 0.5
  EXPECT_THAT(of({0, 1, 0, 0}, "mean_std"), ElementsAre(DoubleNear(-0.5, 2e-6), DoubleNear(1.5, 4e-6),
                                                        DoubleNear(-0.5, 2e-6), DoubleNear(-0.5, 2e-6)));
  EXPECT_LT(of({0, 1, 0, 0}, "mean_std")[1], 1.5);  // the 1e-6 in the denominator
}

TEST(Advantage, LeaveOneOut) {
  // The others of a success average 1/4, those of a failure 2/4.
  EXPECT_THAT(of({1, 0, 1, 0, 0}, "leave_one_out"), ElementsAre(0.75, -0.5, 0.75, -0.5, -0.5));
}

TEST(Advantage, NoVarianceGivesExactZeros) {
  for (const char* kind : {"mean", "mean_std", "leave_one_out"}) {
    // The mean of seven times 0.1 is not 0.1 in floating point.
    EXPECT_THAT(of(std::vector<double>(7, 0.1), kind), Each(0.0)) << kind;
    EXPECT_THAT(of({1, 1, 1}, kind), Each(0.0)) << kind;
  }
}

TEST(Advantage, RefusesWhatIsUndefined) {
  EXPECT_THROW(of({1}, "mean"), Error);
  EXPECT_THROW(of({}, "mean"), Error);
  EXPECT_THROW(of({1, 0}, "median"), Error);
}

}  // namespace
}  // namespace pope
