// When a grader counts as gone, and what is said of one that judges little.
#include "verify/grader_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace pope {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const Verdict kJudged{.reason = "not equal"};
const Verdict kUndecided{.reason = "odd", .ungraded = true};
const Verdict kFailed{.reason = "gone", .ungraded = true, .failed = true};

TEST(GraderWatch, NoneOfTheFirst) {
  for (const Verdict& verdict : {kUndecided, kFailed}) {
    GraderWatch watch;
    for (int i = 0; i < 31; ++i) EXPECT_EQ(watch.add("p", verdict, true), "");
    EXPECT_THAT(
        [&] { watch.add("p", verdict, true); },
        ThrowsMessage<Error>(HasSubstr("the first 32 completions could not be judged: " + verdict.reason)));
  }
  GraderWatch own;  // pope's own rules may well be undecided
  for (int i = 0; i < 100; ++i) EXPECT_NO_THROW(own.add("p", kUndecided, false));
}

TEST(GraderWatch, GoneAmongMany) {
  GraderWatch watch;
  for (int i = 0; i < 1000; ++i) watch.add("p", kJudged, true);
  EXPECT_FALSE(watch.in_doubt());
  for (int i = 0; i < 31; ++i) watch.add(i % 2 == 0 ? "p" : "q", kFailed, true);
  EXPECT_TRUE(watch.in_doubt());
  watch.add("p", kUndecided, true);  // it lives
  EXPECT_FALSE(watch.in_doubt());
  for (int i = 0; i < 100; ++i) watch.add("p", kUndecided, true);
  for (int i = 0; i < 50; ++i) watch.add("p", kFailed, true);  // one problem may be beyond it
  EXPECT_THAT([&] { watch.add("q", kFailed, true); },
              ThrowsMessage<Error>(HasSubstr("the last 51 completions could not be judged: gone")));
}

TEST(GraderWatch, WarnsOnceOfMany) {
  GraderWatch watch;
  for (int i = 0; i < 90; ++i) watch.add("p", kJudged, true);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(watch.add("p", kUndecided, true), "") << i;
  EXPECT_EQ(watch.summary(), "");
  const std::string warning =
      "warning: 11 of 101 completions could not be judged, and count as failures; the last one: gone";
  EXPECT_EQ(watch.add("p", kFailed, true), warning);
  EXPECT_EQ(watch.add("p", kFailed, true), "");
  EXPECT_THAT(watch.summary(), HasSubstr("12 of 102"));
}

TEST(GraderWatch, ShortRunsAreSummedUp) {
  GraderWatch watch;
  EXPECT_EQ(watch.add("p", kFailed, true), "");
  EXPECT_THAT(watch.summary(), HasSubstr("1 of 1 completions"));
}

}  // namespace
}  // namespace pope
