// Scanners against the regular expressions they stand for.
#include "text/scanners.h"

#include <gtest/gtest.h>

#include "core/rng.h"
#include "text/pre_tokenizer.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace pope {
namespace {

const char* const kPatterns[] = {kGpt2Pattern, kQwen2Pattern, kLlama3Pattern, kDigitPattern};

void expect_same(const std::string& text) {
  for (const char* pattern : kPatterns) {
    ASSERT_NE(find_scanner(pattern), nullptr);
    std::vector<std::string_view> fast, reference;
    Split(pattern, Split::Drop::kNothing, SplitEngine::kFastest).apply(text, fast);
    Split(pattern, Split::Drop::kNothing, SplitEngine::kRegex).apply(text, reference);
    ASSERT_EQ(fast, reference) << pattern << "\n" << SortedJson(text);
  }
}

TEST(Scanners, CutRandomTextAsTheRegularExpressionsDo) {
  const std::vector<std::string> parts = {
      " ",      " ",  "\n",      "\r",     "\t",     "\u00a0", "\u2028", "a",  "Zq",  "\u00e9",
      "\u6570", "7",  "42",      "\u0663", "\u00bd", "'",      "'s",     "'S", "'ll", "'LL",
      "'rE",    "'v", "'\u017f", "!",      ".",      "\u0301", "\u200d", "$",  "\\",  std::string(1, '\0')};
  RngStream rng(3, {key_of("scanners")});
  for (int round = 0; round < 3000 && !HasFatalFailure(); ++round) {
    std::string text;
    for (std::size_t i = rng.below(12) + 1; i > 0; --i) text += parts[rng.below(parts.size())];
    expect_same(text);
  }
}

// PCRE2 10.42 knows Unicode 14 and calls U+180E a space; other code points are classified alike.
TEST(Scanners, ClassifyCodePointsAsTheRegularExpressionsDo) {
  const Split letters(R"(\p{L})", Split::Drop::kRest, SplitEngine::kRegex);
  const Split numbers(R"(\p{N})", Split::Drop::kRest, SplitEngine::kRegex);
  const Split spaces(R"(\s)", Split::Drop::kRest, SplitEngine::kRegex);
  int young = 0;
  for (char32_t c = 1; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string text;
    append_utf8(c, text);
    const auto found = [&](const Split& split) {
      std::vector<std::string_view> pieces;
      split.apply(text, pieces);
      return !pieces.empty();
    };
    const CharClass expected = found(letters)   ? CharClass::kLetter
                               : found(numbers) ? CharClass::kNumber
                               : found(spaces)  ? CharClass::kSpace
                                                : CharClass::kOther;
    if (char_class(c) == expected) continue;
    if (expected == CharClass::kOther && char_class(c) != CharClass::kSpace) {
      ++young;
    } else {
      EXPECT_EQ(c, char32_t{0x180E});
    }
  }
  EXPECT_LT(young, 10'000);
  EXPECT_EQ(char_class(0x1C89), CharClass::kLetter);   // Unicode 16
  EXPECT_EQ(char_class(0x2EBF0), CharClass::kLetter);  // Unicode 15.1
  EXPECT_EQ(char_class(0x1CCF0), CharClass::kNumber);
  EXPECT_EQ(char_class(0x180E), CharClass::kOther);
}

// Digits of Unicode 17: Hugging Face's Digits knows them, its regular expressions do not.
TEST(Scanners, DigitsAreYounger) {
  EXPECT_EQ(char_class(0x11DE0), CharClass::kOther);
  EXPECT_TRUE(is_number(0x11DE0));
  EXPECT_TRUE(is_number('7'));
  EXPECT_FALSE(is_number('a'));
}

TEST(Scanners, OtherPatternsHaveNone) { EXPECT_EQ(find_scanner(R"(\s+)"), nullptr); }

}  // namespace
}  // namespace pope
