// The loop: a run traced by hand, the budget, what is kept and what comes back from it, and bad replies.
#include "evolve/evolve.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/error.h"
#include "core/temp_dir.h"
#include "evolve/toy.h"

namespace pope {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using testing::fenced;
using ::testing::HasSubstr;
using testing::Kept;
using testing::ladder;
using testing::run;
using testing::ToyAdapter;

EvolveConfig config_of(int budget, int patience = 6) {
  EvolveConfig config;
  config.budget = budget;
  config.patience = patience;
  return config;
}

// "1 of 0 by a: 0.50 after 0.00, accepted": iteration, parent, component, both sums, outcome.
std::vector<std::string> trace(const Evolution& evolution) {
  std::vector<std::string> lines;
  for (const Proposal& one : evolution.proposals)
    lines.push_back(fmt::format("{} of {} by {}: {:.2f} after {:.2f}, {}", one.iteration, one.parents.at(0),
                                one.component, one.after, one.before, one.outcome));
  return lines;
}

TEST(Evolve, TheLadderByHand) {
  // Minibatch sums are f(a) + b/4 with f = 0, 1/2, 1/2, 1 and b at most 3. Every child that is accepted
  // dominates its parent, so it is the next parent; it goes on with the other component.
  ToyAdapter toy = ladder();
  Kept kept;
  const Evolution evolution = run(toy, config_of(200, 4), kept);
  EXPECT_THAT(
      trace(evolution),
      ElementsAre("1 of 0 by a: 0.50 after 0.00, accepted", "2 of 1 by b: 0.75 after 0.50, accepted",
                  "3 of 2 by a: 0.75 after 0.75, not better", "4 of 2 by b: 1.00 after 0.75, accepted",
                  "5 of 3 by a: 1.00 after 1.00, not better", "6 of 3 by b: 1.25 after 1.00, accepted",
                  "7 of 4 by a: 1.25 after 1.25, not better", "8 of 4 by b: 1.25 after 1.25, not better",
                  "9 of 4 by a: 1.25 after 1.25, not better", "10 of 4 by b: 1.25 after 1.25, not better"));
  EXPECT_EQ(evolution.ended, "patience");
  EXPECT_EQ(evolution.reflections, 10);
  const Json result = to_json(evolution);
  EXPECT_EQ(result["best"], 4);
  EXPECT_EQ(result["best_texts"], (Json{{"a", "1"}, {"b", "3"}}));
  EXPECT_DOUBLE_EQ(result["best_mean"], 0.8);
  EXPECT_EQ(result["outcomes"]["accepted"], 4);
  EXPECT_EQ(result["outcomes"]["not better"], 6);
  EXPECT_EQ(result["cover"], Json::array({4}));
  // 5 for each of 5 candidates on the dev set; 3 for each of 10 (texts, minibatch): 5 parents, and (2, 1),
  // (2, 2), (2, 3), (1, 4) that were not accepted.
  EXPECT_EQ(evolution.metric_calls, 5 * 5 + 3 * 9);
  EXPECT_EQ(evolution.rollout_tokens, 10 * evolution.metric_calls);
  EXPECT_EQ(evolution.reflection_tokens, 7 * 10);
  EXPECT_EQ(evolution.reflection_prompt_tokens, 70 * 10);

  const std::vector<Json> rows = candidate_rows(evolution);
  ASSERT_EQ(rows.size(), 5u);
  EXPECT_EQ(rows[0]["best_on"], Json::array({"d-never"}));
  EXPECT_EQ(rows[0]["weight"], 0);
  EXPECT_EQ(rows[3]["parents"], Json::array({2}));
  EXPECT_EQ(rows[3]["component"], "b");
  EXPECT_EQ(rows[3]["scores"]["d-b2"], 1);
  EXPECT_EQ(rows[3]["scores"]["d-b3"], 0);
  EXPECT_EQ(rows[4]["weight"], 5);
  // The seed on the dev set; then parent, child, and child on the dev set; …
  EXPECT_EQ(rows[0]["metric_calls"], 5);
  EXPECT_EQ(rows[1]["metric_calls"], 5 + 3 + 3 + 5);
  EXPECT_EQ(proposal_rows(evolution)[2]["candidate"], nullptr);
}

TEST(Evolve, SaysWhatItHasAfterEachIteration) {
  ToyAdapter toy = ladder();
  std::vector<std::size_t> proposals;
  evolve(toy, config_of(200, 2), 1, testing::kLadderSeed, testing::kLadder, {}, {},
         [&](const Evolution& evolution) { proposals.push_back(evolution.proposals.size()); });
  EXPECT_THAT(proposals, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8));
}

