#include "report/text_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/rng.h"

namespace pope {
namespace {

using testing::ElementsAre;
using Kind = DiffPart::Kind;

std::string joined(const std::vector<DiffPart>& parts, Kind side) {
  std::string text;
  for (const DiffPart& part : parts) {
    if (part.kind == Kind::same || part.kind == side) text += part.text;
  }
  return text;
}

TEST(TextDiff, ShowsTheWordsThatChanged) {
  EXPECT_THAT(text_diff("Add the two numbers.", "Add all numbers. Check."),
              ElementsAre(DiffPart{Kind::same, "Add "}, DiffPart{Kind::removed, "the two numbers."},
                          DiffPart{Kind::added, "all numbers. Check."}));
  EXPECT_THAT(text_diff("one two three four", "one 2 three four five"),
              ElementsAre(DiffPart{Kind::same, "one "}, DiffPart{Kind::removed, "two "},
                          DiffPart{Kind::added, "2 "}, DiffPart{Kind::same, "three "},
                          DiffPart{Kind::removed, "four"}, DiffPart{Kind::added, "four five"}));
}

TEST(TextDiff, OfOneTextAlone) {
  EXPECT_TRUE(text_diff("", "").empty());
  EXPECT_THAT(text_diff("", "a b"), ElementsAre(DiffPart{Kind::added, "a b"}));
  EXPECT_THAT(text_diff("a\nb", ""), ElementsAre(DiffPart{Kind::removed, "a\nb"}));
  EXPECT_THAT(text_diff("a a a", "a a a"), ElementsAre(DiffPart{Kind::same, "a a a"}));
}

TEST(TextDiff, BothTextsCanBeReadOffIt) {
  RngStream random(7, {key_of("diff")});
  for (int trial = 0; trial < 300; ++trial) {
    const auto text = [&] {
      std::string words;
      for (std::uint64_t n = random.below(30); n > 0; --n)
        words += std::string(1 + random.below(2), static_cast<char>('a' + random.below(4))) +
                 (random.below(6) == 0 ? "\n\n" : " ");
      return words;
    };
    const std::string before = text(), after = text();
    const std::vector<DiffPart> parts = text_diff(before, after);
    EXPECT_EQ(joined(parts, Kind::removed), before);
    EXPECT_EQ(joined(parts, Kind::added), after);
    for (std::size_t i = 1; i < parts.size(); ++i) EXPECT_NE(parts[i].kind, parts[i - 1].kind);
  }
}

TEST(TextDiff, LongTextsWithoutACommonEndAreReplacedWhole) {
  std::string before = "same ", after = "same ";
  for (int i = 0; i < 3000; ++i) {
    before += "a" + std::to_string(i) + " ";
    after += "b" + std::to_string(i % 7) + " ";
  }
  const std::vector<DiffPart> parts = text_diff(before + "x a0 y", after + "x a0 z");
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].text, "same ");
  EXPECT_EQ(joined(parts, Kind::added), after + "x a0 z");
}

}  // namespace
}  // namespace pope
