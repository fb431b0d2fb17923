// Overlap of guidance and completion, by hand.
#include "evaluate/overlap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pope {
namespace {

using testing::ElementsAre;

TEST(Overlap, WordsAreLowerCaseRunsOfLettersAndDigits) {
  EXPECT_THAT(overlap_words("Let $x_{12}=\\frac{A}{b}$, größe!"),
              ElementsAre("let", "x", "12", "frac", "a", "b", "größe"));
  EXPECT_TRUE(overlap_words(" $+-$ \n").empty());
}

TEST(Overlap, SimilarityCountsSharedWordsWithRepetition) {
  EXPECT_DOUBLE_EQ(step_similarity("a b c", "C B x"), 2.0 * 2 / 6);
  EXPECT_DOUBLE_EQ(step_similarity("a a b", "a c"), 2.0 * 1 / 5);  // the second a has no partner
  EXPECT_DOUBLE_EQ(step_similarity("a a", "a a"), 1);
  EXPECT_DOUBLE_EQ(step_similarity("", "a"), 0);
}

TEST(Overlap, NgramsOfTheGuidance) {
  const OverlapConfig two{.ngram = 2, .boundary = "word"};
  // Guidance: 12, 23, 34, 41 (pairs); the completion has 12, 29, 93, 34, 45.
  EXPECT_DOUBLE_EQ(overlap(two, "1 2 3 4 1", "1 2 9 3 4 5").ngrams, 2.0 / 4);
  // Distinct ones: 12, 21 of "1 2 1 2 1".
  EXPECT_DOUBLE_EQ(overlap(two, "1 2 1 2 1", "7 1 2").ngrams, 1.0 / 2);
  // Guidance shorter than n: all of it is the n-gram.
  EXPECT_DOUBLE_EQ(overlap({.ngram = 4, .boundary = "word"}, "5 6", "1 5 6").ngrams, 1);
  EXPECT_DOUBLE_EQ(overlap({.ngram = 4, .boundary = "word"}, "5 6", "6 5").ngrams, 0);
  EXPECT_DOUBLE_EQ(overlap(two, " - ", "1 2").ngrams, 0);
  EXPECT_DOUBLE_EQ(overlap(two, " - ", "1 2").steps, 0);
}

TEST(Overlap, StepsInTheirOrder) {
  const OverlapConfig word{.ngram = 1, .boundary = "word"};
  // 3 1 2: the completion takes 1, then 2; 3 comes too late.
  EXPECT_DOUBLE_EQ(overlap(word, "3 1 2", "1 7 2 3").steps, 2.0 / 3);
  EXPECT_DOUBLE_EQ(overlap(word, "1 2 3", "3 2 1").steps, 1.0 / 3);
  EXPECT_DOUBLE_EQ(overlap(word, "1 1 1", "1").steps, 1.0 / 3);
  const OverlapConfig line{.ngram = 1, .boundary = "line", .similar = 0.6};
  const std::string guidance = "Let n be even.\nThen n = 2k for some k.\n";
  // "so let n be even": shares 4 words of 4 + 5, 8/9. "then n = 2k": 3 words of 6 + 3, 6/9.
  EXPECT_DOUBLE_EQ(overlap(line, guidance, "So let n be even.\nThen n = 2k.\n").steps, 1);
  EXPECT_DOUBLE_EQ(overlap(line, guidance, "Then n = 2k.\nSo let n be even.\n").steps, 1.0 / 2);
  EXPECT_DOUBLE_EQ(
      overlap({.ngram = 1, .boundary = "line", .similar = 0.67}, guidance, "Then n = 2k.\n").steps, 0);
  EXPECT_DOUBLE_EQ(overlap(line, guidance, "").steps, 0);
}

}  // namespace
}  // namespace pope
