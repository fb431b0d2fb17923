// Against the authors' package: goldens by tests/golden/make_gepa_goldens.py, which also says what the toys
// are.
#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "core/files.h"
#include "evolve/merge.h"
#include "evolve/toy.h"

namespace pope {
namespace {

using testing::fenced;
using testing::Kept;
using testing::ladder;
using testing::run;
using testing::ToyAdapter;

const Json& golden() {
  static const Json json = read_json(std::string(POPE_SOURCE_DIR) + "/tests/golden/evolve_gepa.json");
  return json;
}

// Path for path: the package goes on until its budget is spent, and evaluates nothing new any more.
TEST(GepaPackage, TheLadderIsTheSameToTheLastCandidate) {
  ToyAdapter toy = ladder();
  EvolveConfig config;
  config.budget = 200;
  config.patience = 6;
  Kept kept;
  const Evolution evolution = run(toy, config, kept);
  const Json& expected = golden()["ladder"];
  ASSERT_EQ(evolution.candidates.size(), expected["candidates"].size());
  for (std::size_t i = 0; i < evolution.candidates.size(); ++i) {
    EXPECT_EQ(Json(evolution.candidates[i].texts), expected["candidates"][i]);
    EXPECT_EQ(Json(evolution.candidates[i].parents), expected["parents"][i]);
    EXPECT_DOUBLE_EQ(mean_score(evolution.candidates[i].scores), expected["means"][i]);
  }
  EXPECT_EQ(best_candidate(evolution.scores()), expected["best"]);
  EXPECT_EQ(evolution.metric_calls, expected["evaluated"]);
}

TEST(GepaPackage, LettersEndWithTheSameBestCandidate) {
  const std::map<std::string, std::string> targets = {{"a", "red"}, {"b", "sun"}, {"c", "sea"}};
  const auto right = [&](const Texts& texts, const std::string& instance) {
    const std::string component = instance.substr(0, 1);
    const auto place = static_cast<std::size_t>(instance[1] - '0');
    return texts.at(component)[place] == targets.at(component)[place];
  };
  Instances instances;
  for (const char* component : {"a", "b", "c"})
    for (const char* place : {"0", "1", "2"}) instances.dev.push_back(std::string(component) + place);
  instances.feedback = instances.dev;
  for (const Json& expected : golden()["letters"]) {
    ToyAdapter toy;
    toy.score = right;
    toy.reply = [&](const ReflectionJob& job) {
      std::set<std::string> failed;
      for (std::size_t i = 0; i < job.instances.size(); ++i)
        if (job.evaluations[i]->score < 1 && job.instances[i].starts_with(job.component))
          failed.insert(job.instances[i]);
      std::string text = job.text;
      if (!failed.empty()) {
        const auto place = static_cast<std::size_t>((*failed.begin())[1] - '0');
        text[place] = targets.at(job.component)[place];
      }
      return fenced(text);
    };
    EvolveConfig config;
    config.budget = 1500;
    Kept kept;
    const Evolution evolution =
        run(toy, config, kept, instances, {{"a", "..."}, {"b", "..."}, {"c", "..."}}, expected["seed"]);
    EXPECT_EQ(to_json(evolution)["best_texts"], expected["best"]);
    EXPECT_EQ(evolution.candidates.size(), expected["candidates"]);
  }
}

TEST(GepaPackage, TheSameCandidatesAreLeftOfFronts) {
  ASSERT_GT(golden()["fronts"].size(), 30u);
  for (const Json& one : golden()["fronts"])
    EXPECT_EQ(pruned_fronts(one["scores"].get<Scores>()), one["left"].get<Fronts>()) << one["scores"];
}

TEST(GepaPackage, TheSameMergesAreDrawn) {
  using Drawn = std::tuple<int, int, int, std::vector<std::string>>;
  std::size_t all = 0;
  for (const Json& one : golden()["merges"]) {
    std::vector<Candidate> candidates;
    std::vector<int> from;
    for (std::size_t i = 0; i < one["texts"].size(); ++i) {
      Candidate candidate;
      candidate.texts = one["texts"][i].get<Texts>();
      candidate.parents = one["parents"][i].get<std::vector<int>>();
      candidate.scores = one["scores"][i].get<std::vector<double>>();
      candidates.push_back(std::move(candidate));
      from.push_back(static_cast<int>(i));
    }
    std::set<Drawn> drawn, expected;
    for (std::uint64_t draw = 0; draw < 1500; ++draw) {
      const std::optional<Merge> merge = draw_merge(candidates, from, {}, RngStream(1, {draw}));
      if (!merge) continue;
      const Texts& texts = merge->texts;
      drawn.insert(
          Drawn(merge->first, merge->second, merge->ancestor, {texts.at("a"), texts.at("b"), texts.at("c")}));
    }
    for (const Json& row : one["drawn"])
      expected.insert(Drawn(row[0].get<int>(), row[1].get<int>(), row[2].get<int>(),
                            row[3].get<std::vector<std::string>>()));
    EXPECT_EQ(drawn, expected);
    all += expected.size();
  }
  EXPECT_GT(all, 30u);
}

}  // namespace
}  // namespace pope
