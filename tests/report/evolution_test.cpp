// Runs of `pope evolve` on the page: complete, going on, damaged.
#include "report/evolution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/fake_runs.h"
#include "report/page.h"
#include "report/report.h"

namespace pope {
namespace {

using testing::FakeRuns;
using ::testing::HasSubstr;

Json candidate(int number, const std::vector<int>& parents, const std::string& text,
               const std::vector<double>& scores, int weight) {
  double sum = 0;
  Json by_instance = Json::object();
  for (std::size_t k = 0; k < scores.size(); ++k) {
    by_instance["p" + std::to_string(k)] = scores[k];
    sum += scores[k];
  }
  return {{"candidate", number},
          {"parents", parents},
          {"component", number == 0 ? "" : "template"},
          {"texts", {{"template", text}}},
          {"mean", sum / static_cast<double>(scores.size())},
          {"scores", by_instance},
          {"best_on", Json::array()},
          {"weight", weight},
          {"iteration", number},
          {"metric_calls", 4 + 10 * number}};
}

Json proposal(int iteration, int parent, const std::string& outcome, Json child, const std::string& reply) {
  return {{"iteration", iteration},
          {"parents", {parent}},
          {"component", "template"},
          {"instances", {"a", "b", "c"}},
          {"before", 1},
          {"after", 2},
          {"outcome", outcome},
          {"note", ""},
          {"candidate", child},
          {"reply", reply}};
}

class Evolved : public ::testing::Test {
 protected:
  // Candidate 1 changes the seed, 2 changes 1, 3 merges 1 and 2. Of four problems nobody solves the last.
  std::filesystem::path make(const std::string& hostile = "") {
    const auto path = fake_.run("evolved", "evolve", "", 1, "evolve:\n  budget: 60\n");
    write_jsonl(path / "candidates.jsonl",
                {candidate(0, {}, "", {1, 0, 0, 0}, 0),
                 candidate(1, {0}, "Add the numbers." + hostile, {1, 0.5, 0, 0}, 2),
                 candidate(2, {1}, "Add all numbers." + hostile, {1, 0, 1, 0}, 3),
                 candidate(3, {1, 2}, "Add all numbers. Check.", {0, 0.5, 1, 0}, 1)});
    write_jsonl(path / "proposals.jsonl",
                {proposal(1, 0, "accepted", 1, "So: ```Add the numbers.```" + hostile),
                 proposal(2, 0, "not better", nullptr, "No good." + hostile),
                 proposal(2, 1, "accepted", 2, "So."), proposal(3, 1, "accepted", 3, "")});
    return path;
  }
  Json evolving(const std::filesystem::path& path) { return collect_report({path}, {})["evolving"][0]; }

