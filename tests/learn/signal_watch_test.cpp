// What is said of steps without signal, and when.
#include "learn/signal_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/temp_dir.h"

namespace pope {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Of 8 groups.
Json row(int all_fail, int all_pass, double truncated = 0) {
  return {{"groups/total", 8},
          {"groups/all_fail", all_fail},
          {"groups/all_pass", all_pass},
          {"groups/no_signal", all_fail + all_pass},
          {"truncated/unguided", truncated},
          {"truncated/guided", 0.0},
          {"eval/hard/unguided/truncated", 1.0}};
}

TEST(SignalWatch, SaysItOnceAfterTheFirstTenSteps) {
  SignalWatch watch(0);
  for (int step = 1; step <= 9; ++step) EXPECT_EQ(watch.add(row(8, 0, 0.5)), "") << step;
  EXPECT_THAT(
      watch.add(row(8, 0, 0.5)),
      AllOf(HasSubstr("warning: the first 10 steps had no signal: "), HasSubstr("in 80 of 80 all were wrong"),
            HasSubstr("25 % of the rollouts were cut off"), HasSubstr("pope guide"),
            HasSubstr("train.stop_without_signal=10"), Not(HasSubstr("correct,"))));
  for (int step = 11; step <= 40; ++step) EXPECT_EQ(watch.add(row(8, 0)), "") << step;
}

TEST(SignalWatch, VotesAreSpokenOfAsVotes) {
  SignalWatch agree(0, /*by_majority=*/true), cut_off(0, /*by_majority=*/true);
  std::string said, of_cut_off;
  for (int step = 1; step <= 10; ++step) {
    said = agree.add(row(0, 8));
    of_cut_off = cut_off.add(row(8, 0, 1.6));
  }
  EXPECT_THAT(said, AllOf(HasSubstr("agree with its majority"), HasSubstr("answers agree in part"),
                          Not(HasSubstr("guide"))));
  EXPECT_THAT(of_cut_off, HasSubstr("Raise sampling.max_new_tokens"));
}

TEST(SignalWatch, OneGroupWithSignalIsEnough) {
  SignalWatch watch(0);
  for (int step = 1; step <= 40; ++step) EXPECT_EQ(watch.add(row(step == 3 ? 7 : 8, 0)), "") << step;
}

// Steps of an earlier start count, and are not spoken of again.
TEST(SignalWatch, GoesOnWithTheStepsOfBefore) {
  SignalWatch watch(0), later(0);
  for (int step = 1; step <= 9; ++step) watch.count(row(8, 0));
  EXPECT_NE(watch.add(row(8, 0)), "");
  for (int step = 1; step <= 10; ++step) later.count(row(8, 0));
  EXPECT_EQ(later.add(row(8, 0)), "");
}

TEST(SignalWatch, StopsAfterSoManyStepsInARow) {
  SignalWatch watch(3);
  for (const int all_fail : {8, 8, 7, 8, 8}) EXPECT_EQ(watch.add(row(all_fail, 0)), "");
  EXPECT_THAT(
      error_of([&] { watch.add(row(8, 0)); }),
      AllOf(HasSubstr("[train] the last 3 steps had no signal"), HasSubstr("in 24 of 24 all were wrong"),
            HasSubstr("\n  hint: "), HasSubstr("train.stop_without_signal=0")));
}

// The advice fits what was seen.
TEST(SignalWatch, AdvisesByWhatWasSeen) {
  const auto said = [](const Json& one) {
    SignalWatch watch(1);
    return error_of([&] { watch.add(one); });
  };
  EXPECT_THAT(said(row(2, 6)), AllOf(HasSubstr("in 6 all correct"), HasSubstr("Give harder problems")));
  Json cut = row(8, 0, 0.9);
  cut["truncated/guided"] = 0.5;
  EXPECT_THAT(said(cut), AllOf(HasSubstr("70 %"), HasSubstr("Raise sampling.max_new_tokens")));
  Json ungraded = row(8, 0);
  ungraded["ungraded/unguided"] = 0.6;
  EXPECT_THAT(said(ungraded), AllOf(HasSubstr("60 % could not be judged"), HasSubstr("Mend the verifier")));
  EXPECT_THAT(said(row(8, 0)), AllOf(HasSubstr("--easy"), Not(HasSubstr("could not be judged"))));
}

}  // namespace
}  // namespace pope