TEST(Evolve, TheBudgetIsKeptAndCountedExactly) {
  for (int budget = 5; budget <= 60; ++budget) {
    ToyAdapter toy = ladder();
    Kept kept;
    const Evolution evolution = run(toy, config_of(budget), kept);
    EXPECT_LE(evolution.metric_calls, budget);
    EXPECT_EQ(evolution.metric_calls, std::ssize(toy.evaluated)) << budget;
    std::sort(toy.evaluated.begin(), toy.evaluated.end());
    EXPECT_EQ(std::adjacent_find(toy.evaluated.begin(), toy.evaluated.end()), toy.evaluated.end());
    // The first iteration takes 3 + 3 + 5: it is not begun where it could not be brought to its end.
    EXPECT_EQ(evolution.candidates.size() > 1, budget >= 5 + 11) << budget;
    if (budget < 50) {
      EXPECT_EQ(evolution.ended, "budget");
    }
  }
  ToyAdapter toy = ladder();
  Kept kept;
  EXPECT_THAT(error_of([&] { run(toy, config_of(4), kept); }),
              HasSubstr("evolve.budget: expected at least 5, the seed on the dev set, got 4"));
  EXPECT_TRUE(toy.evaluated.empty());
}

TEST(Evolve, GoesOnAfterAKillAtAnyItemAndPaysForNothingTwice) {
  ToyAdapter whole_toy = ladder();
  Kept whole;
  const Evolution expected = run(whole_toy, config_of(200), whole);
  for (std::size_t at = 0; at < whole.items.size(); at += 3) {
    Kept kept;
    ToyAdapter toy = ladder();
    kept.killed_at = at;
    EXPECT_THROW(run(toy, config_of(200), kept), std::runtime_error);
    kept.killed_at += 20;  // and once more
    if (kept.killed_at < whole.items.size()) {
      EXPECT_THROW(run(toy, config_of(200), kept), std::runtime_error);
    }
    kept.killed_at = static_cast<std::size_t>(-1);
    const Evolution evolution = run(toy, config_of(200), kept);
    EXPECT_EQ(candidate_rows(evolution), candidate_rows(expected)) << at;
    EXPECT_EQ(proposal_rows(evolution), proposal_rows(expected)) << at;
    EXPECT_EQ(to_json(evolution), to_json(expected)) << at;
    EXPECT_EQ(kept.items.size(), whole.items.size());
    EXPECT_THAT(toy.shown, Each(HasSubstr("feedback on f-")));
  }
}

