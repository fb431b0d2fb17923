// pope evolve as a command, with an engine that does what the template tells it: what it leaves, that it goes
// on after a kill, and what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/run_verb.h"
#include "core/temp_dir.h"
#include "rollout/make_engine.h"
#include "rollout/text_engine.h"

namespace pope {
namespace {

using testing::AllOf;
using testing::HasSubstr;

int sampled = 0;         // rollouts of all engines
int failing_after = -1;  // the rollout at which the engine breaks down; -1: never

// Answers 2 where it is told to add, 3 elsewhere; as reflection model it proposes just that.
std::string obedient(const std::string& prompt, const Request&) {
  if (sampled == failing_after) throw Error("sample", "the machine is gone");
  ++sampled;
  if (prompt.find("A model works with an instruction text") != std::string::npos)
    return "So:\n```\nAdd the numbers.\n```";
  return prompt.find("Add the numbers.") != std::string::npos ? "\\boxed{2}" : "\\boxed{3}";
}

class EvolveVerb : public testing::Test {
 protected:
  void SetUp() override {
    sampled = 0;
    failing_after = -1;
    engines()["obedient"] = [](const EngineConfig&, const EngineParts& parts) -> std::unique_ptr<Engine> {
      return std::make_unique<fake::TextEngine>(parts.tokenizer, obedient);
    };
    std::string rows;
    for (int i = 0; i < 8; ++i)
      rows += dump({{"id", "p" + std::to_string(i)},
                    {"problem", "1+1 (" + std::to_string(i) + ")"},
                    {"answer", "2"}}) +
              "\n";
    write_file(dir_ / "problems.jsonl", rows);
  }
  void TearDown() override { engines().erase("obedient"); }

