// Equality of answers, exact, in both directions; and the leak guard's question whether a text states an
// answer.
#include "verify/equality.h"

#include <gtest/gtest.h>

#include "verify/normalize.h"

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
    EXPECT_TRUE(answers_equal(a, b)) << a << " = " << b;
    EXPECT_TRUE(answers_equal(b, a)) << b << " = " << a;
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
    EXPECT_FALSE(answers_equal(a, b)) << a << " = " << b;
    EXPECT_FALSE(answers_equal(b, a)) << b << " = " << a;
  }
}

TEST(Equality, Normalises) {
  const Pairs pairs = {{" $\\dfrac{1}{2}$. ", "\\frac{1}{2}"},
                       {"\\frac 3 4", "\\frac{3}{4}"},
                       {"\\frac{x^{10}}{y^{2}}", "\\frac{x^{10}}{y^2}"},
                       {"\\sqrt[3]{2}", "\\sqrt[3]{2}"},
                       {"\\left\\{ 1, 2 \\right\\}", "\\{1,2\\}"},
                       {"a\\ b~c\\quad d", "abcd"},
                       {"\\text{ and }", "and"},
                       {"}}{{", "}}{"},
                       {"\\", "\\"},
                       {"1 \\lt 2", "1<2"}};
  for (const auto& [text, expected] : pairs) EXPECT_EQ(normalize(text).text, expected) << text;
}

TEST(Equality, MentionsAnswer) {
  const auto mentions = [](const char* text, const char* answer) { return mentions_answer(text, answer); };
  for (const char* text : {"12", "so 12.", "$12$ eggs", "x=12", "012", "12.0", "24/2", "(12)", "$x_{12}$",
                           "5-12", "12/7", "it is 12, 13", "\\frac{12}{7}", "$12$$5$", "9 12 7"})
    EXPECT_TRUE(mentions(text, "12")) << text;
  for (const char* text :
       {"", "128", "3.12", "12.5", "312", "1 2", "1,200", "1,012", "twelve", "0.12", "12,345"})
    EXPECT_FALSE(mentions(text, "12")) << text;
  EXPECT_TRUE(mentions("in all 1,200 eggs", "1200"));
  EXPECT_FALSE(mentions("no groups: 1,2345", "1234"));
  EXPECT_TRUE(mentions("in all 1200 eggs", "1,200"));
  EXPECT_TRUE(mentions("x is -3 here", "-3"));
  EXPECT_FALSE(mentions("x is 3 here", "-3"));
  EXPECT_TRUE(mentions("the half, \\frac{1}{2}, is", "\\frac{1}{2}"));
  EXPECT_TRUE(mentions("the half, $\\dfrac12$, is", "1/2"));
  EXPECT_TRUE(mentions("is .5 here", "\\frac{1}{2}"));
  EXPECT_FALSE(mentions("the part \\frac{1}{20}", "\\frac{1}{2}"));
  EXPECT_TRUE(mentions("so $\\frac{-1}{2}$", "-1/2"));
  EXPECT_TRUE(mentions("gives 80+40\\sqrt{3} in all", "80 + 40\\sqrt{3}"));
  EXPECT_FALSE(mentions("gives 180+40\\sqrt{3}", "80 + 40\\sqrt{3}"));
  EXPECT_TRUE(mentions("by Evelyn then", "\\text{Evelyn}"));
  EXPECT_FALSE(mentions("a box", "x"));
  EXPECT_FALSE(mentions("so xy is", "x"));
  EXPECT_TRUE(mentions("where x is", "x"));
  EXPECT_TRUE(mentions("gives 7", "x=7"));
  EXPECT_FALSE(mentions("anything", "$$"));
}

}  // namespace
}  // namespace pope
