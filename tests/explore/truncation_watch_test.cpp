// What is said of truncated rollouts, and when.
#include "explore/truncation_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "explore/fake_engine.h"

namespace pope {
namespace {

using testing::FakeWorld;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Outcome;
using testing::problem;

// Of the tokens, "<end>" (1), "<turn>" (2) and "<think>" (3) are added, and the first two special.
class MarkedTokenizer : public fake::BytesTokenizer {
 public:
  std::string decode(std::span<const int> ids, bool skip_special) const override {
    std::string text;
    for (const int id : ids) {
      if (id == 3)
        text += "<think>";
      else if (id != 1 && id != 2)
        text += static_cast<char>(id);
      else if (!skip_special)
        text += id == 1 ? "<end>" : "<turn>";
    }
    return text;
  }
  bool is_added(int id) const override { return id >= 1 && id <= 3; }
};

Rollout rollout(std::vector<int> tokens, bool truncated) {
  Rollout result;
  result.tokens = std::move(tokens);
  result.finish = truncated ? FinishReason::length : FinishReason::stop;
  return result;
}

struct Watched {
  Watched() : prompts(FakeWorld::wording("default"), std::make_shared<MarkedTokenizer>()) {
    context.sampling.max_new_tokens = 4;
    context.stop_tokens = {1};
  }
  // What is said about `count` such rollouts: of all but the last nothing.
  std::string add(int count, const Rollout& one) {
    std::string said;
    for (int i = 0; i < count; ++i) {
      EXPECT_EQ(said, "") << i;
      said = context.truncation->add(one, context);
    }
    return said;
  }
  FakeWorld world{[](const std::string&, int) -> Outcome { return {}; }};
  PromptRenderer prompts;
  RolloutContext context{world.engine, prompts, world.verifier};
};

TEST(TruncationWatch, SpeaksOnceWhereMostAreTruncated) {
  Watched few;
  EXPECT_EQ(few.add(31, rollout({'a', 'b'}, true)), "");
  const std::string said = few.add(1, rollout({'a', 1}, false));
  EXPECT_EQ(said,
            "warning: 31 of the first 32 rollouts were cut off at sampling.max_new_tokens=4, and so fail: "
            "raise it");
  EXPECT_EQ(few.add(100, rollout({'a', 'b'}, true)), "");
}

TEST(TruncationWatch, HalfIsNotMostAndLaterOnesCount) {
  Watched half;
  EXPECT_EQ(half.add(40, rollout({'a', 1}, false)), "");
  EXPECT_EQ(half.add(40, rollout({'a', 'b'}, true)), "");
  EXPECT_THAT(half.add(1, rollout({'a', 'b'}, true)), HasSubstr("41 of the first 81 rollouts"));
}

TEST(TruncationWatch, NamesTheTokenThatEndsTurnsButNoRollout) {
  Watched passed;
  EXPECT_EQ(passed.add(12, rollout({'a', 'b', 3, 'c'}, true)), "");  // not special
  EXPECT_EQ(passed.add(19, rollout({'a', 2, 3, 2}, true)), "");
  EXPECT_THAT(passed.add(1, rollout({'a', 2, 'b', 'c'}, true)),
              AllOf(HasSubstr("32 of the first 32"), HasSubstr("20 of them went on behind '<turn>' (2)"),
                    HasSubstr("(what does: '<end>' (1))"), HasSubstr("\"eos_token_id\"")));
  Watched seldom;
  EXPECT_EQ(seldom.add(16, rollout({'a', 2}, true)), "");
  EXPECT_EQ(seldom.add(15, rollout({'a', 'b'}, true)), "");
  EXPECT_THAT(seldom.add(1, rollout({'a', 'b'}, true)), Not(HasSubstr("<turn>")));
}

// Every verb samples by this loop, under one context.
TEST(TruncationWatch, TheSamplingLoopSpeaksOnceInARun) {
  FakeWorld world([](const std::string&, int) -> Outcome { return {false, 6, true}; });
  MineConfig config;
  config.samples = 24;
  ::testing::internal::CaptureStderr();
  mine(world.context, config, {problem("a")}, {}, nullptr);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  ::testing::internal::CaptureStderr();
  for (const char* id : {"b", "c", "d"}) mine(world.context, config, {problem(id)}, {}, nullptr);
  EXPECT_EQ(
      ::testing::internal::GetCapturedStderr(),
      "warning: 32 of the first 32 rollouts were cut off at sampling.max_new_tokens=512, and so fail: raise "
      "it\n");
}

}  // namespace
}  // namespace pope
