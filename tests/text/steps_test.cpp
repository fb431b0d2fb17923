// Step boundaries: where solutions are cut, and where they never are.
#include "text/steps.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "core/error.h"
#include "core/files.h"
#include "core/rng.h"

namespace pope {
namespace {

// The text with "|" at every end but the last.
std::string cut(std::string text, std::string_view boundary = "auto") {
  const std::vector<std::size_t> ends = step_ends(text, boundary);
  EXPECT_EQ(ends.back(), text.size());
  for (std::size_t i = ends.size() - 1; i-- > 0;) text.insert(ends[i], "|");
  return text;
}
// Removes the marks, cuts, and expects the marks back.
void expect_cut(const std::string& marked, std::string_view boundary = "auto") {
  std::string text = marked;
  std::erase(text, '|');
  EXPECT_EQ(cut(text, boundary), marked);
}

TEST(Steps, SentencesAndLines) {
  expect_cut("One.| Two!| Three?| Four");
  expect_cut("First line|\nsecond line|\n\n  third");
  expect_cut("A line.|\nThen more.\n");
  expect_cut("He said \"Stop.\"| She (at last.)| **Bold.**| End");
  expect_cut("Wait...| Then ?!| Done");
  expect_cut("Crlf line.|\r\nNext");
  expect_cut("No step inside");
  EXPECT_EQ(step_ends(""), std::vector<std::size_t>{0});
  EXPECT_EQ(step_ends(" \n "), std::vector<std::size_t>{3});
}

TEST(Steps, NumbersAbbreviationsAndLists) {
  expect_cut("It is 3.5 and 1,000.25 or .5 of it.| Then x is 5.| So 7");
  expect_cut("See Fig. 3, e.g. this, i.e. that, cf. Eq. (2) by Dr. Smith et al. (2020).| Yes");
  expect_cut("Exercise No. 5 is due.| The answer is no.| Then");
  expect_cut("1. First do this.|\n2. Then that.|\n  a. A part.|\n**3. Last**");
  expect_cut("Step 1. Multiply.|\nCase 12. Otherwise.| End");
  expect_cut("It takes 5! = 120 or n! Of them.| Great!| End");
  expect_cut("It ended at 5 p.m.| Then a lower case. goes on. = too");
  expect_cut("The point is A.| Then 4");
}

TEST(Steps, Words) {
  expect_cut("one| two,|  three|\nfour", "word");
  expect_cut("say| $a + b$| is| \\frac{1 2}{3 4}| x\\ y| \\[ a b \\]| end", "word");
  expect_cut("with| \\begin{array}{c c} 1 & 2 \\end{array}| end  ", "word");
}

TEST(Steps, Lines) {
  expect_cut("One. Two.|\nThree. Four.", "line");
  expect_cut("So\n", "line");
}

TEST(Steps, NeverInsideMarkup) {
  expect_cut("Let $x = 1. Y$ be.| Then \\( a. B \\) and \\[ c. D\n e \\] go.| End");
  expect_cut("So|\n\\begin{align*}\na &= 1. \\\\\nB &= 2.\n\\end{align*}|\nEnd.");
  expect_cut("Thus $$\na = 1.\nB = 2.\n$$|\nEnd");
  expect_cut("Thus $x = 5.$| Then \\(y.\\)| End");
  expect_cut("Note \\text{One. Two. \\textbf{Three. Four}} and \\frac{1. A}{2. B}.| End");
  expect_cut("\\begin{a} \\begin{b} x. Y \\end{b} z. W \\end{a} t.| U");
  expect_cut("Braces {One.| Two} are text.| B");
  expect_cut("Let $x = \\$5. B$ be.| End");
  expect_cut("Price \\$5.| It's \\% x.| B");
}

TEST(Steps, MoneyIsNotMath) {
  expect_cut("She pays $5 for eggs.| Then $3 for milk.| It makes $8.");
  expect_cut("It costs $5 to buy.| Then $x$ is $y. Z$ here.| So $10");
  expect_cut("She has $5.| And (for him $3.| And $2) more.| End");
  expect_cut("She has $5.| And he ($3) more.| End");
  expect_cut("He has $12+$30=$42 now.| Then $5.| End");
}

TEST(Steps, BrokenMarkupHidesNothing) {
  expect_cut("An open $x = 5.| Then.|\n\nNext $y$ is.| A");
  expect_cut("An open $x = 5.| Then.|\n\nThese are 4$ in all");
  expect_cut("An open \\[ x.| Then \\( y.| Then \\begin{align} z.| Then $$ w.| End");
  expect_cut("A stray \\end{align} and } and \\] and \\).| Then \\text{one.| Two.|\n\nThree } four.| End");
  expect_cut("Ends in \\");
}

TEST(Steps, UnknownBoundaryIsRefused) { EXPECT_THROW(step_ends("a", "sentence"), Error); }

void expect_sane(const std::string& text) {
  for (const char* boundary : {"auto", "line", "word"}) {
    const std::vector<std::size_t> ends = step_ends(text, boundary);
    ASSERT_EQ(ends.back(), text.size());
    for (std::size_t i = 0; i + 1 < ends.size(); ++i) {
      ASSERT_LT(ends[i], ends[i + 1]) << text;
      ASSERT_GT(ends[i], 0u);
      ASSERT_FALSE(std::isspace(static_cast<unsigned char>(text[ends[i] - 1]))) << text;
      ASSERT_NE(static_cast<unsigned char>(text[ends[i]]) & 0xC0, 0x80) << text;
    }
  }
}

TEST(Steps, RandomMarkupIsSane) {
  const std::vector<std::string> parts = {"$",    "$$", "\\[",     "\\]",   "\\(", "\\)",   "{",
                                          "}",    "\\", "\\frac",  "\n",    " ",   ". ",    "A",
                                          "\n\n", "5",  "\\begin", "\\end", "{a}", "\u00e9"};
  RngStream rng(3, {key_of("steps")});
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::uint64_t n = rng.below(30); n > 0; --n) text += parts[rng.below(parts.size())];
    expect_sane(text);
  }
}

