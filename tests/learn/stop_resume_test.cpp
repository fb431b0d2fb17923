// Stopping a training run by request, and taking it up again: what was done is saved, and what is left is
// that of an unbroken run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/temp_dir.h"
#include "learn/bandit.h"
#include "learn/sft.h"

namespace pope {
namespace {

using test::says_yes;
using testing::AllOf;
using testing::HasSubstr;
using World = test::BanditWorld;

// A step grades 32 rollouts at most, an evaluation more than 16.
void set_up(World& world) {
  world.job.config.save_every = 100;
  world.job.config.eval_every = 3;
  world.job.config.eval_samples = 8;
  world.job.eval_sets = {{"held", world.job.hard}};
}

// How many rows there are.
std::size_t rows_of(const std::filesystem::path& run) {
  return std::filesystem::exists(run / "metrics.jsonl") ? test::metrics_of(run).size() : 0;
}

// A judge that is told to stop in the middle of the `call`th rollout that it sees while the run has `rows`
// rows. How many it sees in a step hangs on what is sampled.
test::FakeVerifier::Judge stopping_at(const std::filesystem::path& run, std::size_t rows, int call = 2) {
  return [=, calls = std::make_shared<std::atomic<int>>(0)](const Problem& p, std::string_view completion) {
    if (rows_of(run) >= rows && ++*calls == call) std::raise(SIGTERM);
    return says_yes(p, completion);
  };
}

std::string stopped(World& world, const std::filesystem::path& run) {
  const CatchInterrupts catch_interrupts;
  try {
    world.train(run);
  } catch (const Interrupted& interrupted) {
    return interrupted.what();
  }
  return "not stopped";
}

void expect_same_run(const std::filesystem::path& a, const std::filesystem::path& b, std::size_t rows) {
  EXPECT_EQ(test::metrics_of(a).size(), rows);
  test::expect_same_run(a, b);
}

TEST(StopResume, AStepThatSamplesIsDropped) {
  TempDir dir;
  World unbroken;
  set_up(unbroken);
  unbroken.train(dir / "whole");

  World broken(stopping_at(dir / "run", 3));
  set_up(broken);
  EXPECT_EQ(stopped(broken, dir / "run"), "stopped after step 2; give the same command to go on");
  EXPECT_TRUE(std::filesystem::exists(dir / "run/checkpoints/step-000002"));
  World resumed;
  set_up(resumed);
  resumed.train(dir / "run");
  expect_same_run(dir / "whole", dir / "run", 7);
}

// The weights are those of step 3, its evaluation is not there yet.
TEST(StopResume, AStepThatIsEvaluatedIsKept) {
  TempDir dir;
  World unbroken;
  set_up(unbroken);
  unbroken.train(dir / "whole");

  World broken(stopping_at(dir / "run", 3, 33));  // step 3 was sampled
  set_up(broken);
  EXPECT_EQ(stopped(broken, dir / "run"), "stopped after step 3; give the same command to go on");
  EXPECT_EQ(test::metrics_of(dir / "run").size(), 3u);  // steps 0 to 2
  World again(stopping_at(dir / "run", 3));
  set_up(again);
  EXPECT_EQ(stopped(again, dir / "run"), "stopped after step 3; give the same command to go on");
  // Killed after the row, before the next checkpoint.
  World killed([&](const Problem& p, std::string_view completion) {
    if (rows_of(dir / "run") == 5) throw Error("test", "killed");
    return says_yes(p, completion);
  });
  set_up(killed);
  EXPECT_THROW(killed.train(dir / "run"), Error);
  EXPECT_EQ(test::metrics_of(dir / "run").size(), 5u);
  World resumed;
  set_up(resumed);
  resumed.train(dir / "run");
  expect_same_run(dir / "whole", dir / "run", 7);
}

TEST(StopResume, BeforeTheFirstStepNothingIsSaved) {
  TempDir dir;
  World broken(stopping_at(dir / "run", 0));
  EXPECT_EQ(stopped(broken, dir / "run"),
            "stopped before the first step was done; give the same command to go on");
  EXPECT_FALSE(std::filesystem::exists(dir / "run/checkpoints"));
}

TEST(StopResume, AsyncLosesNoPrompt) {
  TempDir dir;
  World broken(stopping_at(dir / "run", 2));
  const auto async = [](World& world) {
    world.job.config.mode = "async";
    world.job.config.save_every = 100;
    world.job.async.max_lag = 2;
  };
  async(broken);
  EXPECT_THAT(stopped(broken, dir / "run"), HasSubstr("stopped after step "));
  World resumed;
  async(resumed);
  resumed.train(dir / "run");
  std::multiset<int> learned;
  read_jsonl(dir / "run/schedule.jsonl", [&](Json&& row, std::size_t) {
    for (const Json& index : row["groups"]) learned.insert(index.get<int>());
  });
  ASSERT_EQ(learned.size(), 6u * 4);
  for (int index = 0; index < 6 * 4; ++index) EXPECT_EQ(learned.count(index), 1u) << index;
  EXPECT_EQ(test::metrics_of(dir / "run").size(), 6u);
}

TEST(StopResume, CheckpointsComeByTimeUnlessStepsAreGiven) {
  const auto saved_by_step_3 = [](const std::function<void(TrainConfig&)>& set) {
    TempDir dir;
    World world([calls = 0](const Problem& p, std::string_view completion) mutable {
      if (++calls == 3 * 32 + 5) throw Error("test", "killed");
      return says_yes(p, completion);
    });
    set(world.job.config);
    EXPECT_THROW(world.train(dir / "run"), Error);
    std::set<std::string> names;
    if (std::filesystem::exists(dir / "run/checkpoints"))
      for (const auto& entry : std::filesystem::directory_iterator(dir / "run/checkpoints"))
        names.insert(entry.path().filename());
    return names;
  };
  using Names = std::set<std::string>;
  EXPECT_EQ(saved_by_step_3([](TrainConfig& c) { c.save_minutes = 1000; }), Names());
  EXPECT_EQ(saved_by_step_3([](TrainConfig& c) { c.save_minutes = 0; }),
            (Names{"step-000002", "step-000003"}));
  EXPECT_EQ(saved_by_step_3([](TrainConfig& c) { c.save_every = 2; }), Names{"step-000002"});
}

// Keeps the rows for which `keep` holds of their steps.
void cut_metrics(const std::filesystem::path& run, const std::function<bool(int)>& keep) {
  std::vector<Json> rows;
  for (const Json& row : test::metrics_of(run))
    if (keep(row["step"].get<int>())) rows.push_back(row);
  write_jsonl(run / "metrics.jsonl", rows);
}

TEST(StopResume, MissingRowsAreNamed) {
  TempDir dir;
  World broken(stopping_at(dir / "run", 6));
  set_up(broken);
  stopped(broken, dir / "run");
  ASSERT_EQ(test::metrics_of(dir / "run").size(), 6u);
  const auto resume = [&](const std::string& run) {
    std::filesystem::copy(dir / "run", dir / run, std::filesystem::copy_options::recursive);
    if (run == "gone") std::filesystem::remove(dir / "gone/metrics.jsonl");
    if (run == "cut") cut_metrics(dir / "cut", [](int step) { return step != 1 && step != 3 && step != 4; });
    World world;
    set_up(world);
    testing::internal::CaptureStderr();
    world.train(dir / run);
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_THAT(resume("cut"), HasSubstr("metrics.jsonl lacks the rows of the steps 1, 3-4: it was cut"));
  EXPECT_THAT(resume("gone"), HasSubstr("lacks the rows of the steps 0-5: "));
  EXPECT_THAT(resume("good"), testing::Not(HasSubstr("lacks")));
}

// The result is made from the last row.
TEST(StopResume, ALastRowThatIsMissingIsAnError) {
  TempDir dir;
  World world;
  world.job.config.save_every = 3;
  world.train(dir / "run");
  cut_metrics(dir / "run", [](int step) { return step < 6; });
  World again;
  again.job.config.save_every = 3;
  EXPECT_THAT(
      error_of([&] { again.train(dir / "run"); }),
      AllOf(HasSubstr("lacks the rows of the steps 6: "), HasSubstr("remove checkpoints/step-000006")));
  std::filesystem::remove_all(dir / "run/checkpoints/step-000006");
  World made_again;
  made_again.train(dir / "run");
  EXPECT_EQ(test::metrics_of(dir / "run").size(), 6u);
}

TEST(StopResume, CheckpointsBeyondKeepGoAndThoseOfNoUseAreKeptAside) {
  TempDir dir;
  World broken(stopping_at(dir / "run", 5));
  broken.job.config.save_every = 1;
  broken.job.config.keep = 5;
  stopped(broken, dir / "run");
  std::filesystem::resize_file(dir / "run/checkpoints/step-000005/optimizer.safetensors", 100);
  World resumed(stopping_at(dir / "run", 4));
  resumed.job.config.keep = 2;
  EXPECT_THAT(stopped(resumed, dir / "run"), HasSubstr("after step 4"));
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(dir / "run/checkpoints"))
    names.insert(entry.path().filename());
  EXPECT_EQ(names, (std::set<std::string>{"step-000003", "step-000004", "step-000005.damaged"}));
}

TEST(StopResume, ARunWhoseDirectoryIsGoneIsAnError) {
  TempDir dir;
  World world([&, calls = 0](const Problem& p, std::string_view completion) mutable {
    if (++calls == 5 * 32 + 5) std::filesystem::remove_all(dir / "run");
    return says_yes(p, completion);
  });
  EXPECT_THAT(error_of([&] { world.train(dir / "run"); }), HasSubstr("was removed, moved or replaced"));
  EXPECT_FALSE(std::filesystem::exists(dir / "run/model"));
}

TEST(StopResume, SftStopsAfterAStep) {
  TempDir dir;
  SftJob job;
  job.problems = {test::problem("a", "one two"), test::problem("b", "two")};
  job.config.epochs = 4;
  job.config.batch_size = 2;
  job.optimizer.lr = 1e-2;
  job.prompts = test::tiny_prompts();
  job.end_token = 0;
  const auto run = [&](const std::string& name) {
    job.model = Model::random(test::tiny_architecture(), 7);
    RunDir folder = test::open_run(dir / name);
    sft(folder, job);
  };
  run("whole");
  // Two steps, as if stopped there: the same settings but for the number of steps.
  job.config.epochs = 2;
  run("run");
  job.config.epochs = 4;
  {
    const CatchInterrupts catch_interrupts;
    std::raise(SIGTERM);
    std::string message;
    try {
      run("run");
    } catch (const Interrupted& interrupted) {
      message = interrupted.what();
      EXPECT_EQ(interrupted.exit_code(), 143);
    }
    EXPECT_EQ(message, "stopped after step 2; give the same command to go on");
  }
  run("run");
  expect_same_run(dir / "whole", dir / "run", 4);
}

}  // namespace
}  // namespace pope
