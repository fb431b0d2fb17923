// The verbs that only sample, with an engine whose model is elsewhere: on disk there is a tokenizer, no
// config.json and no weights.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "apps/run_verb.h"
#include "core/temp_dir.h"
#include "rollout/make_engine.h"
#include "rollout/text_engine.h"

namespace pope {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Solves what is easy or shown with its first step.
std::string elsewhere(const std::string& prompt, const Request&) {
  if (prompt.find("1+1") != std::string::npos) return " So \\boxed{2}.";
  return prompt.find("Add the twos.") != std::string::npos ? " So \\boxed{4}." : " So \\boxed{5}.";
}

std::unique_ptr<Engine> make_elsewhere(const EngineConfig&, const EngineParts& parts) {
  return std::make_unique<fake::TextEngine>(parts.tokenizer, elsewhere);
}

class RemoteEngine : public testing::Test {
 protected:
  void SetUp() override {
    engines()["elsewhere"] = make_elsewhere;
    write_file(dir_ / "problems.jsonl",
               R"({"id": "hard", "problem": "2+2?", "answer": "4", )"
               R"("solution": "Add the twos.\nOne has two more than two.\nSo it is \\boxed{4}."})"
               "\n"
               R"({"id": "easy", "problem": "1+1?", "answer": "2"})"
               "\n");
  }
  void TearDown() override { engines().erase("elsewhere"); }
  Json run(const std::string& verb, const std::string& problems, const std::string& engine,
           const std::vector<std::string>& settings) const {
    std::vector<std::string> arguments = {verb,
                                          "--model",
                                          kTokenizerFolder,
                                          "--problems",
                                          (dir_ / problems).string(),
                                          "--out",
                                          (dir_ / verb).string(),
                                          "--set",
                                          "engine.kind=" + engine};
    for (const std::string& setting : settings) {
      arguments.push_back("--set");
      arguments.push_back(setting);
    }
    return run_verb(arguments).result;
  }
  TempDir dir_;
};

TEST_F(RemoteEngine, MineGuideCollectAndEvalNeedATokenizerOnly) {
  ASSERT_FALSE(std::filesystem::exists(kTokenizerFolder + "/config.json"));
  const Json mined = run("mine", "problems.jsonl", "elsewhere", {"mine.samples=4", "mine.pass_at=[1]"});
  EXPECT_EQ(mined["sets"]["hard"], 1);
  EXPECT_GT(mined["tokens"], 0);
  EXPECT_EQ(rows_of(dir_ / "mine/hard.jsonl").at(0)["id"], "hard");

  const Json guided = run("guide", "mine/hard.jsonl", "elsewhere", {"guide.samples=2"});
  EXPECT_EQ(guided["found"], 1);
  const Json row = rows_of(dir_ / "guide/guided.jsonl").at(0);
  EXPECT_EQ(row["guidance"]["text"], "Add the twos.");
  EXPECT_EQ(row["guidance"]["correct"], 2);

  const Json collected = run("collect", "guide/guided.jsonl", "elsewhere", {"collect.samples=2"});
  EXPECT_EQ(collected["traces"], 1);
  EXPECT_EQ(rows_of(dir_ / "collect/collected.jsonl").at(0)["solution"], "Add the twos. So \\boxed{4}.");

  const Json evaluated =
      run("eval", "guide/guided.jsonl", "elsewhere", {"eval.samples=2", "eval.pass_at=[1]"});
  ASSERT_EQ(evaluated["sets"].size(), 2u);
  EXPECT_EQ(evaluated["sets"][0]["pass"][0]["value"], 0.0);  // unguided
  EXPECT_EQ(evaluated["sets"][1]["pass"][0]["value"], 1.0);
}

// A wording of one's own in the same flow: named by the settings, or by the problem file.
TEST_F(RemoteEngine, AWordingOfOnesOwnIsShown) {
  const std::string wordings =
      "prompt.wordings={hint: {text: \"{problem} Hint {guidance}\"}, lead: {text: \"{problem}\", "
      "guidance_in: "
      "assistant}}";
  write_file(dir_ / "guided.jsonl",
             R"({"id": "a", "problem": "2+2?", "answer": "4", "guidance": {"text": "Add the twos."}})"
             "\n"
             R"({"id": "b", "problem": "2+2?", "answer": "4", "guidance": {"text": "Add the twos.", )"
             R"("instruction": "lead"}})"
             "\n");
  const auto shown = [&](const std::string& id) {
    return run_verb({"prompt", id, "--model", kTokenizerFolder, "--problems",
                     (dir_ / "guided.jsonl").string(), "--set", wordings, "--set", "prompt.instruction=hint"})
        .result;
  };
  const Json hint = shown("a");
  EXPECT_EQ(hint["prompts"][1]["wording"], "hint");
  EXPECT_EQ(hint["prompts"][1]["guidance_in"], "user");
  EXPECT_THAT(hint["prompts"][1]["text"].get<std::string>(), HasSubstr("2+2? Hint Add the twos.<|im_end|>"));
  EXPECT_EQ(hint["wordings"], Json({"default", "hint", "lead", "silent"}));
  const Json lead = shown("b");
  EXPECT_EQ(lead["prompts"][1]["guidance_in"], "assistant");
  EXPECT_THAT(lead["prompts"][1]["text"].get<std::string>(),
              HasSubstr("\n2+2?<|im_end|>\n<|im_start|>assistant\nAdd the twos."));

  const Json evaluated = run("eval", "guided.jsonl", "elsewhere",
                             {"eval.samples=2", "eval.pass_at=[1]", wordings, "prompt.instruction=hint"});
  EXPECT_EQ(evaluated["sets"][1]["pass"][0]["value"], 1.0);
  // Without the settings the file names a wording that there is not.
  EXPECT_THAT(error_of([&] { run("collect", "guided.jsonl", "elsewhere", {}); }),
              HasSubstr("field \"instruction\": expected \"default\", \"silent\" or \"\", got \"lead\""));
}

// Guidance that states the answer is left out where guidance is shown; mining shows none, and passes it on.
TEST_F(RemoteEngine, GuidanceIsGuardedWhereItIsShown) {
  write_file(dir_ / "leaky.jsonl",
             R"({"id": "a", "problem": "2+2?", "answer": "4", "guidance": {"text": "It is 4."}})"
             "\n");
  const Json mined = run("mine", "leaky.jsonl", "elsewhere", {"mine.samples=2", "mine.pass_at=[1]"});
  EXPECT_FALSE(mined.contains("leaks"));
  EXPECT_EQ(rows_of(dir_ / "mine/hard.jsonl").at(0)["guidance"]["text"], "It is 4.");
  EXPECT_EQ(run("collect", "leaky.jsonl", "elsewhere", {"collect.samples=2"})["leaks"], 1);
  EXPECT_EQ(run("eval", "leaky.jsonl", "elsewhere", {"eval.samples=2", "eval.pass_at=[1]"})["leaks"], 1);
}

// Whichever verb asks it: the run ends, and goes on when the grader is mended.
TEST_F(RemoteEngine, AGraderThatDiesIsNoticed) {
  std::string problems, guided, rows;
  for (int i = 0; i < 8; ++i) {
    Json problem = {{"id", "p" + std::to_string(i)},
                    {"problem", "2+2?"},
                    {"answer", "4"},
                    {"solution", "Add the twos.\nOne has two more than two.\nSo it is \\boxed{4}."}};
    problems += dump(problem) + "\n";
    problem["guidance"] = {{"text", "Add the twos."}};
    guided += dump(problem) + "\n";
    for (int k = 0; k < 16; ++k) rows += dump({{"gold", "4"}, {"pred", "\\boxed{4}"}}) + "\n";
  }
  write_file(dir_ / "problems.jsonl", problems);
  write_file(dir_ / "guided.jsonl", guided);
  write_file(dir_ / "rows.jsonl", rows);
  const auto grader = [&](const std::string& verb, int most) {
    return std::vector<std::string>{"verify.kind=command", "verify.workers=2",
                                    "verify.command=exec sh " POPE_SOURCE_DIR
                                    "/tests/apps/mortal_grader.sh " +
                                        (dir_ / (verb + ".count")).string() + " " + std::to_string(most)};
  };
  const auto verbs = {std::tuple("mine", "problems.jsonl", "mine.samples=16"),
                      std::tuple("guide", "problems.jsonl", "guide.samples=16"),
                      std::tuple("collect", "guided.jsonl", "collect.samples=16"),
                      std::tuple("eval", "guided.jsonl", "eval.samples=16")};
  for (const auto& [verb, file, samples] : verbs) {
    std::vector<std::string> settings = grader(verb, 40);
    settings.emplace_back(samples);
    EXPECT_THAT(
        error_of([&, verb = verb, file = file] { run(verb, file, "elsewhere", settings); }),
        AllOf(HasSubstr("[grade] the last "),
              HasSubstr("completions could not be judged: undecided: the grader ended without an answer")))
        << verb;
    EXPECT_FALSE(std::filesystem::exists(dir_ / verb / "result.json")) << verb;
    // Only what was judged is kept.
    const std::filesystem::path records = dir_ / verb / "rollouts";
    if (!std::filesystem::exists(records)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(records)) {
      const std::vector<Json> kept = rows_of(entry.path());
      EXPECT_LE(
          std::count_if(kept.begin(), kept.end(), [](const Json& row) { return row["ungraded"] == true; }),
          16)
          << verb;
    }
  }
  std::vector<std::string> arguments = {"verify", (dir_ / "rows.jsonl").string(), "--form", "response"};
  for (const std::string& setting : grader("verify", 40))
    arguments.insert(arguments.end(), {"--set", setting});
  EXPECT_THAT(error_of([&] { run_verb(arguments); }), HasSubstr("[grade] the last "));
}

TEST_F(RemoteEngine, TheNativeEngineLoadsTheWeights) {
  EXPECT_THAT(error_of([&] { run("mine", "problems.jsonl", "native", {}); }), HasSubstr("no config.json"));
}

}  // namespace
}  // namespace pope
