// Measurements and verdicts, by hand.
#include "reproduce/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/files.h"
#include "core/temp_dir.h"
#include "reproduce/fake_runs.h"

namespace pope {
namespace {

using testing::HasSubstr;

Claim claim_of(double times, Side side, double bound) {
  Claim claim;
  claim.id = "i";
  claim.text = "c";
  claim.left = {"a", "entropy/unguided", "all", {"a"}};
  claim.right = {"b", "entropy/unguided", "all", {"b"}};
  claim.times = times;
  claim.side = side;
  claim.bound = bound;
  return claim;
}

std::vector<Measurement> values(std::initializer_list<double> list) {
  std::vector<Measurement> out;
  for (const double value : list) out.push_back({value, {value}});
  return out;
}

TEST(Judge, OverBases) {
  const auto left = values({0.5, 0.6, 0.7}), right = values({0.1, 0.2, 0.3});
  EXPECT_EQ(judge(claim_of(1, Side::above, 0.3), left, right).text, "held");  // differences 0.4, 0.4, 0.4
  EXPECT_EQ(judge(claim_of(1, Side::above, 0.5), left, right).text, "did not hold");
  EXPECT_EQ(judge(claim_of(1, Side::below, 0.5), left, right).text, "held");
  // 3·right: differences 0.2, 0, −0.2, interval 0 ± 0.497.
  const ClaimVerdict open = judge(claim_of(3, Side::above, 0), left, right);
  EXPECT_EQ(open.text, "undecided");
  EXPECT_TRUE(open.interval);
  EXPECT_EQ(open.bases_for, 1);  // 0.2 is above 0, 0 is not
  EXPECT_NEAR(open.difference.high, 0.4968676, 1e-5);
}

TEST(Judge, FewerThanThreeBasesDecideNothing) {
  const ClaimVerdict verdict = judge(claim_of(1, Side::above, 0), values({0.75, 0.8}), values({0.25, 0.3}));
  EXPECT_EQ(verdict.text, "undecided");
  EXPECT_FALSE(verdict.interval);
  EXPECT_DOUBLE_EQ(verdict.difference.value, 0.5);
  EXPECT_EQ(verdict.bases_for, 2);
  EXPECT_EQ(judge(claim_of(1, Side::above, 0), {}, {}).text, "undecided");
}

TEST(Judge, Equivalence) {
  // Differences −0.1, 0, 0.1: 0 ± 0.2484.
  const auto left = values({0.4, 0.5, 0.6}), right = values({0.5, 0.5, 0.5});
  EXPECT_EQ(judge(claim_of(1, Side::within, 0.25), left, right).text, "held");
  const ClaimVerdict open = judge(claim_of(1, Side::within, 0.05), left, right);
  EXPECT_EQ(open.text, "undecided");
  EXPECT_EQ(open.bases_for, 1);
  const auto far = values({0.9, 1, 1.1});  // 0.5 ± 0.2484
  EXPECT_EQ(judge(claim_of(1, Side::within, 0.25), far, right).text, "did not hold");
  EXPECT_EQ(judge(claim_of(1, Side::within, 0.3), far, right).text, "undecided");
  EXPECT_EQ(judge(claim_of(2, Side::within, 0.3), left, values({0.2, 0.25, 0.3})).text, "held");
}

TEST(Judge, OneArmAgainstABound) {
  Claim claim = claim_of(1, Side::below, 0.4);
  claim.right.reset();
  EXPECT_EQ(judge(claim, values({0.2, 0.3, 0.25}), {}).text, "held");
  claim.bound = 0.1;
  EXPECT_EQ(judge(claim, values({0.2, 0.3, 0.25}), {}).text, "did not hold");
}

TEST(Judge, UntestableWhateverTheNumbersSay) {
  Claim claim = claim_of(1, Side::above, 0);
  claim.untestable = "given by construction";
  const ClaimVerdict verdict = judge(claim, values({0.5, 0.6, 0.7}), values({0.1, 0.2, 0.3}));
  EXPECT_EQ(verdict.text, "not testable");
  EXPECT_TRUE(verdict.interval);
  EXPECT_DOUBLE_EQ(verdict.difference.value, 0.4);
}

// x ↦ logit((100 x + ½) / 101) where the number of problems is not known.
TEST(Judge, LogitScale) {
  Claim claim = claim_of(1, Side::above, 0);
  claim.left.metric = claim.right->metric = "eval/hard/unguided/pass@8";
  const auto left = values({0.01, 0.01, 0.41}), right = values({0.005, 0.005, 0.01});
  ClaimVerdict verdict = judge(claim, left, right);
  EXPECT_EQ(verdict.text, "undecided");
  EXPECT_EQ(verdict.logit_text, "undecided");
  const auto logit = [](double p) { return std::log(p / (1 - p)); };
  const double small = logit(1.5 / 101) - logit(1.0 / 101), large = logit(41.5 / 101) - logit(1.5 / 101);
  EXPECT_NEAR(verdict.logit.value, (2 * small + large) / 3, 1e-12);
  EXPECT_NEAR(verdict.logit.high - verdict.logit.value,
              4.303 * (large - small) / std::sqrt(3.0) / std::sqrt(3.0), 1e-9);  // s of a, a, b is |b − a|/√3
  // The verdicts differ: differences 0.01, 0.02, 0.4 but odds that all double or more.
  verdict = judge(claim, values({0.05, 0.1, 0.7}), values({0.02, 0.04, 0.4}));
  EXPECT_EQ(verdict.text, "undecided");
  EXPECT_EQ(verdict.logit_text, "held");
  // With the number of problems known, that is n.
  std::vector<Measurement> few_left = values({1, 1, 1}), few_right = values({0, 0, 0});
  for (auto* side : {&few_left, &few_right}) {
    for (Measurement& one : *side) one.problems = 3;
  }
  EXPECT_NEAR(judge(claim, few_left, few_right).logit.value, 2 * std::log(7.0), 1e-12);  // 3.5/4 : 0.5/4
  // One arm: the bound on the same scale.
  Claim alone = claim;
  alone.right.reset();
  alone.bound = 0.2;
  EXPECT_NEAR(judge(alone, values({0.2, 0.2, 0.2}), {}).logit.value, 0, 1e-12);
  EXPECT_EQ(judge(alone, values({0.5, 0.5, 0.6}), {}).logit_text, "held");
}

TEST(Judge, NoLogitScaleWithoutACounterpart) {
  const auto left = values({0.5, 0.6, 0.7}), right = values({0.1, 0.2, 0.3});
  const auto text = [&](Claim claim, const std::string& metric) {
    claim.left.metric = claim.right->metric = metric;
    return judge(claim, left, right).logit_text;
  };
  EXPECT_EQ(text(claim_of(1, Side::above, 0), "reward/easy"), "held");
  EXPECT_EQ(text(claim_of(1, Side::above, 0), "entropy/easy"), "");
  EXPECT_EQ(text(claim_of(2, Side::above, 0), "reward/easy"), "");
  EXPECT_EQ(text(claim_of(1, Side::above, 0.1), "reward/easy"), "");
  EXPECT_EQ(text(claim_of(1, Side::within, 0.1), "reward/easy"), "");
}

// Five bases: of the third an RL seed is missing, the fourth has nothing; the fifth is not among the runs.
TEST(JudgeAll, OnTheBasesThatAreComplete) {
  TempDir dir;
  const Runs runs{dir.path(), {1, 2, 3, 4}, 2};
  for (const int base : {1, 2, 3}) {
    const auto b = static_cast<std::uint64_t>(base);
    write_evaluation(runs.rl(b, 1) / "eval-b", 1);
    for (int seed = 1; seed <= (base == 3 ? 1 : 2); ++seed)
      write_evaluation(runs.rl(b, seed) / "eval-a", base + seed);
  }
  Study study{"s", "S", {claim_of(1, Side::above, 0)}, {}, "Sec. 1"};
  Claim& claim = study.claims[0];
  claim.left = {"a", "final/hard/unguided/pass@1", "", {"a"}, true};
  claim.right = Term{"b", "final/hard/unguided/pass@1", "", {"b"}};
  claim.expect = 0.2;
  claim.noise = 0.1;
  study.claims.push_back(claim);
  study.claims[1].id = "wrong";
  study.claims[1].left.metric = study.claims[1].right->metric = "final/none/unguided/pass@1";
  std::vector<Failure> failures;
  const Json claims = judge_all({study}, runs, 5, failures);
  const Json& one = claims.at(0);
  EXPECT_EQ(one["id"], "s/i");
  EXPECT_EQ(one["paper"], "Sec. 1");
  EXPECT_EQ(one["bases"], Json({1, 2}));
  EXPECT_EQ(one["left_values"], Json({{0.25, 0.375}, {0.375, 0.5}}));
  EXPECT_EQ(one["right_values"], Json::parse("[[0.125], [0.125]]"));
  EXPECT_EQ(one["left"], 0.375);
  EXPECT_EQ(one["difference"], 0.25);
  EXPECT_EQ(one["low"], Json());
  EXPECT_EQ(one["bases_for"], 2);
  EXPECT_EQ(one["verdict"], "undecided");
  EXPECT_NEAR(one["power"].get<double>(), 0.909, 0.003);  // of the five that were planned
  // What the runs do not measure costs its own verdict alone.
  EXPECT_EQ(claims.at(1)["verdict"], "undecided");
  EXPECT_EQ(claims.at(1)["left"], Json());
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].job, "claim s/wrong");
  EXPECT_THAT(failures[0].log, HasSubstr("has final/none/unguided/pass@1"));
}

}  // namespace
}  // namespace pope
