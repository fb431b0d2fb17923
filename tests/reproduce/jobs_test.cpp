// Running jobs with a shell script in the place of pope: order, completeness, failure, changed settings.
#include "reproduce/jobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/files.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

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
  const auto jobs = jobs_of(kSteps, {4, 7}, "out", {"run.threads=1"});
  ASSERT_EQ(jobs.size(), 8u);
  EXPECT_EQ(jobs[6].name, "seed-7/mine-easy");
  EXPECT_THAT(jobs[0].command, ElementsAre("problems", "-c", "c.yaml", "--set", "run.threads=1", "--seed",
                                           "4", "--out", "out/seed-4/pool.jsonl"));
  EXPECT_THAT(jobs[6].command,
              Contains("paths.eval_sets=[a=out/seed-7/mine/hard.jsonl, b=out/seed-7/pool.jsonl]"));
  EXPECT_THAT(jobs[7].command, Contains("paths.model=out/seed-7/mine-easy/model"));
  EXPECT_THAT(jobs[1].command, Contains("prompt.guided=mail @pool"));  // no path, no reference
  EXPECT_THAT(jobs[7].command, Contains("X"));                         // the label
  EXPECT_THAT(jobs[6].after, ElementsAre(5, 4));
  EXPECT_FALSE(jobs[0].run_directory);
}

TEST(Jobs, RunOnceInOrder) {
  TempDir dir;
  const auto jobs = jobs_of(steps_of(dir), {1}, dir / "out", {});
  const auto program = fake_program(dir);
  double most = 0, all = 0;
  for (const Job& job : jobs) all += job.weight;
  run_jobs(program, jobs, 3, [&](double complete, const std::string&) { most = complete; });
  EXPECT_EQ(read_file(dir / "log"), "problems\nmine\nmine\neval\n");
  EXPECT_EQ(most, all);
  std::filesystem::remove(dir / "out/seed-1/mine-easy/result.json");  // as a kill would leave it
  run_jobs(program, jobs, 3, kNoProgress);
  EXPECT_EQ(read_file(dir / "log"), "problems\nmine\nmine\neval\nmine\n");
}

TEST(Jobs, AFailureStopsWhatFollowsAndShowsTheLog) {
  TempDir dir;
  const auto jobs = jobs_of(steps_of(dir), {1}, dir / "out", {});
  const auto program = fake_program(dir, "if [ \"$1\" = mine ]; then echo 'error: no luck' >&2; exit 1; fi");
  EXPECT_THAT(error_of([&] { run_jobs(program, jobs, 1, kNoProgress); }),
              testing::AllOf(HasSubstr("seed-1/mine failed"), HasSubstr("error: no luck")));
  EXPECT_THAT(read_file(dir / "log"), Not(HasSubstr("eval")));
}

TEST(Jobs, OtherSettingsAreRefused) {
  TempDir dir;
  const auto program = fake_program(dir);
  run_jobs(program, jobs_of(steps_of(dir), {1}, dir / "out", {}), 1, kNoProgress);
  EXPECT_THAT(error_of([&] {
                run_jobs(program, jobs_of(steps_of(dir), {1}, dir / "out", {"run.threads=2"}), 1,
                         kNoProgress);
              }),
              HasSubstr("was begun with other settings"));
}

TEST(Jobs, AChangedConfigFileIsRefused) {
  TempDir dir;
  const auto program = fake_program(dir);
  const auto jobs = jobs_of(steps_of(dir), {1}, dir / "out", {});
  run_jobs(program, jobs, 1, kNoProgress);
  run_jobs(program, jobs, 1, kNoProgress);
  write_file(dir / "c.yaml", "seed: 2\n");
  EXPECT_THAT(error_of([&] { run_jobs(program, jobs, 1, kNoProgress); }),
              testing::AllOf(HasSubstr("seed-1/pool was begun with other settings"), HasSubstr("c.yaml")));
}

TEST(Jobs, WhatHasNotBegunMayStillChange) {
  TempDir dir;
  const auto program = fake_program(dir, "if [ \"$1\" = mine ]; then exit 1; fi");
  std::vector<Step> steps = steps_of(dir);
  EXPECT_NE(error_of([&] { run_jobs(program, jobs_of(steps, {1}, dir / "out", {}), 1, kNoProgress); }), "");
  steps.back().label = "Y";  // eval was never reached
  run_jobs(fake_program(dir), jobs_of(steps, {1}, dir / "out", {}), 1, kNoProgress);
  EXPECT_THAT(read_file(dir / "out/seed-1/eval-x.command"), HasSubstr("--label Y"));
}

}  // namespace
}  // namespace pope