  FakeRuns fake_;
};

TEST_F(Evolved, WinsAreWhereNoneIsBetterAndTheScoreIsAboveZero) {
  const Json run = evolving(make());
  ASSERT_EQ(run["candidates"].size(), 4u);
  EXPECT_EQ(run["dev"], Json({"p0", "p1", "p2", "p3"}));
  EXPECT_EQ(run["candidates"][0]["wins"], Json({0}));
  EXPECT_EQ(run["candidates"][1]["wins"], Json({0, 1}));
  EXPECT_EQ(run["candidates"][2]["wins"], Json({0, 2}));
  EXPECT_EQ(run["candidates"][3]["wins"], Json({1, 2}));
  EXPECT_EQ(run["outcomes"], Json({{"accepted", 3}, {"not better", 1}}));
  EXPECT_EQ(run["budget"], 60);
}

TEST_F(Evolved, ARunThatGoesOnSaysWhatItHasPaid) {
  const auto path = make();
  const Json evaluation = {{"evaluation", {{"tokens", 7}}}},
             reflection = {{"reflection", {{"tokens", 20}, {"prompt_tokens", 300}}}};
  write_jsonl(path / "evolved.partial.jsonl",
              {{{"item", evaluation}}, {{"item", reflection}}, {{"item", evaluation}}, {{"item", 5}}});
  Json run = evolving(path);
  EXPECT_EQ(run["complete"], false);
  EXPECT_EQ(run["metric_calls"], 2);
  EXPECT_EQ(run["rollout_tokens"], 14);
  EXPECT_EQ(run["reflection_tokens"], 20);
  EXPECT_EQ(run["reflection_prompt_tokens"], 300);
  EXPECT_EQ(run["iterations"], 3);
  write_file(path / "result.json", R"({"metric_calls": 34, "ended": "budget", "cover": [2, 1, 9, -1]})");
  run = evolving(path);
  EXPECT_EQ(run["metric_calls"], 34);
  EXPECT_EQ(run["cover"], Json({2, 1}));
}

TEST_F(Evolved, ThePageShowsTheTreeAndWhatEachChanged) {
  const std::string page = render_html(collect_report({make()}, {}));
  const auto has = [&](const std::string& part) { return page.find(part) != std::string::npos; };
  EXPECT_TRUE(has("<a href=\"#evolve\">Evolved templates</a>"));
  EXPECT_TRUE(
      has("<b>25.0\u00a0%</b> with the template to begin with, <b>50.0\u00a0%</b> with the best of 4"));
  EXPECT_TRUE(has("id=\"evolve-0-2\" style=\"--d:2\" open"));
  EXPECT_TRUE(has("Add <del>the </del><ins>all </ins>numbers."));
  EXPECT_TRUE(has("from #1 + #2"));
  // Children stand behind their parent: 0, 1, 2, 3. The strip of 3 begins with what most solve, p0.
  EXPECT_LT(page.find("id=\"evolve-0-1\""), page.find("id=\"evolve-0-2\""));
  EXPECT_TRUE(
      has("aria-label=\"best on 2 of 4 dev problems\"><path class=\"some\" d=\"\"/><path class=\"win\" "
          "d=\"M1 0h2v1h-2z\"/>"));
  EXPECT_TRUE(has("accepted <b>3</b>"));
  EXPECT_TRUE(has("No good."));
  EXPECT_TRUE(has("<path class=\"edge merge\""));
}

TEST_F(Evolved, TheSeedAlone) {
  const auto path = fake_.run("young", "evolve", "", 1);
  EXPECT_THAT(render_html(collect_report({path}, {})), HasSubstr("No candidate has been evaluated"));
  write_jsonl(path / "candidates.jsonl", {candidate(0, {}, "", {0, 0}, 1)});
  const std::string page = render_html(collect_report({path}, {}));
  EXPECT_THAT(page, HasSubstr("empty: the message of a problem alone"));
  EXPECT_EQ(page.find("class=\"chart lineage\""), std::string::npos);
}

TEST_F(Evolved, HostileTextStaysText) {
  const std::string page = render_html(collect_report({make("</div><script>x</script><b>\"'")}, {}));
  EXPECT_EQ(page.find("<script>x"), std::string::npos);
  EXPECT_EQ(page.find("<b>\""), std::string::npos);
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;x"));
}

TEST_F(Evolved, WhatIsDamagedIsNotedAndLeftOut) {
  const auto path = make();
  const std::vector<Json> bad = {Json(3),
                                 candidate(1, {1}, "x", {1, 1, 1, 1}, 1),  // its own parent
                                 candidate(1, {}, "x", {1, 1, 1, 1}, 1),   // a second seed
                                 candidate(7, {0}, "x", {1, 1, 1, 1}, 1),  // out of turn
                                 candidate(1, {0}, "x", {1}, 1),           // without scores
                                 {{"candidate", 1}, {"parents", "x"}}};
  for (const Json& row : bad) {
    write_jsonl(path / "candidates.jsonl",
                {candidate(0, {}, "", {1, 0, 0, 0}, 0), row, candidate(2, {0}, "y", {1, 0, 0, 0}, 1)});
    write_jsonl(path / "proposals.jsonl", {row, proposal(1, 0, "accepted", 99, "")});
    const Json report = collect_report({path}, {});
    EXPECT_EQ(report["evolving"][0]["candidates"].size(), 1u) << row;
    EXPECT_EQ(report["evolving"][0]["proposals"].size(), 1u) << row;
    EXPECT_THAT(report["warnings"].dump(), HasSubstr("candidate 1 and those after it are left out"));
    EXPECT_THAT(report["warnings"].dump(), HasSubstr("1 rows of proposals.jsonl are damaged"));
    render_html(report);
  }
  write_file(path / "candidates.jsonl", dump(candidate(0, {}, "", {1, 0}, 1)) + "\n{\"candidate\": 1, \"par");
  EXPECT_EQ(evolving(path)["candidates"].size(), 1u);
}

}  // namespace
}  // namespace pope
