// pope train with guidance that evolves, as a command: what it leaves, and what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/run_verb.h"
#include "apps/tiny_model.h"
#include "core/temp_dir.h"
#include "core/yaml.h"
#include "rollout/make_engine.h"
#include "rollout/text_engine.h"

namespace pope {
namespace {

using testing::HasSubstr;

class P2oVerb : public testing::Test {
 protected:
  void SetUp() override {
    engines()["proposing"] = [](const EngineConfig&, const EngineParts& parts) -> std::unique_ptr<Engine> {
      // A reflection model that always proposes the same word of the walks family.
      return std::make_unique<fake::TextEngine>(
          parts.tokenizer, [](const std::string&, const Request&) { return "```\nsilently\n```"; });
    };
    write_file(dir_ / "tiny.yaml", R"(
run: {threads: 1}
source: {walks: 1, modulus: 5, count: 6}
prompt: {chat_template: plain, system: "", unguided: "{problem} :"}
verify: {kind: walks}
sampling: {max_new_tokens: 4, batch_size: 16}
mixture: {guided: 0}
objective: {context_distillation: true}
train: {guidance: evolved, steps: 4, prompts_per_step: 3, rollouts_per_prompt: 2, rollouts_every: 1}
p2o: {min_hard: 2}
evolve: {budget: 30, patience: 3}
reflector: {kind: proposing}
)");
    write_file(dir_ / "tiny.json", test::tiny_model(1));
    run_verb({"problems", "-c", path("tiny.yaml"), "--out", path("problems.jsonl")});
    run_verb({"init", "-c", path("tiny.yaml"), path("tiny.json"), "--out", path("model")});
  }
  void TearDown() override { engines().erase("proposing"); }

  std::string path(const std::string& name) const { return (dir_ / name).string(); }

  Json train(const std::string& out, const std::vector<std::string>& set = {}) {
    std::vector<std::string> arguments = {"train",
                                          "-c",
                                          path("tiny.yaml"),
                                          "--model",
                                          path("model"),
                                          "--problems",
                                          path("problems.jsonl"),
                                          "--out",
                                          path(out),
                                          "--set",
                                          "evolve.reflection_model=" + kTokenizerFolder};
    for (const std::string& setting : set) arguments.insert(arguments.end(), {"--set", setting});
    return run_verb(arguments).result;
  }

  TempDir dir_;
};

TEST_F(P2oVerb, LeavesWhatEvolved) {
  const Json result = train("run");
  EXPECT_EQ(result["steps"], 4);
  EXPECT_EQ(result["final"]["p2o/epoch"], 2);
  const std::vector<Json> rows = rows_of(dir_ / "run/metrics.jsonl");
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[1]["p2o/metric_calls"], 0);
  EXPECT_GE(rows[2]["p2o/metric_calls"], 3 + 3);  // the dev set and a minibatch at least
  EXPECT_TRUE(rows[2].contains("time/evolve_s"));
  const std::vector<Json> candidates = rows_of(dir_ / "run/evolve/epoch-001/candidates.jsonl"),
                          proposals = rows_of(dir_ / "run/evolve/epoch-001/proposals.jsonl");
  ASSERT_FALSE(candidates.empty());
  EXPECT_EQ(candidates[0]["texts"]["template"], "");
  ASSERT_FALSE(proposals.empty());
  EXPECT_THAT(proposals[0]["reply"], HasSubstr("silently"));
  EXPECT_EQ(rows_of(dir_ / "run/evolve/rollouts/epoch-001.jsonl.zst").size(),
            rows[2]["p2o/rollouts"].get<std::size_t>());
  EXPECT_EQ(train("run"), result);  // complete: its result again
}

TEST_F(P2oVerb, WhatWouldNotBeUsedIsRefused) {
  const auto refused = [&](const std::vector<std::string>& set) {
    return error_of([&] { train("refused", set); });
  };
  EXPECT_THAT(refused({"mixture.guided=1"}),
              HasSubstr("expected guided=0 and easy=0 with train.guidance=evolved"));
  EXPECT_THAT(refused({"train.guidance=fixed", "objective.context_distillation=false"}),
              HasSubstr("p2o.min_hard: expected 100, its default, with train.guidance=fixed, got 2"));
  EXPECT_THAT(refused({"search.stages=2"}), HasSubstr("set train.guidance=search"));
  EXPECT_THAT(refused({"train.mode=async"}), HasSubstr("expected sync with train.guidance=evolved"));
  EXPECT_THAT(refused({"evolve.budget=2"}), HasSubstr("evolve.budget: expected at least 3"));
}

}  // namespace
}  // namespace pope
