// Answer extraction: what is taken from a completion, and that hostile text costs linear time.
#include "verify/extract.h"

#include <gtest/gtest.h>

#include "verify/last_number.h"
#include "verify/verifier.h"

namespace pope {
namespace {

TEST(Extract, WithoutThinking) {
  EXPECT_EQ(without_thinking("<think>a</think>b"), "b");
  EXPECT_EQ(without_thinking("a</think>b</think>c"), "c");
  EXPECT_EQ(without_thinking("a <think>b"), "a ");
  EXPECT_EQ(without_thinking("</think>a<think>b"), "a");
  EXPECT_EQ(without_thinking("a"), "a");
}

TEST(Extract, AnswerLine) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"**Answer:** 7 apples\nBye", "7 apples"},
      {"ANSWER: (C)", "(C)"},
      {"Answer: 6\nAgain.\nAnswer: 7", "7"},
      {"Final Answer: The volume of $ABCD$ is 120. I hope so.", "120"},
      {"Answer \\[ \n 9 \n \\]", "\\[ \n 9 \n \\]"},
      {"Answer $9$ and more", "$9$"},
      {"Answer: $3$ or $5$. So", "$3$ or $5$"},
      {"Answer: $3$, $5$, and \\(7\\) of them", "$3$, $5$, and \\(7\\)"},
      {"**Answer**: **12**.", "12"},
      {"**Answer: 12**", "12"},
      {"Answer:\n\n$$\\frac12$$", "$$\\frac12$$"},
      {"The answer is 12.", ""},
      {"no marker, 5", ""}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(answer_line(text), expected) << text;
}

TEST(Extract, AnswerPhrase) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"The answer is 12. It is so.", "12"},
      {"the answer is 3.5.", "3.5"},
      {"the answer is **B**.", "B"},
      {"the answer is:\n$x$", "$x$"},
      {"the answer is therefore $x$", "$x$"},
      {"The answer is $x = 2. 5$. I hope so.", "$x = 2. 5$"},
      {R"(The answer is: \(\frac12\). Bye)", R"(\(\frac12\))"},
      {"the answer is 5 <|im_end|>", "5"},
      {"The answer is\n5", ""},
      {"no marker, 5", ""}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(answer_phrase(text), expected) << text;
}

TEST(Extract, MarkerLine) {
  EXPECT_EQ(marker_line("steps\n#### 1,200"), "1,200");
  EXPECT_EQ(marker_line("#### 9\n#### 10\n"), "10");
  EXPECT_EQ(marker_line("#### 5 apples. So"), "5 apples");
  EXPECT_EQ(marker_line("### 5"), "");
}

TEST(Extract, LastNumber) {
  const std::vector<std::pair<std::string, std::string>> cases = {{"first 1 then 72.", "72"},
                                                                  {"it costs $1,234.50!", "1,234.50"},
                                                                  {"1, 2, 3", "3"},
                                                                  {"x = -4", "-4"},
                                                                  {"48-2", "2"},
                                                                  {"(a+b)-3", "3"},
                                                                  {"half is 3/4.", "3/4"},
                                                                  {"about .5", ".5"},
                                                                  {"12,34", "34"},
                                                                  {"1,2345", "2345"},
                                                                  {"3.14.15", ".15"},
                                                                  {"no number", ""},
                                                                  {"x2 is a name", ""},
                                                                  {"AZYUK2A", ""},
                                                                  {"1,000.99€", "1,000.99"},
                                                                  {"-7", "-7"},
                                                                  {"it is -$5", "-5"},
                                                                  {"1{,}234 apples", "1{,}234"},
                                                                  {"1\\,234", "1\\,234"},
                                                                  {"1 234 apples", "1 234"},
                                                                  {"x = - 5", "-5"},
                                                                  {"x is - 5", "-5"},
                                                                  {"3 - 5", "5"},
                                                                  {"so:\n- 5 apples", "5"},
                                                                  {"at 12:30.", "12:30"},
                                                                  {"7 3/4 cups", "7 3/4"},
                                                                  {"about 50\\%.", "50\\%"},
                                                                  {"area 12 cm^2", "12"},
                                                                  {"area 12 m^2", "12"},
                                                                  {"5 grams of H_2O", "5"},
                                                                  {"ü:4.\\bar.", "4"},
                                                                  {"ü.\\bar. .\\dot", ""}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(last_number(text), expected) << text;
}

// A piece of a formula is no answer: the formula is.
TEST(Extract, LastNumberInAFormula) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"(so $\frac{3}{4}$.)", R"(\frac{3}{4})"},
      {R"(so \(\sqrt{5}\) it is)", R"(\sqrt{5})"},
      {R"(so $x = 3 + 4 = 7$ apples)", "7"},
      {R"(so $x = 7$ for $A_1$)", "7"},
      {"it is -$5$", "-5"},
      {"$5$%", "5%"},
      {R"($$\begin{aligned} x &= 5 \\ y &= 7 \end{aligned}$$)", "7"},
      {"we get 10^5", "10^5"},
      {"we get 10⁵", "10⁵"},
      {"we get x^2", "x^2"},
      {"y = -2x + 3", "-2x + 3"},
      {"p = 3/x", "3/x"},
      {R"(the value = 2 \sqrt{3}.)", R"(2 \sqrt{3})"},
      {R"(\frac{1}{2} is it)", R"(\frac{1}{2})"},
      {R"(about 60^\circ)", R"(60^\circ)"},
      {"it costs $5 and $6 more", "6"},
      {"it costs $5. So $x=7$ is", "7"},
      {"I paid $20, so $x=3$", "3"},
      {"5 and a lone $", "5"}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(last_number(text), expected) << text;
}

// Quadratic work would take minutes per text.
TEST(Extract, LinearOnHostileText) {
  const auto repeated = [](const std::string& part) {
    std::string text;
    while (text.size() < 400'000) text += part;
    return text;
  };
  for (const char* part :
       {"{",   "}",    "{}",         "\\boxed{", "\\boxed{1}", "\\",     "\\{",      "1,000",
        "1,",  "####", "answer is ", "-",        "$",          "\\frac", "\\frac{1", "1/",
        "^{",  " a^2", "\\text{",    "=",        "(",          "5 a^2",  "{,}",      "$5",
        "\\(", "\\[5", "$5 ",        "$1$",      "- ",         "1:",     "x = ",     "√"}) {
    const std::string text = repeated(part);
    Problem problem;
    problem.answer = "12345";
    for (const std::string& completion : {text, "\\boxed{" + text + "}", "\\boxed{\\text{" + text + "}}"}) {
      EXPECT_FALSE(make_verifier({})->verify(problem, completion).correct) << part;
    }
    EXPECT_FALSE(make_verifier({})->states_answer(problem, text)) << part;
  }
}

}  // namespace
}  // namespace pope
