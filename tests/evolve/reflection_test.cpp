// The message to a reflection model, and what is read from replies of every kind.
#include "evolve/reflection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pope {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ReflectionMessage, ShowsTextAndExamples) {
  const std::string message = reflection_message("stands in front of each problem", "Be careful.",
                                                 {{"2+2?", " 5\n", "Wrong: it is 4."}}, 100);
  EXPECT_THAT(message, HasSubstr("an instruction text that stands in front of each problem."));
  EXPECT_THAT(message, HasSubstr("```\nBe careful.\n```\n"));
  EXPECT_THAT(
      message,
      HasSubstr(
          "# Example 1\n\n## Input\n2+2?\n\n## Output of the model\n5\n\n## Feedback\nWrong: it is 4.\n"));
  EXPECT_THAT(reflection_message("is", "", {}, 100), HasSubstr("So far it is empty."));
}

TEST(ReflectionMessage, LeavesTheMiddleOfLongPartsOut) {
  const std::string output = "begin" + std::string(1000, 'x') + "end";
  const std::string message = reflection_message("is", "", {{"in", output, "so"}}, 20);
  EXPECT_THAT(message, HasSubstr("\nbeginxxxxx\n[...]\nxxxxxxxend\n"));
  EXPECT_THAT(message, Not(HasSubstr(std::string(21, 'x'))));
}

TEST(FencedText, IsWhatStandsBetweenTheFirstFenceAndTheLast) {
  EXPECT_EQ(fenced_text("Here:\n```\nAdd first.\nThen check.\n```\nGood luck."), "Add first.\nThen check.");
  EXPECT_EQ(fenced_text("```text\n Add first. \n```"), "Add first.");
  EXPECT_EQ(fenced_text("``` Add first. ```"), "Add first.");
  EXPECT_EQ(fenced_text("```\nUse this:\n```python\nprint(1)\n```\nso.\n```"),
            "Use this:\n```python\nprint(1)\n```\nso.");
  EXPECT_EQ(fenced_text("<think>maybe ```no```</think>\n```\nyes\n```"), "yes");
  EXPECT_EQ(fenced_text("``````"), "");
}

TEST(FencedText, IsMissingWithoutAClosedBlock) {
  EXPECT_FALSE(fenced_text(""));
  EXPECT_FALSE(fenced_text("Add first."));
  EXPECT_FALSE(fenced_text("```\nAdd first, then"));  // cut off
  EXPECT_FALSE(fenced_text("```` "));
  EXPECT_FALSE(fenced_text("<think>```a```</think> none"));
}

}  // namespace
}  // namespace pope
