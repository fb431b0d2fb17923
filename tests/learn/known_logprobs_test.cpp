// Logprobs that a server did not give are those of the trainer's weights, where these sampled; never others.
#include "learn/known_logprobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "learn/bandit.h"
#include "learn/group_source.h"
#include "learn/signal.h"

namespace pope {
namespace {

constexpr float kUnknown = std::numeric_limits<float>::quiet_NaN();

// Two groups as the native engine samples them, at temperature 0.7.
std::vector<Group> groups_of(test::BanditWorld& world) {
  world.job.sampling.temperature = 0.7;
  std::vector<Group> groups;
  for (const Problem& problem : {world.job.hard[0], world.job.hard[1]}) {
    Group group;
    group.prompt = drawn_prompt(world.job, problem, true);
    const auto sampled = world.engine->sample(world.job.sampling, 1, world.job.stop_tokens,
                                              {{.prompt = group.prompt->sample, .samples = 3}});
    for (const Rollout& rollout : sampled[0]) group.rollouts.push_back({.rollout = rollout});
    groups.push_back(std::move(group));
  }
  return groups;
}

TEST(KnownLogprobs, MissingOnesAreThoseOfTheWeightsThatSampled) {
  test::BanditWorld world;
  const std::vector<Group> sampled = groups_of(world);
  std::vector<Group> groups = sampled;
  groups[0].rollouts[1].rollout.logprobs.back() = kUnknown;
  for (float& logprob : groups[1].rollouts[2].rollout.logprobs) logprob = kUnknown;
  complete_logprobs(world.job, groups);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (std::size_t i = 0; i < 3; ++i) {
      const std::vector<float>&got = groups[g].rollouts[i].rollout.logprobs,
            &expected = sampled[g].rollouts[i].rollout.logprobs;
      ASSERT_EQ(got.size(), expected.size());
      const bool missed = (g == 0 && i == 1) || (g == 1 && i == 2);
      for (std::size_t t = 0; t < got.size(); ++t) EXPECT_NEAR(got[t], expected[t], missed ? 1e-4 : 0);
      EXPECT_EQ(groups[g].rollouts[i].rollout.filled.empty(), !missed);
    }
  }
  std::vector<std::uint8_t> last(groups[0].rollouts[1].rollout.tokens.size(), 0);
  last.back() = 1;
  EXPECT_EQ(groups[0].rollouts[1].rollout.filled, last);
  set_signal({world.job.objective, *world.job.prompts, world.job.stop_tokens.front(), 16}, groups[0]);
  EXPECT_EQ(groups[0].sequences.at(1).filled, last);
}

TEST(KnownLogprobs, OfOtherWeightsTheyAreAnError) {
  test::BanditWorld world;
  std::vector<Group> groups = groups_of(world);
  complete_logprobs(world.job, groups);
  require_logprobs(groups[0]);
  groups[0].rollouts[0].rollout.logprobs[0] = kUnknown;
  EXPECT_THROW(require_logprobs(groups[0]), Error);
  world.job.model->version = 1;
  try {
    complete_logprobs(world.job, groups);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("by the weights of version 0, got some without"));
  }
}

}  // namespace
}  // namespace pope
