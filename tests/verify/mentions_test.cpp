// The leak guard's question whether a text states an answer, and the normaliser under it.
#include "verify/mentions.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "verify/normalize.h"

namespace pope {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST(Mentions, Normalises) {
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

TEST(Mentions, MentionsAnswer) {
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
