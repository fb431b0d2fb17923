// What is handed to other trainers: prompts, the mixture, what is refused. The files as a whole are compared
// with goldens in tests/export/program_test.cpp.
#include "export/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <utility>

#include "core/error.h"
#include "core/temp_dir.h"
#include "data/format.h"
#include "export/reward_file.h"

namespace pope {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Problem problem_of(const std::string& id, const std::string& guidance = "") {
  Problem problem{.id = id, .statement = "Q " + id, .answer = "A " + id};
  if (!guidance.empty()) problem.guidance = Guidance{.text = guidance};
  return problem;
}

ExportJob job_of_three() {
  ExportJob job;
  job.model = "org/model";
  job.train.prompts_per_step = 4;
  job.hard = {problem_of("a", "first"), problem_of("b", "then"), problem_of("c")};
  return job;
}

std::string refusal(const std::string& format, const ExportJob& job) {
  try {
    make_export(format, job);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Export, PromptsAreTheWordingsWithoutChatTemplate) {
  ExportJob job = job_of_three();
  job.prompt.system = "Be brief.";
  job.prompt.unguided = "{problem}!";
  job.prompt.guided = "{problem} begins {guidance}.";
  job.prompt.wordings = {{"lead", {{"text", "{problem}?"}, {"guidance_in", "assistant"}}}};
  job.hard[1].guidance->instruction = "lead";
  const ExportSets sets = make_export_sets(job);
  ASSERT_EQ(sets.sets.size(), 2u);
  EXPECT_EQ(sets.sets[0].name, "unguided");
  ASSERT_EQ(sets.sets[0].rows.size(), 3u);
  EXPECT_EQ(dump(sets.sets[0].rows[0].messages),
            R"([{"role":"system","content":"Be brief."},{"role":"user","content":"Q a!"}])");
  EXPECT_EQ(sets.sets[0].rows[0].guidance, "first");
  EXPECT_FALSE(sets.sets[0].rows[0].guided);
  ASSERT_EQ(sets.sets[1].rows.size(), 2u);
  EXPECT_EQ(dump(sets.sets[1].rows[0].messages),
            R"([{"role":"system","content":"Be brief."},{"role":"user","content":"Q a begins first."}])");
  EXPECT_TRUE(sets.sets[1].rows[0].guided);
  EXPECT_EQ(
      dump(sets.sets[1].rows[1].messages),
      R"([{"role":"system","content":"Be brief."},{"role":"user","content":"Q b?"},{"role":"assistant","content":"then"}])");
}

TEST(Export, TheMixtureIsWhatTrainingDraws) {
  const ExportJob job = job_of_three();
  const ExportSets sets = make_export_sets(job);
  const Mixture mixture(job.mixture, job.hard, job.easy, job.seed);
  // Two of each set a step: three unguided problems and two guided ones take two steps.
  ASSERT_EQ(sets.mixture.size(), 8u);
  for (int step = 0; step < 2; ++step) {
    const auto draws = mixture.draw(step, 4);
    for (std::size_t i = 0; i < 4; ++i) {
      const ExportRow& row = sets.mixture[static_cast<std::size_t>(step) * 4 + i];
      EXPECT_EQ(row.set, draws[i].set->name);
      EXPECT_EQ(row.id, draws[i].problem->id);
    }
  }
}

TEST(Export, AnAnswerIsGradedByItselfAndAWalkWithItsProblem) {
  ExportJob job = job_of_three();
  EXPECT_EQ(make_export_sets(job).sets[1].rows[0].grading, R"({"gold":"A a","form":"freetext"})");
  job.verify.kind = "walks";
  job.hard[0].extra["modulus"] = 17;
  job.hard[0].guidance->instruction = "silent";  // the completion goes on from the guidance
  const ExportSets sets = make_export_sets(job);
  EXPECT_EQ(sets.sets[0].rows[0].grading,
            R"({"gold":"A a","form":"freetext","modulus":17,"problem_id":"a","problem":"Q a"})");
  EXPECT_EQ(
      sets.sets[1].rows[0].grading,
      R"({"gold":"A a","form":"freetext","modulus":17,"problem_id":"a","problem":"Q a","guidance":"first"})");
  EXPECT_THAT(sets.sets[1].rows[1].grading, Not(HasSubstr("guidance")));
}

TEST(Export, WhatATrainerCannotDoIsRefused) {
  ExportJob job = job_of_three();
  EXPECT_EQ(refusal("verl", job), "no error");
  EXPECT_EQ(refusal("trl", job), "no error");
  EXPECT_THAT(refusal("pipelinerl", job),
              HasSubstr("objective.aggregation: expected seq_sum with pope export"));
  EXPECT_EQ(refusal("prime-rl", job), "no error");
  EXPECT_EQ(refusal("jsonl", job), "no error");
  job.objective.pass_k = 2;
  for (const char* trainer : {"verl", "trl", "pipelinerl", "prime-rl"})
    EXPECT_THAT(refusal(trainer, job), HasSubstr("objective.pass_k")) << trainer;
  const std::vector<std::pair<std::string, std::function<void(ExportJob&)>>> own_methods = {
      {"objective.kind", [](ExportJob& one) { one.objective.kind = "luffy"; }},
      {"objective.context_distillation", [](ExportJob& one) { one.objective.context_distillation = true; }},
      {"objective.regularize_without_signal",
       [](ExportJob& one) { one.objective.regularize_without_signal = false; }},
      {"objective.reward", [](ExportJob& one) { one.objective.reward = "majority"; }},
      {"objective.policy_coef", [](ExportJob& one) { one.objective.policy_coef = 0.5; }},
      {"objective.self_distillation", [](ExportJob& one) { one.objective.self_distillation = 1; }},
      {"train.skip_without_signal", [](ExportJob& one) { one.train.skip_without_signal = true; }},
      {"train.guidance", [](ExportJob& one) { one.train.guidance = "adaptive"; }},
      {"lora.rank", [](ExportJob& one) { one.lora.rank = 8; }},
      {"retire.above", [](ExportJob& one) { one.retire.above = 0.9; }}};
  for (const auto& [key, change] : own_methods) {
    for (const char* trainer : {"verl", "trl", "prime-rl"}) {
      job = job_of_three();
      change(job);
      EXPECT_THAT(refusal(trainer, job), HasSubstr(key)) << trainer;
    }
  }
  job = job_of_three();
  job.objective.kind = "truncated_is";
  EXPECT_THAT(refusal("verl", job), HasSubstr("objective.kind: expected ppo_clip"));
  EXPECT_EQ(refusal("trl", job), "no error");  // cispo
  job = job_of_three();
  job.prompt.guidance_in = "assistant";
  EXPECT_THAT(refusal("trl", job), HasSubstr("prompt.guidance_in: expected user"));
  EXPECT_EQ(refusal("jsonl", job), "no error");
  job = job_of_three();
  job.model = "";
  EXPECT_THAT(refusal("verl", job), HasSubstr("paths.model"));
  EXPECT_EQ(refusal("jsonl", job), "no error");
  job = job_of_three();
  job.config.rows = "parquet";
  EXPECT_THAT(refusal("prime-rl", job), HasSubstr("export.rows: expected jsonl"));
}

TEST(Export, NumbersAreReadAsNumbersByYaml1) {
  EXPECT_EQ(config_number(1e-6), "1.0e-06");
  EXPECT_EQ(config_number(2.5e-7), "2.5e-07");
  EXPECT_EQ(config_number(0.28), "0.28");
  EXPECT_EQ(config_number(5), "5");
}

TEST(Export, WarmUpIsInOptimiserSteps) {
  ExportJob job = job_of_three();
  job.train.steps = 30, job.train.updates_per_batch = 2, job.train.epochs_per_batch = 3;
  EXPECT_EQ(optimizer_steps(job.train), 180);
  job.optimizer.warmup = 0.1;
  EXPECT_EQ(warmup_steps(job), 18);
  job.optimizer.warmup = 4;
  EXPECT_EQ(warmup_steps(job), 24);
}

TEST(Export, TheRewardTakesTheVerifiersSettingsAlong) {
  ExportJob job = job_of_three();
  EXPECT_THAT(reward_file(job), HasSubstr("ARGUMENTS = []"));
  job.verify.marker = false;
  job.verify.kind = "command";
  job.verify.command = "python3 'a \"b\".py'";
  job.sampling.max_new_tokens = 777;
  const std::string text = reward_file(job);
  EXPECT_THAT(text, HasSubstr("verify.marker=false"));
  EXPECT_THAT(text, HasSubstr("verify.kind=command"));
  EXPECT_THAT(text, HasSubstr("MAX_NEW_TOKENS = 777"));
}

// Read by our own reader; tests/parity_export.py reads it by the trainers' packages.
TEST(Export, ParquetHoldsTheSameRows) {
  ExportJob job = job_of_three();
  job.config.rows = "parquet";
  const TempDir dir;
  const ExportFiles files = make_export("verl", job);
  try {
    write_export(dir.path(), files, job.config);
  } catch (const Error& error) {
    if (std::string(error.what()).find("Arrow's libraries are not there") != std::string::npos) GTEST_SKIP();
    throw;
  }
  std::vector<Json> rows;
  open_rows(dir.path() / "mixture.parquet")
      .read({[&](Json&& row, std::size_t) { rows.push_back(std::move(row)); },
             [](std::size_t, const std::string& problem) { ADD_FAILURE() << problem; }});
  EXPECT_EQ(dump(Json(rows)), dump(Json(files.rows.at("mixture"))));
}

}  // namespace
}  // namespace pope
