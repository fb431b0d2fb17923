// Running jobs with a shell script in the place of pope: order, completeness, failure, changed settings.
#include "reproduce/jobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "core/files.h"
#include "core/interrupt.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<Step> kSteps = {
    {"pool", "problems", "", "", "pool.jsonl", {"c.yaml"}, {}},
    {"mine", "mine", "", "", "mine", {}, {{"paths.problems", "@pool"}, {"prompt.guided", "mail @pool"}}},
    {"mine-easy", "mine", "", "", "mine-easy", {}, {{"paths.eval_sets", "[a=@mine/hard.jsonl, b=@pool]"}}},
    {"eval-x", "eval", "X", "", "eval-x", {}, {{"paths.model", "@mine-easy/model"}}}};

// The steps with a config file that is there.
std::vector<Step> steps_of(const TempDir& dir) {
  write_file(dir / "c.yaml", "seed: 1\n");
  std::vector<Step> steps = kSteps;
  steps.front().config = {(dir / "c.yaml").string()};
  return steps;
}

std::vector<Job> jobs_of(const std::vector<Step>& steps, const Runs& runs) {
  std::vector<Job> jobs;
  for (const std::uint64_t base : runs.bases) add_jobs(jobs, steps, runs, base);
  return jobs;
}

const auto kNoProgress = [](double, const std::string&) {};

// A program that appends its verb to `log` and then leaves what the verb would: its last argument is --out's.
std::filesystem::path fake_program(const TempDir& dir, const std::string& before = "") {
  const auto path = dir / "fake";
  write_file(path, "#!/bin/sh\nfor out; do :; done\necho \"$1\" >>" + (dir / "log").string() + "\n" + before +
                       "\nif [ \"$1\" = problems ]; then echo {} >\"$out\"; else mkdir -p \"$out\"; echo {} "
                       ">\"$out/result.json\"; fi\n");
  chmod(path.c_str(), 0755);
  return path;
}

TEST(Jobs, NameOutputsAndOrder) {
  const auto jobs = jobs_of(kSteps, {"out", {4, 7}, 1, {"run.threads=1"}});
  ASSERT_EQ(jobs.size(), 8u);
  EXPECT_EQ(jobs[6].name, "base-7/mine-easy");
  EXPECT_THAT(jobs[0].command,
              ElementsAre("problems", "-c", "c.yaml", "--seed", "4", "--out", "out/base-4/pool.jsonl"));
  EXPECT_THAT(jobs[2].command, Contains("run.threads=1"));
  EXPECT_THAT(jobs[6].command,
              Contains("paths.eval_sets=[a=out/base-7/mine/hard.jsonl, b=out/base-7/pool.jsonl]"));
  EXPECT_THAT(jobs[7].command, Contains("paths.model=out/base-7/mine-easy/model"));
  EXPECT_THAT(jobs[1].command, Contains("prompt.guided=mail @pool"));  // no path, no reference
  EXPECT_THAT(jobs[7].command, Contains("X"));                         // the label
  EXPECT_THAT(jobs[6].after, ElementsAre(5, 4));
  EXPECT_FALSE(jobs[0].run_directory);
}

TEST(Jobs, RunOnceInOrder) {
  TempDir dir;
  const auto jobs = jobs_of(steps_of(dir), {dir / "out", {1}});
  const auto program = fake_program(dir);
  double most = 0, all = 0;
  for (const Job& job : jobs) all += job.weight;
  run_jobs(program, jobs, 3, [&](double complete, const std::string&) { most = complete; });
  EXPECT_EQ(read_file(dir / "log"), "problems\nmine\nmine\neval\n");
  EXPECT_EQ(most, all);
  std::filesystem::remove(dir / "out/base-1/mine-easy/result.json");  // as a kill would leave it
  run_jobs(program, jobs, 3, kNoProgress);
  EXPECT_EQ(read_file(dir / "log"), "problems\nmine\nmine\neval\nmine\n");
}

