// The page of a result, by hand, and that the committed one is what the committed numbers give.
#include "reproduce/paper_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace pope {
namespace {

using testing::HasSubstr;

Json claim(const std::string& study, const std::string& verdict) {
  return {{"id", study + "/c"},
          {"study", study},
          {"title", "Title of " + study},
          {"paper", "Fig. 3"},
          {"claim", "POPE | solves more"},
          {"metric", "final/hard/unguided/pass@32"},
          {"of", "guide-hard"},
          {"minus", "hard"},
          {"times", 1.0},
          {"above", 0.0},
          {"condition", false},
          {"untestable", Json()},
          {"expect", 0.1},
          {"noise", 0.05},
          {"power", 0.876},
          {"bases", {1, 2, 3, 5}},
          {"left", 0.1279},
          {"right", 0.0352},
          {"left_values", Json::array()},
          {"right_values", Json::array()},
          {"difference", 0.0927},
          {"low", -0.0204},
          {"high", 0.2058},
          {"interval", "bases"},
          {"bases_for", 3},
          {"logit_low", 0.1},
          {"logit_high", 0.9},
          {"logit_verdict", "held"},
          {"verdict", verdict}};
}

Json result_of(const Json& claims) {
  return {
      {"studies", {"all"}},
      {"bases", {1, 2, 3, 4, 5}},
      {"rl_seeds", 3},
      {"quick", false},
      {"gates", Json::array()},
      {"rejected", Json::array()},
      {"skipped", Json::array()},
      {"failures", Json::array()},
      {"arms", {{{"arm", "hard"}, {"label", "Hard (GRPO)"}, {"verb", "train"}, {"lr", "3e-4"}, {"runs", 3}}}},
      {"claims", claims},
      {"held", 1},
      {"did_not_hold", 2},
      {"undecided", 3},
      {"not_testable", 4},
      {"conditions", 1},
      {"conditions_held", 0}};
}

TEST(PaperPage, ARowPerClaim) {
  Json other = claim("fig5", "not testable");
  other["metric"] = "reach/0.5/eval/hard/unguided/pass@1";
  other["minus"] = other["right"] = other["power"] = other["logit_verdict"] = Json();
  other["untestable"] = "only one budget";
  other["left"] = other["difference"] = 27399.6;
  other["low"] = 21000;
  other["high"] = 30720.4;
  other["above"] = 12000;
  Json condition = claim("fig3", "held");
  condition["condition"] = true;
  const std::string page = paper_page(result_of({claim("fig3", "undecided"), condition, other}));
  EXPECT_THAT(page, HasSubstr("| (condition) POPE \\| solves more<br>"));
  EXPECT_THAT(page,
              HasSubstr("Of 2 claims 1 held, 2 did not hold, 3 are undecided, 4 are not testable here. Of 1 "
                        "conditions, on which claims rest, 0 held."));
  EXPECT_THAT(page,
              HasSubstr("## Title of fig3\n`pope reproduce fig3`, in the paper Fig. 3\n\n"
                        "| claim | left | right | difference (95 %) | bases for it | power | verdict |\n"
                        "|---|---|---|---|---|---|---|\n"));
  EXPECT_THAT(
      page,
      HasSubstr("| POPE \\| solves more<br><small>pass@32 on hard, unguided, after training: `guide-hard` − "
                "`hard` above 0</small> | 12.8 % | 3.5 % | +9.3 points (−2.0 to +20.6) | 3/4 | 88 % | "
                "undecided (on the logit scale: held) |\n"));
  EXPECT_THAT(page, HasSubstr("| 88 % | **held** |\n"));
  EXPECT_THAT(page,
              HasSubstr("rollouts until pass@1 on hard, unguided, in training is 0.5: `guide-hard` above "
                        "12,000</small> | 27,400 | – | (21,000 to 30,720) | 3/4 | – | "
                        "not testable: only one budget |\n"));
  EXPECT_THAT(page, HasSubstr("Base seeds 1, 2, 3, 4, 5; 3 RL seeds per base"));
  EXPECT_THAT(page, HasSubstr("| `hard` | Hard (GRPO) | train | 3e-4 | 3 |\n"));
  EXPECT_THAT(page, HasSubstr("There was no gate."));
  EXPECT_THAT(page, testing::Not(HasSubstr("What failed")));
}

TEST(PaperPage, BoundsInWords) {
  const auto page = [](const std::string& key, double bound, const std::string& metric, double times) {
    Json one = claim("s", "held");
    one.erase("above");
    one[key] = bound;
    one["metric"] = metric;
    one["times"] = times;
    return paper_page(result_of(Json::array({one})));
  };
  EXPECT_THAT(page("within", 0.05, "eval/hard/unguided/pass@8", 1),
              HasSubstr("`guide-hard` − `hard` within ±5 points"));
  EXPECT_THAT(page("below", -0.1, "entropy/unguided", 1),
              HasSubstr("entropy, unguided: `guide-hard` − `hard` below -0.1"));
  EXPECT_THAT(page("below", -0.1, "entropy/unguided", 1),
              HasSubstr("| 0.128 | 0.0352 | +0.0927 (−0.0204 to +0.206) |"));
  EXPECT_THAT(
      page("above", 0, "final/hard/unguided/overlap/ngrams", 1.25),
      HasSubstr("overlap of ngrams on hard, unguided, after training: `guide-hard` − 1.25 × `hard` above 0"));
}

TEST(PaperPage, MetricsInWords) {
  const auto page = [](const std::string& metric) {
    Json one = claim("s", "held");
    one["metric"] = metric;
    return paper_page(result_of(Json::array({one})));
  };
  EXPECT_THAT(page("at/19200/eval/hard/unguided/pass@1"),
              HasSubstr("pass@1 on hard, unguided, in training, after 19200 rollouts in all"));
  EXPECT_THAT(page("drop/eval/easy/unguided/pass@1"),
              HasSubstr("how far the end is below the best: pass@1 on easy, unguided, in training"));
}

TEST(PaperPage, WithoutBasesThatAreComplete) {
  Json one = claim("s", "undecided");
  for (const char* key : {"left", "right", "difference", "low", "high", "logit_verdict"}) one[key] = Json();
  one["bases"] = Json::array();
  one["bases_for"] = 0;
  EXPECT_THAT(paper_page(result_of(Json::array({one}))), HasSubstr("| – | – | – | 0/0 | 88 % | undecided |"));
}

TEST(PaperPage, GateAndFailures) {
  Json result = result_of(Json::array({claim("s", "held")}));
  result["gates"] = Json::parse(R"([
    {"base": 1, "passed": "base", "conditions": [{"id": "finishes", "claim": "It finishes", "metric": "final/gate/unguided/pass@1", "above": 0.19}],
     "attempts": [{"attempt": "base", "values": {"finishes": 0.25}, "failed": []}]},
    {"base": 2, "passed": null, "conditions": [{"id": "finishes", "claim": "It finishes", "metric": "final/gate/unguided/pass@1", "above": 0.19}],
     "attempts": [{"attempt": "base", "values": {"finishes": 0.1}, "failed": ["finishes"]},
                  {"attempt": "base-more", "values": {"finishes": 0.15}, "failed": ["finishes"]}]}])");
  result["failures"] = Json::parse(R"([{"job": "base-4/mine", "log": "one\ntwo\n"}])");
  result["skipped"] = {"base-4/guide", "base-4/rl-1/hard"};
  const std::string page = paper_page(result);
  EXPECT_THAT(
      page, HasSubstr("- `finishes`: It finishes (pass@1 on gate, unguided, after training above 19.0 %)\n"));
  EXPECT_THAT(page, HasSubstr("| 1 | base | finishes 25.0 % | passed |\n"
                              "| 2 | base | finishes 10.0 % | not enough: the next attempt |\n"
                              "| 2 | base-more | finishes 15.0 % | **rejected** |\n"));
  EXPECT_THAT(
      page,
      HasSubstr("- base-4/mine:\n\n  ```\n  one\n  two\n  ```\n\n2 runs that read these were left out.\n"));
}

TEST(PaperPage, IsTheCommittedOne) {
  const std::filesystem::path docs = std::filesystem::path(POPE_SOURCE_DIR) / "docs";
  EXPECT_EQ(read_file(docs / "paper.md"), paper_page(read_json(docs / "reports/reproduce.json")));
}

}  // namespace
}  // namespace pope
