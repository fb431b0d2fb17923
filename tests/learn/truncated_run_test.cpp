// A training run whose rollouts are truncated says so, once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "learn/bandit.h"

namespace pope {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string said_in_training(test::BanditWorld& world) {
  test::TempFolder folder("truncated");
  world.job.config.eval_every = 2;  // evaluations count, too
  world.job.eval_sets = {{"held", world.job.hard}};
  ::testing::internal::CaptureStderr();
  world.train(folder / "run");
  return ::testing::internal::GetCapturedStderr();
}

int times(const std::string& text, const std::string& part) {
  int count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(TruncatedRun, IsToldOnceToRaiseTheLimit) {
  test::BanditWorld world;
  world.job.sampling.max_new_tokens = 1;
  const std::string said = said_in_training(world);
  EXPECT_EQ(times(said, "rollouts were cut off at sampling.max_new_tokens=1, and so fail: raise it"), 1)
      << said;
}

TEST(TruncatedRun, IsToldOnceWhichTokenDoesNotStopIt) {
  test::BanditWorld world;
  world.job.stop_tokens = {};  // and not <eos>, as a file of the model that lacks it might say
  world.job.sampling.max_new_tokens = 20;
  const std::string said = said_in_training(world);
  EXPECT_EQ(times(said, "went on behind '<eos>' (0), which ends no rollout here (what does: none)"), 1)
      << said;
}

TEST(TruncatedRun, NothingIsSaidWhereRolloutsEnd) {
  test::BanditWorld world;
  world.job.sampling.max_new_tokens = 24;
  EXPECT_THAT(said_in_training(world), Not(HasSubstr("cut off")));
}

}  // namespace
}  // namespace pope
