// The shipped settings of self-distillation, M-GRPO and reliance, as commands on a tiny model: what a run
// leaves, that it goes on, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/run_verb.h"
#include "apps/tiny_model.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

using testing::HasSubstr;

class Relatives : public testing::Test {
 protected:
  void SetUp() override {
    write_file(dir_ / "tiny.yaml", R"(
run: {threads: 1}
source: {walks: 1, modulus: 5, count: 6}
prompt: {chat_template: plain, system: "", unguided: "{problem} :", guided: "{problem} given {guidance} :"}
verify: {kind: walks}
sampling: {max_new_tokens: 5, batch_size: 16}
train: {steps: 3, prompts_per_step: 4, save_every: 1}
)");
    write_file(dir_ / "tiny.json", test::tiny_model(1));
    run_verb({"problems", "-c", path("tiny.yaml"), "--out", path("bare.jsonl")});
    run_verb({"init", "-c", path("tiny.yaml"), path("tiny.json"), "--out", path("model")});
    std::vector<Json> problems = rows_of(path("bare.jsonl"));
    for (Json& problem : problems) {
      const auto solution = problem["solution"].get<std::string>();
      problem["guidance"] = {{"text", solution.substr(0, solution.find(' '))}};
    }
    write_jsonl(path("problems.jsonl"), problems);
  }

  std::string path(const std::string& name) const { return (dir_ / name).string(); }

  Json train(const std::string& config, const std::vector<std::string>& set = {},
             const std::string& problems = "problems.jsonl") {
    std::vector<std::string> arguments = {"train",
                                          "-c",
                                          path("tiny.yaml"),
                                          "-c",
                                          std::string(POPE_SOURCE_DIR) + "/configs/" + config + ".yaml",
                                          "--model",
                                          path("model"),
                                          "--problems",
                                          path(problems),
                                          "--out",
                                          path(config)};
    for (const std::string& setting : set) arguments.insert(arguments.end(), {"--set", setting});
    return run_verb(arguments).result;
  }

  std::vector<Json> rows(const std::string& config) const { return rows_of(dir_ / config / "metrics.jsonl"); }

  TempDir dir_;
};

TEST_F(Relatives, SelfDistillation) {
  EXPECT_EQ(train("self_distillation", {"run.dtype=bf16"})["rollouts"], 3 * 4 * 8);
  for (const Json& row : rows("self_distillation")) {
    EXPECT_GT(row["self_distillation/kl"], 0);
    EXPECT_EQ(row["self_distillation/taught"], 1);
  }
  // More steps: it goes on from its checkpoint, average included.
  EXPECT_EQ(train("self_distillation", {"run.dtype=bf16", "train.steps=5"})["steps"], 5);
}

TEST_F(Relatives, MGrpo) {
  EXPECT_EQ(train("m_grpo", {}, "bare.jsonl")["rollouts"], 3 * 4 * 32);
  for (const Json& row : rows("m_grpo")) {
    EXPECT_GE(row["vote/share"], 0);
    EXPECT_LE(row["vote/dropped"], 0.5);
  }
  EXPECT_EQ(train("m_grpo", {"train.steps=4"}, "bare.jsonl")["steps"], 4);
}

TEST_F(Relatives, Reliance) {
  EXPECT_EQ(train("reliance")["rollouts"], 3 * 4 * 8);
  for (const Json& row : rows("reliance"))
    EXPECT_EQ(row.contains("reliance/mean"), row["reward/guided"] > 0) << row.dump();
}

TEST_F(Relatives, WhatWouldNotBeUsedIsRefused) {
  const auto refused = [&](const std::string& config, const std::vector<std::string>& set,
                           const std::string& problems = "problems.jsonl") {
    return error_of([&] { train(config, set, problems); });
  };
  EXPECT_THAT(refused("self_distillation", {}, "bare.jsonl"),
              HasSubstr("expected problems with a guidance that fits into the context"));
  EXPECT_THAT(refused("self_distillation", {"lora.rank=2"}), HasSubstr("lora.rank: expected 0"));
  EXPECT_THAT(refused("self_distillation", {"prompt.guidance_in=assistant"}),
              HasSubstr("whose answers go on behind the guidance"));
  EXPECT_THAT(refused("m_grpo", {"mixture.guided=1"}), HasSubstr("mixture.guided: expected 0"));
  EXPECT_THAT(refused("m_grpo", {"objective.reward=verifier"}),
              HasSubstr("vote.momentum_rollouts: expected 0"));
  EXPECT_THAT(refused("reliance", {"vote.drop_below=0.5"}), HasSubstr("set objective.reward=majority"));
  EXPECT_THAT(refused("reliance", {"train.mode=async"}), HasSubstr("train.mode: expected sync"));
}

}  // namespace
}  // namespace pope