// A model may answer with bytes that are no UTF-8; files hold none.
TEST(Evolve, InvalidUtf8IsTheSameWhenItGoesOn) {
  const auto toy_of = [] {
    ToyAdapter toy = ladder();
    toy.reply = [](const ReflectionJob& job) {
      return fenced(std::to_string(std::stoi(job.text) + 1) + " \xFF\xE2\x82");
    };
    return toy;
  };
  std::vector<Json> on_disk;
  std::size_t killed_at = 12;
  const auto keep = [&](const Json& item, const std::vector<Json>&) {
    if (on_disk.size() == killed_at) throw std::runtime_error("killed");
    on_disk.push_back(Json::parse(dump(item)));
  };
  const auto go = [&] {
    ToyAdapter toy = toy_of();
    const std::vector<Json> before = on_disk;
    return evolve(toy, config_of(60), 1, testing::kLadderSeed, testing::kLadder, before, keep);
  };
  EXPECT_THROW(go(), std::runtime_error);
  killed_at = static_cast<std::size_t>(-1);
  const Evolution resumed = go();
  on_disk.clear();
  const Evolution whole = go();
  ASSERT_GT(whole.candidates.size(), 1u);
  EXPECT_EQ(candidate_rows(resumed), candidate_rows(whole));
  EXPECT_EQ(proposal_rows(resumed), proposal_rows(whole));
}

TEST(Evolve, ASpentBudgetEndsAtOnceAndALargerOneGoesOn) {
  ToyAdapter toy = ladder();
  Kept kept;
  const Evolution first = run(toy, config_of(30), kept);
  EXPECT_EQ(first.ended, "budget");
  const std::size_t paid = toy.evaluated.size(), reflected = toy.reflected.size();
  EXPECT_EQ(to_json(run(toy, config_of(30), kept)), to_json(first));
  EXPECT_EQ(toy.evaluated.size(), paid);
  EXPECT_EQ(toy.reflected.size(), reflected);

  ToyAdapter at_once_toy = ladder();
  Kept at_once;
  const Evolution longer = run(toy, config_of(200), kept);
  EXPECT_EQ(to_json(longer), to_json(run(at_once_toy, config_of(200), at_once)));
  EXPECT_EQ(toy.evaluated.size(), at_once_toy.evaluated.size());
}

TEST(Evolve, WhatFailsForAMomentIsTriedAgainAndIsNoScoreOfZero) {
  ToyAdapter steady = ladder();
  Kept of_steady;
  const Evolution expected = run(steady, config_of(200), of_steady);
  ToyAdapter toy = ladder();
  toy.failing = {{"d-a1", 2}, {"f-b", 1}};
  toy.failing_reflections = 2;
  Kept kept;
  Evolution evolution = run(toy, config_of(200), kept);
  EXPECT_EQ(evolution.failures, 5);
  EXPECT_EQ(toy.evaluated.size(), steady.evaluated.size());
  EXPECT_EQ(to_json(run(toy, config_of(200), kept))["failures"], 5);  // also after another start
  evolution.failures = 0;
  EXPECT_EQ(to_json(evolution), to_json(expected));
}

TEST(Evolve, WhatKeepsFailingEndsClearlyAndCanGoOn) {
  ToyAdapter toy = ladder();
  Kept kept;
  toy.failing = {{"d-b2", 3}};
  EXPECT_THAT(error_of([&] { run(toy, config_of(200), kept); }),
              AllOf(HasSubstr("1 evaluations failed 3 times in a row, the last with: timed out"),
                    HasSubstr("start the command again to go on")));
  EXPECT_EQ(toy.evaluated.size(), 4u);  // the others are kept
  toy.failing_reflections = 3;
  EXPECT_THAT(error_of([&] { run(toy, config_of(200), kept); }), HasSubstr("1 reflections failed 3 times"));
  EXPECT_EQ(run(toy, config_of(200), kept).candidates.size(), 5u);
  ToyAdapter steady = ladder();
  Kept of_steady;
  run(steady, config_of(200), of_steady);
  EXPECT_EQ(toy.evaluated.size(), steady.evaluated.size());
}

TEST(Evolve, DamagedItemsAreCountedAndPaidForAgain) {
  ToyAdapter toy = ladder();
  Kept kept;
  const Evolution expected = run(toy, config_of(200), kept);
  kept.items[2] = {{"evaluation", {{"texts", "0"}, {"instance", 5}}}};
  kept.items[7] = "nonsense";
  kept.items[9] = {{"other", 1}};
  const std::size_t before = toy.evaluated.size() + toy.reflected.size();
  Evolution evolution = run(toy, config_of(200), kept);
  EXPECT_EQ(toy.evaluated.size() + toy.reflected.size(), before + 3);
  EXPECT_EQ(evolution.damaged, 3);
  evolution.damaged = 0;
  EXPECT_EQ(to_json(evolution), to_json(expected));
}

