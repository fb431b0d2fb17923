// Where a text can be cut.
#include "core/chars.h"

#include <gtest/gtest.h>

namespace pope {
namespace {

TEST(Chars, CharactersStartBeforeTheBytesThatContinueThem) {
  const std::string_view text = "a\u00e9\u20ac\U0001f600";  // 1, 2, 3 and 4 bytes
  const std::size_t starts[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
  for (std::size_t at = 0; at <= text.size(); ++at) EXPECT_EQ(character_start(text, at), starts[at]) << at;
  EXPECT_EQ(character_start("\x80\x80", 1), 0u);  // not UTF-8: no further than the beginning
  EXPECT_EQ(character_start("", 0), 0u);
}

TEST(Chars, TheNextCharacterStartsBehindTheBytesThatContinueOne) {
  const std::string_view text = "a\u00e9\u20ac";  // 1, 2 and 3 bytes
  const std::size_t starts[] = {0, 1, 3, 3, 6, 6, 6};
  for (std::size_t at = 0; at <= text.size(); ++at)
    EXPECT_EQ(next_character_start(text, at), starts[at]) << at;
}

TEST(Chars, ShortenedTextsAreCutBetweenCharacters) {
  EXPECT_EQ(shortened("abcdef", 6), "abcdef");
  EXPECT_EQ(shortened("abcdefg", 6), "abc...");
  EXPECT_EQ(shortened("a\u20ac\u20ac", 6), "a...");
}

TEST(Chars, SpaceIsTrimmed) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim_end(" a b\r\n"), " a b");
  for (const char* blank : {"", " \n\t"}) {
    EXPECT_EQ(trim(blank), "");
    EXPECT_EQ(trim_end(blank), "");
  }
}

TEST(Chars, WhatStandsAroundATextIsTakenOff) {
  const std::pair<std::string_view, std::string_view> marks[] = {{"**", "**"}, {"“", "”"}, {"$", "$"}};
  EXPECT_EQ(unwrapped(" ** “$a$” **", marks), "a");
  EXPECT_EQ(unwrapped("“a” and “b”", marks), "“a” and “b”");
  EXPECT_EQ(unwrapped("$a$ and $b$", marks), "a$ and $b");
  EXPECT_EQ(unwrapped("$a\\$", marks), "$a\\$");  // the sign of dollars
  for (const char* whole : {"$$", "$", "****", "“a"}) EXPECT_EQ(unwrapped(whole, marks), whole);
}

}  // namespace
}  // namespace pope