  Json run(const std::string& verb, const std::string& out, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {verb, "--model", kTokenizerFolder, "--out", (dir_ / out).string()};
    for (const char* setting : {"engine.kind=obedient", "sampling.max_new_tokens=100"})
      arguments.insert(arguments.end(), {"--set", setting});
    if (verb == "evolve")
      arguments.insert(arguments.end(),
                       {"--problems", (dir_ / "problems.jsonl").string(), "--set", "evolve.budget=60"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    Ran ran = run_verb(arguments);
    shown_ = ran.shown;
    return ran.result;
  }

  TempDir dir_;
  std::string shown_;
};

TEST_F(EvolveVerb, LeavesCandidatesProposalsAndSettingsThatUseTheBest) {
  const Json result = run("evolve", "whole");
  EXPECT_EQ(result["ended"], "perfect");
  EXPECT_EQ(result["problems"], 8);
  EXPECT_EQ(result["dev"], 4);
  EXPECT_EQ(result["best_texts"]["template"], "Add the numbers.");
  EXPECT_EQ(result["seed_mean"], 0);
  EXPECT_EQ(result["best_mean"], 1);
  EXPECT_EQ(result["cover"], Json::array({1}));
  EXPECT_EQ(result["metric_calls"], 4 + 3 + 3 + 4);
  EXPECT_EQ(sampled, 4 + 3 + 3 + 4 + 1);
  EXPECT_GT(result["rollout_tokens"], 0);
  EXPECT_GT(result["reflection_prompt_tokens"], 100);
  const std::vector<Json> candidates = rows_of(dir_ / "whole/candidates.jsonl");
  ASSERT_EQ(candidates.size(), 2u);
  EXPECT_EQ(candidates[0]["texts"]["template"], "");
  EXPECT_EQ(candidates[1]["parents"], Json::array({0}));
  EXPECT_EQ(candidates[1]["scores"].size(), 4u);
  const std::vector<Json> proposals = rows_of(dir_ / "whole/proposals.jsonl");
  ASSERT_EQ(proposals.size(), 1u);
  EXPECT_EQ(proposals[0]["outcome"], "accepted");
  EXPECT_EQ(proposals[0]["reply"], "So:\n```\nAdd the numbers.\n```");
  EXPECT_EQ(rows_of(dir_ / "whole/rollouts/evolved.jsonl.zst").size(), 14u);
  EXPECT_THAT(shown_,
              AllOf(HasSubstr("Candidates: 2, after 1 iterations"), HasSubstr("the dev set is solved"),
                    HasSubstr("14 of 60 metric calls"), HasSubstr("best.yaml")));

  const std::vector<std::string> with_set = {"--eval-set", "all=" + (dir_ / "problems.jsonl").string(),
                                             "--set",      "eval.samples=1",
                                             "--set",      "eval.pass_at=[1]"};
  std::vector<std::string> with_best = with_set;
  with_best.insert(with_best.end(), {"-c", (dir_ / "whole/best.yaml").string()});
  EXPECT_EQ(run("eval", "plain", with_set)["sets"][0]["pass"][0]["value"], 0);
  EXPECT_EQ(run("eval", "best", with_best)["sets"][0]["pass"][0]["value"], 1);
}

TEST_F(EvolveVerb, GoesOnWhereTheEngineBrokeDown) {
  const Json whole = run("evolve", "whole");
  sampled = 0;
  for (failing_after = 1; failing_after < 12; failing_after += 3)
    EXPECT_THAT(error_of([&] { run("evolve", "broken"); }), HasSubstr("the machine is gone"));
  failing_after = -1;
  Json resumed = run("evolve", "broken");
  EXPECT_EQ(sampled, 15);  // nothing twice
  for (const char* file : {"candidates.jsonl", "proposals.jsonl", "best.yaml"})
    EXPECT_EQ(read_file(dir_ / "whole" / file), read_file(dir_ / "broken" / file)) << file;
  EXPECT_EQ(rows_of(dir_ / "broken/rollouts/evolved.jsonl.zst").size(), 14u);
  resumed.erase("failures");
  for (const auto& [key, value] : resumed.items()) {
    if (key != "seconds" && key != "out" && key != "peak_memory_bytes") {
      EXPECT_EQ(value, whole[key]) << key;
    }
  }
  EXPECT_EQ(run("evolve", "broken")["metric_calls"], 14);  // complete: its result again
  EXPECT_EQ(sampled, 15);
}

TEST_F(EvolveVerb, ADamagedFileIsNamedAndCanBeMended) {
  failing_after = 9;
  error_of([&] { run("evolve", "run"); });
  failing_after = -1;
  const std::filesystem::path kept = dir_ / "run/evolved.partial.jsonl";
  const std::string content = read_file(kept);
  const std::size_t third = content.find('\n', content.find('\n') + 1) + 1;
  std::string damaged = content;
  damaged[third] = '#';
  write_file(kept, damaged);
  EXPECT_THAT(error_of([&] { run("evolve", "run"); }), HasSubstr("evolved.partial.jsonl:3"));
  // Without that line and those after it; torn at the end, as by a kill. The candidates are made again.
  write_file(kept, content.substr(0, third) + "{\"item\": torn");
  write_file(dir_ / "run/candidates.jsonl", "garbage\n");
  EXPECT_EQ(run("evolve", "run")["ended"], "perfect");
  EXPECT_EQ(rows_of(dir_ / "run/candidates.jsonl").size(), 2u);
}

TEST_F(EvolveVerb, AModelOfItsOwnReflects) {
  const std::vector<std::string> own = {"--set", "evolve.reflection_model=" + kTokenizerFolder, "--set",
                                        "reflector.kind=obedient"};
  EXPECT_EQ(run("evolve", "own", own)["best_mean"], 1);
  EXPECT_THAT(error_of([&] {
                run("evolve", "x", {"--set", "reflector.kind=obedient"});
              }),
              HasSubstr("evolve.reflection_model: expected the model"));
  EXPECT_THAT(error_of([&] {
                run("evolve", "y", {"--set", "evolve.budget=3"});
              }),
              HasSubstr("evolve.budget: expected at least 4"));
  EXPECT_THAT(error_of([&] {
                run("evolve", "z", {"--set", "sampling.temperature=0", "--set", "evolve.samples=2"});
              }),
              HasSubstr("evolve.samples"));
}

TEST_F(EvolveVerb, AListOfTextsProposes) {
  write_file(dir_ / "texts.txt", "Multiply the numbers.\nAdd the numbers.\n");
  const Json result =
      run("evolve", "list", {"--set", "evolve.reflection_model=" + (dir_ / "texts.txt").string()});
  EXPECT_EQ(result["best_texts"]["template"], "Add the numbers.");
  EXPECT_EQ(result["best_mean"], 1);
  EXPECT_EQ(sampled, result["metric_calls"]);  // no model reflects
  EXPECT_THAT(error_of([&] {
                run("evolve", "none", {"--set", "evolve.reflection_model=" + (dir_ / "gone.txt").string()});
              }),
              HasSubstr("gone.txt"));
}

}  // namespace
}  // namespace pope
