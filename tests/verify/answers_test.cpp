// Pairs of answers that are equal, and pairs that are not, in both directions.
#include "verify/answers.h"

#include <gtest/gtest.h>

namespace pope {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST(Equality, Equal) {
  const Pairs pairs = {
      {"5", "5"},
      {"$5$", " 5 "},
      {"\\(5\\)", "5."},
      {"1000", "1,000"},
      {"1000", "1{,}000"},
      {"36500", "36,\\!500"},
      {"12,345,678.90", "12345678.9"},
      {"25", "025"},
      {"0", "-0.00"},
      {".5", "0.50"},
      {"1/2", "\\frac{1}{2}"},
      {"\\dfrac12", "0.5"},
      {"-\\frac{3}{4}", "\\frac{-3}{4}"},
      {"6/4", "\\frac{3}{2}"},
      {"0.125", "1/8"},
      {"1.5/0.5", "3"},
      {"\\frac1{72}", "\\frac{1}{72}"},
      {"123456789012345678901234567890", "+123456789012345678901234567890.000"},
      {"333333333333333333", "999999999999999999/3"},  // 19 digits: the most that is multiplied out
      {"50\\%", "50"},
      {"45^{\\circ}", "45"},
      {"90^\\circ", "90°"},
      {"\\$5.50", "5.5"},
      {"7\\text{ cm}", "7"},
      {"12", "12 square feet"},
      {"5\\text{ apples}", "5\\,\\text{apples}"},
      {"x=5", "5"},
      {"5", "x = 5"},
      {"f(x)=1", "1"},
      {"V_{1}:V_{2}=11:21", "11:21"},
      {"\\text{Evelyn}", "evelyn"},
      {"\\text{(A)}", "A"},
      {"\\mathbf{E}.", "E"},
      {"\\left( 3, \\frac{\\pi}{2} \\right)", "(3,\\frac{\\pi}{2})"},
      {"x^{2}+1", "x^2 + 1"},
      {"204_{5}", "204_5"},
      {"\\boxed{5}", "5"},
      {"{-}5", "-5"},
      {"−5", "-5"},
      {"x \\le 3", "x \\leq 3"},
      {"\\sqrt2", "\\sqrt{2}"}};
  for (const auto& [a, b] : pairs) {
    EXPECT_TRUE(compare_answers(a, b).equal) << a << " = " << b;
    EXPECT_TRUE(compare_answers(b, a).equal) << b << " = " << a;
  }
}

TEST(Equality, NotEqual) {
  const Pairs pairs = {{"5", "6"},
                       {"5", "-5"},
                       {"", ""},
                       {"$$", "$$"},
                       {"17", "71"},
                       {"250", "25"},
                       {"0.1", "0.10000000000000001"},
                       {"9007199254740993", "9007199254740992"},  // equal as doubles
                       {"12345678901234567890", "12345678901234567891"},
                       {"1/3", "0.333333333333333333"},
                       {"333333333333333333/1000000000000000000", "1/3"},
                       {"\\frac{2}{3}", "\\frac{3}{2}"},
                       {"1/0", "1/0.0"},
                       {"5 cm", "5 m"},
                       {"5", "5 million"},
                       {"5", "5x"},
                       {"5", "5 or 6"},
                       {"x=5", "y=6"},
                       {"x=5", "y=5"},
                       {"2x+z=1", "1"},
                       {"a+3z=0", "0"},
                       {"A", "B"},
                       {"2^{k-1}", "2^k-1"},
                       {"[0,1)", "(0,1)"},
                       {"12,34", "1234"},
                       {"1,2345", "12345"},
                       {"32, 349", "32349"},
                       {"1, 234", "235"},
                       {"\\pi", "pie"}};
  for (const auto& [a, b] : pairs) {
    EXPECT_FALSE(compare_answers(a, b).equal) << a << " = " << b;
    EXPECT_FALSE(compare_answers(b, a).equal) << b << " = " << a;
  }
}

// What a person is told when problems are read: by which reference answers no answer can be judged.
TEST(Answers, ReferenceFaults) {
  for (const char* judged : {"12", "\\frac{1}{2}", "\\text{Evelyn}", "no solution", "(B)", "x^2+y^2=1",
                             "2024-03-05", "\\begin{cases}x & x\\ge 0\\\\-x & x<0\\end{cases}", "odd",
                             "[0,1)", "3:30 p.m.", "(B) The player who moves first always wins"})
    EXPECT_EQ(reference_fault(judged), "") << judged;
  EXPECT_EQ(reference_fault(""), "it is empty");
  EXPECT_EQ(reference_fault(" $$ "), "it is empty");
  EXPECT_EQ(reference_fault("proof"), "it says \"proof\"");
  EXPECT_EQ(reference_fault("\\text{Not found}"), "it says \"\\text{Not found}\"");
  EXPECT_EQ(reference_fault("N/A"), "it says \"N/A\"");
  EXPECT_EQ(reference_fault("f(x) = ((( for 3"), "it is read as no formula, and compared by its words");
  EXPECT_EQ(reference_fault("the player who moves first always wins the game"),
            "it is a sentence, compared by its words");
  EXPECT_EQ(reference_fault(std::string(20'000, 'x')), "it is over the budget of length");
}

}  // namespace
}  // namespace pope
