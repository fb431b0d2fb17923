#include "serve/text_stream.h"

#include <gtest/gtest.h>

namespace pope {
namespace {

std::shared_ptr<const Tokenizer> smollm() {
  return load_tokenizer(POPE_SOURCE_DIR "/tests/golden/text_smollm");
}

struct Shown {
  std::string text;
  std::optional<std::string> stopped;
  bool whole = true;  // each part was valid UTF-8
};

Shown shown(const std::string& text, const std::vector<std::string>& stops) {
  const auto tokenizer = smollm();
  TextStream stream(tokenizer, std::make_shared<const std::vector<std::string>>(stops));
  Shown result;
  const auto add = [&](const std::string& part) {
    result.whole = result.whole && unfinished_bytes(part) == 0;
    result.text += part;
  };
  for (const int id : tokenizer->encode(text)) {
    if (!stream.stopped()) add(stream.add(id));
  }
  add(stream.finish());
  result.stopped = stream.stopped();
  return result;
}

TEST(TextStream, GivesTheWholeTextInWholeCharacters) {
  for (const std::string text :
       {"Hello, world! 3x + 7 = 22", "übergroße Straße 東京 😀👍🏽 naïve",
        " leading and  double ", "\n\n", "😀"}) {
    const Shown all = shown(text, {});
    EXPECT_EQ(all.text, text);
    EXPECT_TRUE(all.whole) << text;
    EXPECT_FALSE(all.stopped);
  }
}

TEST(TextStream, EndsBeforeTheFirstStopText) {
  const std::string text = "Question: one.\n\nAnswer: two.\n\nQuestion: three";
  EXPECT_EQ(shown(text, {"\n\nQuestion"}).text, "Question: one.\n\nAnswer: two.");
  EXPECT_EQ(shown(text, {"three", "two"}).text, "Question: one.\n\nAnswer: ");
  EXPECT_EQ(shown(text, {"two"}).stopped, "two");
  EXPECT_EQ(shown(text, {"threes", "Question: four"}).text, text);  // what was held back comes at the end
  EXPECT_EQ(shown("abcabd", {"abd"}).text, "abc");
  EXPECT_EQ(shown("x", {"x"}).text, "");
}

TEST(TextStream, KnowsHalfCharacters) {
  EXPECT_EQ(unfinished_bytes("a"), 0u);
  EXPECT_EQ(unfinished_bytes("é"), 0u);
  EXPECT_EQ(unfinished_bytes("\xC3"), 1u);
  EXPECT_EQ(unfinished_bytes("a\xF0\x9F\x98"), 3u);
  EXPECT_EQ(unfinished_bytes("\xF0\x9F\x98\x80"), 0u);
  EXPECT_EQ(unfinished_bytes("\x80\x80"), 0u);  // no beginning: it will never be whole
  EXPECT_EQ(unfinished_bytes("\xFF"), 0u);
  EXPECT_EQ(unfinished_bytes(""), 0u);
}

}  // namespace
}  // namespace pope
