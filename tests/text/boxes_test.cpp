// Boxes: which one counts, what it holds, and that hostile text costs linear time.
#include "text/boxes.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace pope {
namespace {

TEST(Boxes, TheLastBalancedOneCounts) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"(so \boxed{5}.)", "5"},
      {R"(\boxed{1} and \boxed{2})", "2"},
      {R"(\boxed{\frac{1}{2}} or \fbox{\sqrt{3}})", R"(\sqrt{3})"},
      {R"(\boxed{\{1, 2\}})", R"(\{1, 2\})"},
      {R"(\boxed{x = \boxed{5}})", R"(x = \boxed{5})"},  // the outermost
      {R"(\boxed {7})", "7"},
      {R"(\boxed{5} then \boxed{6)", "5"},          // the last complete one
      {R"(\boxed{1 \frac{2 } so \boxed{3})", "3"},  // an open box before does not swallow it
      {R"(} } { \boxed{4})", "4"},
      {R"(\boxed{a \} b})", R"(a \} b)"},
      {R"(\\boxed{9})", ""},  // a line break and the word "boxed"
      {R"(\boxedx{9} boxed{8} \boxed 7)", ""},
      {R"(\boxed{})", ""},
      {"", ""},
      {"\\", ""}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(find_boxed(text).value_or(""), expected) << text;
  EXPECT_TRUE(find_boxed(R"(\boxed{})").has_value());
  EXPECT_FALSE(find_boxed(R"(\boxed{5)").has_value());
}

TEST(Boxes, BareOnesCountWhereTheyMay) {
  EXPECT_EQ(find_boxed("$\\boxed 5$ in all", BareBox::yes), "5");
  EXPECT_EQ(find_boxed("\\boxed 5 \nThat is all.", BareBox::yes), "5");
  EXPECT_EQ(find_boxed("$\\boxed 5$ and $\\boxed{6}$", BareBox::yes), "6");
  EXPECT_EQ(find_boxed("$\\boxed{6}$ and $\\boxed 5$", BareBox::yes), "5");
  EXPECT_EQ(find_boxed("$\\boxed{6}$ and $\\boxed 5$"), "6");
  EXPECT_EQ(find_boxed("\\boxed {5}", BareBox::yes), "5");
  EXPECT_EQ(find_boxed("\\boxed{1} and \\boxed{2", BareBox::yes), "1");
  for (const char* none : {"\\boxedminus{2}", "\\boxed", "\\boxed ", "\\boxed5", "none"})
    EXPECT_EQ(find_boxed(none, BareBox::yes), std::nullopt) << none;
}

TEST(Boxes, OneBoxIsTheWholeText) {
  EXPECT_EQ(only_box("\\boxed{\\text{a}}"), "\\text{a}");
  EXPECT_EQ(only_box("\\fbox{}"), "");
  for (const char* other :
       {"\\boxed{1}.", "so \\boxed{1}", "\\boxed{1}\\boxed{2}", "\\boxed{1}2}", "\\boxed{", "{}", "}", ""})
    EXPECT_EQ(only_box(other), std::nullopt) << other;
}

TEST(Boxes, HostileTextTakesLinearTime) {
  EXPECT_EQ(find_boxed(std::string(10'000'000, '{').append("\\boxed{7}")), "7");
  std::string open;
  for (int i = 0; i < 1'000'000; ++i) open += "\\boxed{";
  EXPECT_EQ(find_boxed(open, BareBox::yes), std::nullopt);
}

}  // namespace
}  // namespace pope
