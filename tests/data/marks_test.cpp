// Boxes, "####" and instructions in the texts of others.
#include "data/marks.h"

#include <gtest/gtest.h>

namespace pope {
namespace {

TEST(Marks, OneBoxAndNothingElse) {
  EXPECT_TRUE(is_only_box(" $\\boxed{\\text{a}}$ "));
  EXPECT_TRUE(is_only_box("\\boxed{1}"));
  EXPECT_TRUE(is_only_box("\\[\n\\boxed{1}\n\\]"));
  EXPECT_TRUE(is_only_box("\\( $\\boxed{1}$ \\)"));
  for (const char* other :
       {"\\boxed{1}.", "so \\boxed{1}", "\\boxed{1}\\boxed{2}", "\\boxed{", "$$", "$", ""})
    EXPECT_FALSE(is_only_box(other)) << other;
}

TEST(Marks, AnswerMarkBeginsALine) {
  EXPECT_EQ(last_answer_mark("#### 7"), 0u);
  EXPECT_EQ(last_answer_mark("a\n#### 7\n"), 2u);
  EXPECT_EQ(last_answer_mark("#### 6\n#### 7"), 7u);
  for (const char* none : {"a #### 7", "a\n####", "a\n#### 7\nb", "", "a\n##### 7"})
    EXPECT_EQ(last_answer_mark(none), std::string::npos) << none;
}

TEST(Marks, InstructionsAreTakenOffWhereTheyAreKnown) {
  const std::string dapo =
      "Solve the following math problem step by step. The last line of your response should be of the form "
      "Answer: "
      "\\boxed{$Answer} where $Answer is the answer to the problem.\n\n";
  EXPECT_EQ(
      without_instructions(dapo + "A\n\nB\n\nRemember to put your answer on its own line after \"Answer:\"."),
      "A\n\nB");
  EXPECT_EQ(without_instructions("A Let's think step by step and output the final answer within \\boxed{}."),
            "A");
  EXPECT_EQ(
      without_instructions("A\nPlease reason step by step, and put your final answer within \\boxed{}."),
      "A");
  EXPECT_EQ(without_instructions("<｜User｜>\nA<｜Assistant｜><think>\n"), "A");
  EXPECT_EQ(without_instructions("<|im_start|>user\nA<|im_end|>\n<|im_start|>assistant\n"), "A");
  // What is not known stays, white space too, and so does a prompt that is nothing but instructions.
  for (const std::string kept :
       {" A \n", "Solve the following math problem: A", "<think>", "",
        "Remember to put your answer in a box.", "Put your final answer within \\boxed{}."})
    EXPECT_EQ(without_instructions(kept), kept);
}

}  // namespace
}  // namespace pope