// The request is passed on to what runs, which may save what it has.
TEST(Jobs, AreStoppedByRequest) {
  TempDir dir;
  const auto jobs = jobs_of(steps_of(dir), {dir / "out", {1}});
  const std::string started = dir / "started", saved = dir / "saved";
  const auto program =
      fake_program(dir, "if [ \"$1\" = mine ]; then trap 'echo saved >>" + saved +
                            "; exit 143' TERM; echo >" + started + "; while :; do sleep 0.02; done; fi");
  const CatchInterrupts catch_interrupts;
  EXPECT_THROW(run_jobs(program, jobs, 1,
                        [&](double, const std::string& running) {
                          if (running != "base-1/mine") return;
                          while (!std::filesystem::exists(started))
                            std::this_thread::sleep_for(std::chrono::milliseconds(20));
                          std::raise(SIGTERM);
                        }),
               Interrupted);
  EXPECT_EQ(read_file(saved), "saved\n");
  EXPECT_EQ(read_file(dir / "log"), "problems\nmine\n");
}

bool signals_child = false;  // once, right after the fork

// The child has its parent's handlers until it is another program.
TEST(Jobs, AreStoppedBeforeTheyHaveBegun) {
  static const int registered = pthread_atfork(nullptr, nullptr, [] {
    if (signals_child) kill(getpid(), SIGTERM);
  });
  ASSERT_EQ(registered, 0);
  TempDir dir;
  const auto jobs = jobs_of(steps_of(dir), {dir / "out", {1}});
  const CatchInterrupts catch_interrupts;
  signals_child = true;
  const Outcome outcome = run_jobs(fake_program(dir), jobs, 1, kNoProgress);
  signals_child = false;
  ASSERT_EQ(outcome.failures.size(), 1u);
  EXPECT_EQ(outcome.failures[0].job, "base-1/pool");
  EXPECT_FALSE(std::filesystem::exists(dir / "log"));  // it never ran
}

TEST(Jobs, AFailureIsNamedAndTheOthersGoOn) {
  TempDir dir;
  const auto jobs = jobs_of(steps_of(dir), {dir / "out", {1, 2}});
  const auto program =
      fake_program(dir, "case $out in */base-1/mine) echo 'error: no luck' >&2; exit 1;; esac");
  const Outcome outcome = run_jobs(program, jobs, 1, kNoProgress);
  ASSERT_EQ(outcome.failures.size(), 1u);
  EXPECT_EQ(outcome.failures[0].job, "base-1/mine");
  EXPECT_EQ(outcome.failures[0].log, "error: no luck\n");
  // What reads its output, at second hand too.
  EXPECT_THAT(outcome.skipped, ElementsAre("base-1/mine-easy", "base-1/eval-x"));
  EXPECT_THAT(read_file(dir / "log"), HasSubstr("eval"));  // the other base's
  EXPECT_TRUE(jobs.back().complete());
  // Mended, it goes on where it was.
  const Outcome mended = run_jobs(fake_program(dir), jobs, 1, kNoProgress);
  EXPECT_TRUE(mended.failures.empty() && mended.skipped.empty());
  EXPECT_TRUE(jobs[3].complete());
}