// What is quadratic does not end in the time of a test run.
TEST(Steps, LongTextsTakeLinearTime) {
  for (const std::string unit :
       {"$",   "$ ",  "\\[", "\\( ",   "{",       "\\text{", "\\begin{a}", "\\end{a}",
        ". ",  ".",   ")",   "1. ",    "a.",      " ",       "\n",         "$5 $5 ",
        "$$ ", "$\n", "(",   ".\n \n", "\\begin", "!)",      "\\end{"}) {
    std::string text;
    while (text.size() < 600'000) text += unit;
    EXPECT_EQ(step_ends(text).back(), text.size()) << unit;
  }
}

TEST(Steps, RealSolutionsAreCutOutsideMath) {
  const char* data = std::getenv("POPE_DATA");
  if (data == nullptr) GTEST_SKIP() << "POPE_DATA is not set: no problem files";
  for (const char* name : {"math500", "omni_math_hard", "gsm8k_test"}) {
    const bool math_only = std::string_view(name) == "math500";  // no sums of money but "\\$5"
    std::size_t steps = 0, rows = 0;
    read_jsonl(std::filesystem::path(data) / (std::string(name) + ".jsonl"), [&](Json&& row, std::size_t) {
      const auto solution = row["solution"].get<std::string>();
      if (solution.empty()) return;
      expect_sane(solution);
      const std::vector<std::size_t> ends = step_ends(solution);
      steps += ends.size();
      ++rows;
      for (const std::size_t end : ends) {
        if (end == solution.size() || solution.find("\\$") != std::string::npos) continue;
        const std::string prefix = solution.substr(0, end);
        EXPECT_TRUE(!math_only || std::count(prefix.begin(), prefix.end(), '$') % 2 == 0) << prefix;
      }
    });
    EXPECT_GT(steps, 3 * rows) << name;
  }
}

}  // namespace
}  // namespace pope
