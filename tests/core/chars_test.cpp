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

}  // namespace
}  // namespace pope