TEST(Evolve, RepliesThatAreNoNewTextAreCountedAndCostNoMetricCalls) {
  const auto outcome = [](const std::string& reply) {
    ToyAdapter toy = ladder();
    toy.reply = [&](const ReflectionJob&) { return reply; };
    toy.refuse = [](const std::string& text) {
      return text.size() > 1000                            ? "too long"
             : text.find("{problem}") == std::string::npos ? "no place for the problem"
                                                           : "";
    };
    Kept kept;
    const Evolution evolution = run(toy, config_of(200, 5), kept);
    EXPECT_EQ(evolution.ended, "patience");
    EXPECT_EQ(evolution.reflections, 5);
    EXPECT_EQ(evolution.metric_calls, 5 + 3);  // the seed on both sets
    EXPECT_EQ(evolution.proposals.size(), 5u);
    const Proposal& last = evolution.proposals.back();
    EXPECT_EQ(last.reply, reply);
    EXPECT_EQ(to_json(evolution)["outcomes"][last.outcome], 5);
    return last.outcome + (last.note.empty() ? "" : ": " + last.note);
  };
  EXPECT_EQ(outcome(""), "empty");
  EXPECT_EQ(outcome(" \n"), "empty");
  EXPECT_EQ(outcome("```\n```"), "empty");
  EXPECT_EQ(outcome("Add 1."), "no fence");
  EXPECT_EQ(outcome("```\n1"), "no fence");
  EXPECT_EQ(outcome(fenced("0")), "unchanged");
  EXPECT_EQ(outcome(fenced("Go.")), "refused: no place for the problem");
  EXPECT_EQ(outcome(fenced("{problem}" + std::string(100 << 10, 'x'))), "refused: too long");
}

TEST(Evolve, ATextThatACandidateHasIsNotTriedAgain) {
  ToyAdapter toy;
  toy.score = [](const Texts& texts, const std::string&) { return texts.at("t") == "good" ? 0.5 : 0.0; };
  toy.reply = [](const ReflectionJob& job) { return fenced(job.text == "good" ? "start" : "good"); };
  Kept kept;
  const Evolution evolution = run(toy, config_of(100, 3), kept, {{"x"}, {"x"}}, {{"t", "start"}});
  EXPECT_THAT(trace(evolution),
              ElementsAre("1 of 0 by t: 0.50 after 0.00, accepted", "2 of 1 by t: 0.00 after 0.50, known",
                          "3 of 1 by t: 0.00 after 0.50, known", "4 of 1 by t: 0.00 after 0.50, known"));
  EXPECT_EQ(evolution.metric_calls, 2);
}

TEST(Evolve, AMinibatchWithoutMistakesIsNotReflectedOn) {
  ToyAdapter toy;
  toy.score = [](const Texts&, const std::string& instance) { return instance == "dev" ? 0.0 : 1.0; };
  Kept kept;
  const Evolution evolution = run(toy, config_of(100, 2), kept, {{"x", "y"}, {"dev"}}, {{"t", ""}});
  EXPECT_THAT(trace(evolution), ElementsAre("1 of 0 by : 0.00 after 2.00, nothing to improve",
                                            "2 of 0 by : 0.00 after 2.00, nothing to improve"));
  EXPECT_EQ(evolution.reflections, 0);
}

TEST(Evolve, EndsWhereTheDevSetIsSolved) {
  ToyAdapter toy = ladder();
  toy.score = [](const Texts& texts, const std::string&) { return texts.at("a") == "1" ? 1.0 : 0.5; };
  Kept kept;
  const Evolution evolution = run(toy, config_of(1000), kept);
  EXPECT_EQ(evolution.ended, "perfect");
  EXPECT_EQ(evolution.candidates.size(), 2u);
}