// Arms: seeds of training and evaluation, folders, and what "@" means.
TEST(Jobs, RlSeedsWithinABase) {
  const std::vector<std::pair<std::string, std::string>> from_sft = {{"paths.model", "@sft/model"},
                                                                     {"paths.problems", "@pool"}};
  const std::vector<Step> steps = {
      {"pool", "problems", "", "", "pool.jsonl", {}, {}},
      {"sft", "sft", "SFT", "", "sft", {}, {}, "sft", true},
      {"once", "train", "Once", "", "once", {}, from_sft, "once", false},
      {"rl", "train", "RL", "", "rl", {}, from_sft, "rl", true},
      {"eval-rl", "eval", "RL", "", "eval-rl", {}, {{"paths.model", "@rl/model"}}, "rl", true},
      {"late", "train", "Late", "", "late", {}, {{"paths.model", "@once/model"}}, "late", true}};
  const auto jobs = jobs_of(steps, {"out", {7}, 2});
  std::vector<std::string> names;
  for (const Job& job : jobs) names.push_back(job.name);
  EXPECT_THAT(names, ElementsAre("base-7/pool", "base-7/rl-1/sft", "base-7/rl-2/sft", "base-7/rl-1/once",
                                 "base-7/rl-1/rl", "base-7/rl-2/rl", "base-7/rl-1/eval-rl",
                                 "base-7/rl-2/eval-rl", "base-7/rl-1/late", "base-7/rl-2/late"));
  EXPECT_THAT(jobs[5].command, ElementsAre("train", "--set", "paths.model=out/base-7/rl-2/sft/model", "--set",
                                           "paths.problems=out/base-7/pool.jsonl", "--seed", "7002",
                                           "--label", "RL", "--out", "out/base-7/rl-2/rl"));
  EXPECT_THAT(jobs[7].command, ElementsAre("eval", "--set", "paths.model=out/base-7/rl-2/rl/model", "--seed",
                                           "7", "--label", "RL", "--out", "out/base-7/rl-2/eval-rl"));
  EXPECT_THAT(jobs[3].command, Contains("paths.model=out/base-7/rl-1/sft/model"));
  // Of an arm that has one RL seed alone, that one.
  EXPECT_THAT(jobs[9].command, Contains("paths.model=out/base-7/rl-1/once/model"));
  EXPECT_THAT(jobs[9].after, ElementsAre(3));
  EXPECT_THAT(jobs[5].after, ElementsAre(0, 2));
}

TEST(Jobs, AStepThatStandsForAnother) {
  const std::vector<Step> steps = {
      {"base", "sft", "", "", "base", {}, {}, "", false, true},
      {"more", "sft", "", "", "more", {}, {{"paths.model", "@base/model"}}, "", false, true},
      {"mine", "mine", "", "", "mine", {}, {{"paths.model", "@base/model"}}}};
  std::vector<Job> jobs;
  add_jobs(jobs, steps, {"out", {1}}, 1, {{"base", "more"}});
  EXPECT_THAT(jobs[1].command, Contains("paths.model=out/base-1/base/model"));
  EXPECT_THAT(jobs[2].command, Contains("paths.model=out/base-1/more/model"));
  EXPECT_THAT(jobs[2].after, ElementsAre(1));
}

TEST(Jobs, OtherSettingsAreRefused) {
  TempDir dir;
  const auto program = fake_program(dir);
  run_jobs(program, jobs_of(steps_of(dir), {dir / "out", {1}}), 1, kNoProgress);
  EXPECT_THAT(
      error_of([&] {
        run_jobs(program, jobs_of(steps_of(dir), {dir / "out", {1}, 1, {"run.threads=2"}}), 1, kNoProgress);
      }),
      HasSubstr("was begun with other settings"));
}

TEST(Jobs, AChangedConfigFileIsRefused) {
  TempDir dir;
  const auto program = fake_program(dir);
  const auto jobs = jobs_of(steps_of(dir), {dir / "out", {1}});
  run_jobs(program, jobs, 1, kNoProgress);
  run_jobs(program, jobs, 1, kNoProgress);
  write_file(dir / "c.yaml", "seed: 2\n");
  EXPECT_THAT(error_of([&] { run_jobs(program, jobs, 1, kNoProgress); }),
              testing::AllOf(HasSubstr("base-1/pool was begun with other settings"), HasSubstr("c.yaml")));
}

TEST(Jobs, WhatHasNotBegunMayStillChange) {
  TempDir dir;
  const auto program = fake_program(dir, "if [ \"$1\" = mine ]; then exit 1; fi");
  std::vector<Step> steps = steps_of(dir);
  EXPECT_EQ(run_jobs(program, jobs_of(steps, {dir / "out", {1}}), 1, kNoProgress).failures.size(), 1u);
  steps.back().label = "Y";  // eval was never reached
  run_jobs(fake_program(dir), jobs_of(steps, {dir / "out", {1}}), 1, kNoProgress);
  EXPECT_THAT(read_file(dir / "out/base-1/eval-x.command"), HasSubstr("--label Y"));
}

}  // namespace
}  // namespace pope
