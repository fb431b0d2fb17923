// The momentum learner, by numbers worked out by hand.
#include "agent/learner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "agent/learner_store.h"
#include "agent/queue.h"
#include "core/rng.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

using testing::ElementsAre;

const std::vector<std::string> kNames = {"a", "b", "c"};

TEST(Learner, WeightsMoveByTicksWithinTheirBounds) {
  LearnerState state;
  ApproachState& a = state.of("a");
  EXPECT_EQ(a.weight(), 0.5);
  EXPECT_EQ(a.teacher, 0.5);
  learn_unguided(state, "a", true, 0.9);
  EXPECT_EQ(a.half_ticks, 22);
  EXPECT_DOUBLE_EQ(a.teacher, 0.9 * 0.5 + 0.1 * 0.55);
  EXPECT_DOUBLE_EQ(a.vote(), 0.6 * 0.55 + 0.4 * 0.505);
  for (int i = 0; i < 20; ++i) learn_unguided(state, "a", true, 0.9);
  EXPECT_EQ(a.weight(), 0.9);
  for (int i = 0; i < 40; ++i) learn_unguided(state, "a", false, 0.9);
  EXPECT_EQ(a.weight(), 0.1);
  learn_helped(state, "a", true, 0.9);
  EXPECT_EQ(a.weight(), 0.125);
  learn_helped(state, "a", false, 0.9);
  EXPECT_EQ(a.weight(), 0.125);
  EXPECT_EQ(state.ended, 63);
}

TEST(Learner, TheVoteIsTheLargestAndTiesAreDrawnBySeed) {
  LearnerState state;
  learn_unguided(state, "b", true, 0.9);
  learn_unguided(state, "c", false, 0.9);
  EXPECT_THAT(vote(state, kNames, "agent", "type", 1), ElementsAre("b", "a", "c"));
  std::set<std::string> first;
  for (std::int64_t attempt = 0; attempt < 30; ++attempt) {
    LearnerState fresh;
    fresh.attempts = attempt;
    const auto order = vote(fresh, kNames, "agent", "type", 1);
    EXPECT_EQ(order, vote(fresh, kNames, "agent", "type", 1));
    first.insert(order[0]);
  }
  EXPECT_THAT(first, ElementsAre("a", "b", "c"));
}

// A teacher remembers: a student that fell once is still taken over one that never rose.
TEST(Learner, TheTeacherOutlivesABadMoment) {
  LearnerState state;
  for (int i = 0; i < 8; ++i) learn_unguided(state, "a", true, 0.9);
  for (int i = 0; i < 8; ++i) learn_unguided(state, "a", false, 0.9);
  EXPECT_EQ(state.of("a").weight(), 0.5);
  EXPECT_GT(state.of("a").teacher, 0.6);
  EXPECT_EQ(vote(state, kNames, "agent", "type", 1)[0], "a");
}

TEST(Learner, BelowThreeTenthsItIsGuided) {
  LearnerState state;
  ApproachState& a = state.of("a");
  for (int i = 0; i < 4; ++i) {
    learn_unguided(state, "a", false, 0.9);
    state.failures_in_a_row = 0;  // other approaches succeed
  }
  EXPECT_EQ(a.half_ticks, 12);  // 0.3 is not below 0.3
  EXPECT_FALSE(a.guided);
  learn_unguided(state, "a", false, 0.9);
  EXPECT_TRUE(a.guided);
  EXPECT_TRUE(a.guided_turn);
}

TEST(Learner, AfterFiveFailuresInARowOfTheTypeItIsGuided) {
  LearnerState state;
  for (const char* name : {"a", "b", "c", "a"}) learn_unguided(state, name, false, 0.9);
  for (const auto& [name, approach] : state.approaches) EXPECT_FALSE(approach.guided);
  learn_unguided(state, "b", false, 0.9);
  EXPECT_TRUE(state.of("b").guided);
  EXPECT_FALSE(state.of("a").guided);
  learn_helped(state, "b", true, 0.9);
  EXPECT_EQ(state.failures_in_a_row, 5);  // help is no competence
}

TEST(Learner, ItLeavesGuidedModeByUnguidedSuccessesAlone) {
  LearnerState state;
  ApproachState& a = state.of("a");
  for (int i = 0; i < 8; ++i) learn_unguided(state, "a", false, 0.9);
  ASSERT_TRUE(a.guided);
  EXPECT_EQ(a.half_ticks, 4);
  for (int i = 0; i < 30; ++i) learn_helped(state, "a", true, 0.9);
  EXPECT_EQ(a.half_ticks, 34);
  EXPECT_TRUE(a.guided);
  learn_unguided(state, "a", true, 0.9);
  EXPECT_FALSE(a.guided);

  a = ApproachState{.half_ticks = 4, .guided = true};
  a.recent = {0, 0, 0, 0, 1, 1, 1, 0};
  a.half_ticks = 6;
  learn_unguided(state, "a", true, 0.9);  // the last eight: 0 0 0 1 1 1 0 1
  EXPECT_EQ(a.half_ticks, 8);
  EXPECT_FALSE(a.guided);
  a = ApproachState{.half_ticks = 4, .guided = true};
  a.recent = {1, 1, 1};  // fewer than eight say nothing
  learn_unguided(state, "a", true, 0.9);
  EXPECT_TRUE(a.guided);
}