TEST(Evolve, OneIterationIsOneTurnOfReflectionFromTheSeed) {
  ToyAdapter toy = ladder();
  EvolveConfig config = config_of(1000);
  config.iterations = 1;
  config.parallel = 4;
  Kept kept;
  const Evolution evolution = run(toy, config, kept);
  EXPECT_EQ(evolution.ended, "iterations");
  ASSERT_EQ(evolution.proposals.size(), 4u);
  for (const Proposal& one : evolution.proposals) EXPECT_EQ(one.parents, std::vector<int>{0});
}

TEST(Evolve, EveryEpochHasEveryInstanceAndNoMinibatchHasOneTwice) {
  Instances instances{{"0", "1", "2", "3", "4", "5", "6"}, {"dev"}};
  ToyAdapter toy;
  toy.score = [](const Texts&, const std::string&) { return 0.0; };
  toy.reply = [](const ReflectionJob&) { return ""; };
  Kept kept;
  const Evolution evolution = run(toy, config_of(100, 6), kept, instances, {{"t", ""}});
  ASSERT_EQ(evolution.proposals.size(), 6u);
  std::vector<std::vector<std::string>> epochs(2);
  for (int i = 0; i < 6; ++i) {
    const std::vector<std::string>& batch = evolution.proposals[i].instances;
    EXPECT_EQ(std::set<std::string>(batch.begin(), batch.end()).size(), 3u);
    epochs[i / 3].insert(epochs[i / 3].end(), batch.begin(), batch.end());
  }
  for (const std::vector<std::string>& epoch : epochs) {
    EXPECT_EQ(std::set<std::string>(epoch.begin(), epoch.begin() + 7).size(), 7u);
    EXPECT_EQ(epoch[7], epoch[0]);  // the last one is filled up
    EXPECT_EQ(epoch[8], epoch[1]);
  }
  EXPECT_NE(epochs[0], epochs[1]);
  // Fewer instances than a minibatch has.
  instances = {{"0", "1"}, {"0"}};
  const Evolution few = run(toy, config_of(100, 3), kept, instances, {{"t", ""}}, 2);
  ASSERT_EQ(few.proposals.size(), 3u);
  for (const Proposal& one : few.proposals) EXPECT_EQ(one.instances.size(), 2u);
  EXPECT_THAT(error_of([&] { run(toy, config_of(100), kept, {{}, {"0"}}); }), HasSubstr("instances"));
}

// Texts of two components, each right on instances of its own and wrong on the other's, so that candidates
// stand beside each other.
ToyAdapter two_sides() {
  ToyAdapter toy;
  toy.score = [](const Texts& texts, const std::string& instance) {
    const std::string side = instance.substr(0, 1), other = side == "a" ? "b" : "a";
    const int reached = std::stoi(texts.at(side)), against = std::stoi(texts.at(other));
    const double gain = std::min(reached, instance[1] - '0') * 0.2;
    return gain - (instance[2] == '!' && against > 0 ? 0.1 : 0) + 0.1;
  };
  toy.reply = [](const ReflectionJob& job) { return fenced(std::to_string(std::stoi(job.text) + 1)); };
  return toy;
}
const Instances kSides = {{"a1", "a2", "a3!", "b1", "b2", "b3!"},
                          {"a1", "a2", "a3", "a2!", "b1", "b2", "b3", "b2!"}};

TEST(Evolve, MergesAreCountedUpToTheirNumberAndNameBothParents) {
  int merged = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    for (const int most : {0, 1, 5}) {
      ToyAdapter toy = two_sides();
      EvolveConfig config = config_of(400, 12);
      config.merges = most;
      Kept kept;
      const Evolution evolution = run(toy, config, kept, kSides, {{"a", "0"}, {"b", "0"}}, seed);
      int accepted = 0;
      for (const Proposal& one : evolution.proposals) {
        if (one.parents.size() < 2) continue;
        EXPECT_EQ(one.instances.size(), 5u);
        EXPECT_EQ(one.outcome, one.after >= one.before ? "accepted" : "not better");
        if (one.outcome != "accepted") continue;
        ++accepted;
        EXPECT_EQ(evolution.candidates[one.candidate].parents, one.parents);
      }
      EXPECT_EQ(evolution.merges, accepted);
      EXPECT_LE(accepted, most);
      EXPECT_EQ(evolution.metric_calls, std::ssize(toy.evaluated));
      merged += accepted;
    }
  }
  EXPECT_GT(merged, 3);
}

TEST(Evolve, ProposalsOfAnIterationAreEvaluatedAndReflectedOnTogether) {
  ToyAdapter toy = two_sides();
  EvolveConfig config = config_of(400, 8);
  config.parallel = 3;
  config.merges = 0;
  Kept kept;
  const Evolution evolution = run(toy, config, kept, kSides, {{"a", "0"}, {"b", "0"}});
  // The dev set has 8; then three parents (the seed), which share what the minibatches of an epoch share;
  // then their children, two of which may be the same.
  ASSERT_GE(evolution.proposals.size(), 3u);
  EXPECT_EQ(evolution.proposals[2].iteration, 1);
  EXPECT_EQ(evolution.proposals[0].component, "a");  // the turns go on within an iteration
  EXPECT_EQ(evolution.proposals[1].component, "b");
  EXPECT_EQ(evolution.proposals[2].component, "a");
  EXPECT_EQ(toy.batches[0], 8u);
  EXPECT_EQ(toy.batches[1], 2u);  // a3! and b3!: the others are in the dev set
  EXPECT_LE(evolution.metric_calls, 400);
  EXPECT_EQ(evolution.metric_calls, std::ssize(toy.evaluated));
  // Of two same children one is taken.
  for (std::size_t i = 0; i < evolution.candidates.size(); ++i)
    for (std::size_t k = 0; k < i; ++k)
      EXPECT_NE(evolution.candidates[i].texts, evolution.candidates[k].texts);
}

TEST(Evolve, DependsOnTheSeedAndOnNothingElse) {
  const auto rows = [](std::uint64_t seed, int parallel) {
    ToyAdapter toy = two_sides();
    EvolveConfig config = config_of(300, 12);
    config.parallel = parallel;
    Kept kept;
    return proposal_rows(run(toy, config, kept, kSides, {{"a", "0"}, {"b", "0"}}, seed));
  };
  EXPECT_EQ(rows(3, 1), rows(3, 1));
  EXPECT_EQ(rows(3, 4), rows(3, 4));
  EXPECT_NE(rows(3, 1), rows(4, 1));
}

// A parent is drawn in proportion to its fronts: of two candidates that stand in 3 and in 1.
TEST(Evolve, ParentsAreDrawnInProportionToTheirFronts) {
  ToyAdapter toy;
  toy.score = [](const Texts& texts, const std::string& instance) {
    const bool second = texts.at("t") == "second";
    if (instance == "f") return second ? 0.2 : 0.1;
    return second == (instance == "d1") ? 0.5 : 0.0;
  };
  toy.reply = [](const ReflectionJob&) { return fenced("second"); };
  Kept kept;
  const Evolution evolution =
      run(toy, config_of(100, 400), kept, {{"f"}, {"d1", "d2", "d3", "d4"}}, {{"t", "first"}});
  int of_seed = 0;
  for (const Proposal& one : evolution.proposals) of_seed += one.iteration > 1 && one.parents[0] == 0;
  EXPECT_EQ(evolution.candidates.size(), 2u);
  EXPECT_NEAR(of_seed, 300, 40);  // of 400, standard deviation 8.7
}

}  // namespace
}  // namespace pope