TEST(Learner, ThePrefixShrinksAsUnguidedSuccessGrows) {
  ApproachState a{.full_prefix = 4};
  EXPECT_EQ(prefix_length(a), 4);
  a.unguided_success = 0.3;  // 4·0.4 = 1.6
  EXPECT_EQ(prefix_length(a), 1);
  a.unguided_success = 0.21;  // 4·0.58 = 2.32
  EXPECT_EQ(prefix_length(a), 2);
  a.unguided_success = 0.5;
  EXPECT_EQ(prefix_length(a), 0);
  a.unguided_success = 0.9;
  EXPECT_EQ(prefix_length(a), 0);
  a.unguided_success = 0.0101;
  EXPECT_EQ(prefix_length(a), 3);
  a.unguided_success = 0.0099;  // long ago
  EXPECT_EQ(prefix_length(a), 4);
}

TEST(Learner, TheGridOfPrefixes) {
  EXPECT_TRUE(prefix_grid(1).empty());
  EXPECT_THAT(prefix_grid(2), ElementsAre(1));
  EXPECT_THAT(prefix_grid(5), ElementsAre(1, 2));
  EXPECT_THAT(prefix_grid(8), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(prefix_grid(40), ElementsAre(5, 10, 15, 20));
}

TEST(Learner, TwoGuidedFailuresMakeThePrefixANotchLonger) {
  ApproachState a{.full_prefix = 1};
  learn_prefix(a, false, 8);
  EXPECT_EQ(a.full_prefix, 1);
  learn_prefix(a, true, 8);
  learn_prefix(a, false, 8);
  EXPECT_EQ(a.full_prefix, 1);  // not in a row
  learn_prefix(a, false, 8);
  EXPECT_EQ(a.full_prefix, 2);
  for (int i = 0; i < 20; ++i) learn_prefix(a, false, 8);
  EXPECT_EQ(a.full_prefix, 4);  // never more than half
}

TEST(Learner, AStateReadsBackBitForBit) {
  LearnerState state;
  RngStream random(3, {});
  for (int i = 0; i < 100; ++i)
    learn_unguided(state, kNames[random.below(3)], random.below(3) == 0, 0.9 + 0.001 * i / 7);
  state.of("a").trace = 12;
  state.of("a").full_prefix = 3;
  state.attempts = 77;
  const std::string text = dump(to_json(state));
  const LearnerState back = learner_from_json(Json::parse(text));
  EXPECT_EQ(dump(to_json(back)), text);
  EXPECT_EQ(back.approaches.at("b").teacher, state.approaches.at("b").teacher);
}

// The agent's ray interference: what happens on one type of task is nothing to another.
TEST(Learner, NoOutcomeOfOneTypeChangesAByteOfAnother) {
  TempDir dir;
  Database database(dir / "store.db");
  open_schema(database);
  const auto outcome = [&](const std::string& type, RngStream& random) {
    LearnerState state = load_learner(database, "agent", type);
    const std::string name = vote(state, kNames, "agent", type, 1)[0];
    ++state.attempts;
    const bool passed = random.below(4) == 0;
    if (state.of(name).guided && random.below(2) == 0) {
      learn_helped(state, name, passed, 0.9);
      learn_prefix(state.of(name), passed, 8);
    } else {
      learn_unguided(state, name, passed, 0.9);
    }
    save_learner(database, "agent", type, state);
  };
  const auto bytes_of = [&](const std::string& type) {
    Query query(database, "select state from learners where agent = 'agent' and type = ?", type);
    query.next();
    return query.text(0);
  };
  Transaction all(database);
  // What `one` is after 200 outcomes of its own alone …
  RngStream own(5, {key_of("one")});
  for (int i = 0; i < 200; ++i) outcome("one", own);
  const std::string alone = bytes_of("one");
  // … it is as well among 600 of other types.
  change(database, "delete from learners");
  RngStream again(5, {key_of("one")}), others(5, {key_of("others")});
  for (int i = 0; i < 200; ++i) {
    outcome("one", again);
    const std::string before = bytes_of("one");
    for (int j = 0; j < 3; ++j) outcome("other" + std::to_string(others.below(3)), others);
    ASSERT_EQ(bytes_of("one"), before);
  }
  EXPECT_EQ(bytes_of("one"), alone);
  EXPECT_NE(bytes_of("other1"), alone);
}

}  // namespace
}  // namespace pope
