// The asynchronous trainer: at lag 0 the synchronous one bit for bit, with its schedule the same run bit for
// bit again, never older tokens than allowed, nothing lost by a stop.
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <set>
#include <thread>

#include "core/error.h"
#include "core/rng.h"
#include "learn/bandit.h"
#include "learn/schedule.h"
#include "learn/trainer.h"
#include "rollout/native_engine.h"

namespace pope {
namespace {

using test::FakeVerifier;
using test::says_yes;

// On the sampling thread: so that sampling takes longer than learning.
bool says_yes_slowly(const Problem& problem, std::string_view completion) {
  std::this_thread::sleep_for(std::chrono::milliseconds(4));
  return says_yes(problem, completion);
}

// Graded beside the sampler, each in another time.
class SlowVerifier : public FakeVerifier {
 public:
  SlowVerifier() : FakeVerifier(says_yes) {}
  Verdict verify(const Problem& problem, std::string_view completion) const override {
    std::this_thread::sleep_for(std::chrono::microseconds(key_of(completion) % 3000));
    return FakeVerifier::verify(problem, completion);
  }
  int parallel() const override { return 2; }
};

struct World : test::BanditWorld {
  explicit World(FakeVerifier::Judge judge = says_yes, at::ScalarType compute = at::kFloat)
      : BanditWorld(std::move(judge), compute) {
    job.sampling.max_new_tokens = 8;
    job.sampling.batch_size = 6;  // groups join and leave all the time
    job.config.mode = "async";
    job.config.steps = 12;
    job.config.rollouts_per_prompt = 4;
    job.config.rollouts_every = 4;
    job.config.save_every = 100;
  }
};

// Rows without clock readings and without what only async mode logs.
std::vector<Json> comparable(const std::filesystem::path& run) {
  return test::without("async/", test::without_times(test::metrics_of(run)));
}

void expect_equal_files(const std::filesystem::path& a, const std::filesystem::path& b, int steps) {
  const std::string last = fmt::format("checkpoints/step-{:06}/", steps);
  for (const std::string& file : {std::string("model/model.safetensors"), last + "optimizer.safetensors"}) {
    EXPECT_TRUE(read_file(a / file) == read_file(b / file)) << file;
  }
  for (int step = 4; step <= steps; step += 4) {
    const std::string file = fmt::format("rollouts/step-{:06}.jsonl.zst", step);
    EXPECT_TRUE(read_file(a / file) == read_file(b / file)) << file;
  }
}

void expect_equal_rows(const std::vector<Json>& a, const std::vector<Json>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].dump(), b[i].dump());
}

TEST(Async, AtLagZeroItIsTheSynchronousTrainer) {
  for (const int variant : {0, 1, 2}) {
    test::TempFolder folder("lag0");
    const auto train = [&](const char* mode) {
      World world(says_yes, variant == 2 ? at::kBFloat16 : at::kFloat);
      world.job.config.mode = mode;
      world.job.async.max_lag = 0;
      if (variant == 1) {  // with everything that an objective can add
        world.job.objective = {.kind = "luffy", .entropy_coef = 0.01, .kl_coef = 0.1};
        world.job.reference = Model::random(test::tiny_architecture(), 7);
        world.job.config.updates_per_batch = 2;
        world.job.config.epochs_per_batch = 2;
        world.job.config.eval_every = 3;
        world.job.config.eval_samples = 4;
        world.job.eval_sets = {{"held", world.job.hard}};
      }
      return world.train(folder / mode);
    };
    const Json sync = train("sync"), streaming = train("async");
    expect_equal_rows(comparable(folder / "sync"), comparable(folder / "async"));
    expect_equal_files(folder / "sync", folder / "async", 12);
    EXPECT_EQ(sync["tokens"], streaming["tokens"]);
    EXPECT_GT(sync["updates"], 8);  // the comparison means something only if weights moved
    for (const Json& row : test::metrics_of(folder / "async")) {
      if (row["step"] == 0) continue;
      EXPECT_EQ(row["async/lag_max"], 0);
      EXPECT_EQ(row["async/mixed"], 0.0);
    }
  }
}

struct Mode {
  const char* name;
  AsyncConfig async;
};
const std::vector<Mode> kModes = {{"lag 1", {.buffer = 8, .max_lag = 1}},
                                  {"lag 3", {.buffer = 16, .max_lag = 3}},
                                  {"wait", {.buffer = 6, .on_full = "wait"}},
                                  {"drop", {.buffer = 5, .on_full = "drop"}}};

TEST(Async, ItsScheduleMakesTheSameRunAgain) {
  for (const Mode& mode : kModes) {
    for (const bool slow : {false, true}) {
      test::TempFolder folder("replay");
      const auto train = [&](const char* name, const std::string& replay) {
        World world;
        world.job.async = mode.async;
        world.job.async.replay = replay;
        world.job.config.updates_per_batch = slow ? 1 : 2;
        if (slow) world.job.verifier = std::make_shared<SlowVerifier>();
        return world.train(folder / name);
      };
      train("first", "");
      train("again", folder / "first/schedule.jsonl");
      expect_equal_rows(test::without_times(test::metrics_of(folder / "first")),
                        test::without_times(test::metrics_of(folder / "again")));
      expect_equal_files(folder / "first", folder / "again", 12);
      EXPECT_EQ(read_file(folder / "first/schedule.jsonl"), read_file(folder / "again/schedule.jsonl"))
          << mode.name;
    }
  }
}

// Replaying does follow the schedule: the same groups with the weights changed later are another run. Later
// by 30 sync points per step, in which the groups of a step are certain to finish: at most 4 · 4 · 8 tokens,
// 6 at a time.
TEST(Async, AnotherScheduleIsAnotherRun) {
  test::TempFolder folder("later");
  const auto train = [&](const char* name, const std::string& replay) {
    World world(says_yes_slowly);
    world.job.async = {.buffer = 100, .on_full = "drop", .replay = replay};
    world.job.objective.entropy_coef = 1e-3;  // every step changes the weights
    world.train(folder / name);
  };
  train("first", "");
  std::vector<ScheduleRow> rows = read_schedule(folder / "first/schedule.jsonl", 12);
  for (ScheduleRow& row : rows) {
    for (std::int64_t& point : row.sync_points) point += 30 * row.step;
    append_schedule(folder / "later.jsonl", row);
  }
  train("later", folder / "later.jsonl");
  EXPECT_EQ(read_file(folder / "later.jsonl"), read_file(folder / "later/schedule.jsonl"));
  EXPECT_FALSE(read_file(folder / "first/model/model.safetensors") ==
               read_file(folder / "later/model/model.safetensors"));
}

TEST(Async, AScheduleOfOtherSettingsIsRefused) {
  test::TempFolder folder("other");
  World first;
  first.job.async = {.buffer = 8, .max_lag = 1};
  first.train(folder / "first");
  World other;
  other.job.async = {.buffer = 8, .max_lag = 1, .replay = folder / "first/schedule.jsonl"};
  other.job.sampling.max_new_tokens = 3;
  EXPECT_THROW(other.train(folder / "other"), Error);
}

TEST(Async, NoTokenIsOlderThanMaxLag) {
  std::int64_t largest = 0;
  for (const int max_lag : {1, 3}) {
    for (const int updates : {1, 2}) {
      test::TempFolder folder("max_lag");
      World world;
      world.job.async = {.buffer = 16, .max_lag = max_lag};
      world.job.config.updates_per_batch = updates;
      world.job.config.epochs_per_batch = updates;
      world.job.config.steps = 30;
      world.train(folder / "run");
      std::vector<std::int64_t> learned;
      for (const ScheduleRow& row : read_schedule(folder / "run/schedule.jsonl", 30)) {
        learned.insert(learned.end(), row.groups.begin(), row.groups.end());
        EXPECT_TRUE(row.dropped.empty());
      }
      std::vector<std::int64_t> in_order(30 * 4);
      for (std::size_t i = 0; i < in_order.size(); ++i) in_order[i] = static_cast<std::int64_t>(i);
      EXPECT_EQ(learned, in_order);
      for (const Json& row : test::metrics_of(folder / "run")) {
        EXPECT_LE(row["async/lag_max"].get<std::int64_t>(), max_lag * updates * updates);
        EXPECT_LE(row["async/lag_mean"].get<double>(), row["async/lag_max"].get<double>());
        largest = std::max(largest, row["async/lag_max"].get<std::int64_t>());
        EXPECT_GT(row.value("ratio/ess", 1.0), 0);
        EXPECT_LE(row.value("ratio/ess", 1.0), 1 + 1e-9);
      }
    }
  }
  EXPECT_GT(largest, 0);  // the sides did overlap
}

// Without a bound sampling never waits: groups that nobody takes in time are dropped, oldest first, and never
// learned from.
TEST(Async, AFullBufferDropsItsOldestGroups) {
  test::TempFolder folder("drop");
  World world;
  world.job.config.micro_batch_tokens = 1;  // a slow learner
  world.job.async = {.buffer = 4, .on_full = "drop"};
  world.job.config.steps = 30;
  world.train(folder / "run");
  std::set<std::int64_t> learned, dropped;
  for (const ScheduleRow& row : read_schedule(folder / "run/schedule.jsonl", 30)) {
    EXPECT_EQ(row.groups.size(), 4u);
    for (const std::int64_t index : row.groups) EXPECT_TRUE(learned.insert(index).second);
    for (const std::int64_t index : row.dropped) EXPECT_TRUE(dropped.insert(index).second);
  }
  EXPECT_GT(dropped.size(), 0u);
  for (const std::int64_t index : dropped) EXPECT_FALSE(learned.contains(index));
  std::int64_t logged = 0;
  for (const Json& row : test::metrics_of(folder / "run")) {
    logged += row["async/dropped"].get<std::int64_t>();
  }
  EXPECT_EQ(logged, static_cast<std::int64_t>(dropped.size()));
}

// Where sampling takes longer than learning, an update meets rollouts in flight: they are sampled by more
// than one version, which their records and the metrics show.
TEST(Async, WeightsChangeUnderRolloutsInFlight) {
  test::TempFolder folder("in_flight");
  World world(says_yes_slowly);
  world.job.config.rollouts_every = 1;
  world.job.async = {.buffer = 12, .max_lag = 2};
  world.train(folder / "run");
  int mixed_rows = 0;
  for (const Json& row : test::metrics_of(folder / "run")) {
    int mixed = 0, rollouts = 0;
    const std::string file = fmt::format("run/rollouts/step-{:06}.jsonl.zst", row["step"].get<int>());
    read_jsonl(folder / file, [&](Json&& record, std::size_t) {
      const std::int64_t first = record["policy_version"], last = record["policy_version_last"];
      EXPECT_LE(first, last);
      EXPECT_LE(last, row["step"].get<std::int64_t>() - 1);
      mixed += first != last;
      ++rollouts;
    });
    EXPECT_EQ(rollouts, 16);
    EXPECT_NEAR(row["async/mixed"].get<double>(), mixed / 16.0, 1e-12);
    mixed_rows += mixed > 0;
  }
  EXPECT_GT(mixed_rows, 0);
}

TEST(Async, BackPressureDropsNothing) {
  test::TempFolder folder("wait");
  World world;
  world.job.config.micro_batch_tokens = 1;
  world.job.async = {.buffer = 4, .on_full = "wait"};
  world.train(folder / "run");
  std::set<std::int64_t> learned;
  for (const ScheduleRow& row : read_schedule(folder / "run/schedule.jsonl", 12)) {
    EXPECT_TRUE(row.dropped.empty());
    learned.insert(row.groups.begin(), row.groups.end());
  }
  EXPECT_EQ(learned.size(), 48u);
  EXPECT_EQ(*learned.rbegin(), 47);
  for (const Json& row : test::metrics_of(folder / "run")) {
    EXPECT_GE(row["time/sampler_wait_s"].get<double>(), 0);
    EXPECT_LE(row["time/sampler_wait_s"].get<double>(), row["time/step_s"].get<double>());
  }
}

// Steps shrink to 0: once every group passes there is no gradient, and a step of full size on the one sample
// that fails late can lose a whole prompt, after which all its samples fail and there is no gradient again.
// Nor do AdamW's moments shrink over steps without signal, which would make that one step large.
TEST(Async, RewardRises) {
  for (const Mode& mode : kModes) {
    test::TempFolder folder("bandit");
    World world;
    world.job.async = mode.async;
    world.job.config.rollouts_per_prompt = 8;
    world.job.config.rollouts_every = 0;
    world.job.config.steps = 80;
    world.job.optimizer.schedule = "linear";
    world.job.config.skip_without_signal = true;
    world.train(folder / "run");
    const std::vector<Json> rows = test::metrics_of(folder / "run");
    ASSERT_EQ(rows.size(), 80u);
    double first = 0, last = 0;
    for (int i = 0; i < 5; ++i) {
      first += rows[i]["reward/unguided"].get<double>() / 5;
      last += rows[75 + i]["reward/unguided"].get<double>() / 5;
    }
    EXPECT_LT(first, 0.4) << mode.name;
    EXPECT_GT(last, 0.8) << mode.name;
  }
}

// What a stop loses is sampled again: no prompt is left out or learned from twice.
TEST(Async, AStoppedRunGoesOnWithoutLosingPrompts) {
  for (const Mode& mode : kModes) {
    test::TempFolder folder("stop");
    int calls = 0;
    World broken([&](const Problem& p, std::string_view completion) {
      if (++calls == 7 * 16 + 9) throw Error("test", "killed");
      return says_yes(p, completion);
    });
    broken.job.async = mode.async;
    broken.job.config.save_every = 3;
    EXPECT_THROW(broken.train(folder / "run"), Error);
    World resumed;
    resumed.job.async = mode.async;
    resumed.job.config.save_every = 3;
    const Json result = resumed.train(folder / "run");
    EXPECT_EQ(result["rollouts"], 12 * 16);
    const std::vector<Json> rows = test::metrics_of(folder / "run");
    ASSERT_EQ(rows.size(), 12u);
    std::vector<std::int64_t> seen;
    int step = 0, resumes = 0;
    read_jsonl(folder / "run/schedule.jsonl", [&](Json&& row, std::size_t) {
      EXPECT_EQ(row["step"], ++step);
      resumes += row.value("resumed", false);
      for (const char* key : {"groups", "dropped"})
        for (const Json& index : row[key]) seen.push_back(index.get<std::int64_t>());
    });
    EXPECT_EQ(step, 12);
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end()) << mode.name;
    if (mode.async.on_full == "wait" || mode.async.max_lag >= 0) {
      // No group of step 8 is begun before step 3 and its checkpoint.
      EXPECT_EQ(resumes, 1) << mode.name;
      ASSERT_EQ(seen.size(), 48u);
      EXPECT_EQ(seen.back(), 47);
    }
  }
}

TEST(Async, ErrorsOfBothSidesEndTheRun) {
  test::TempFolder folder("errors");
  for (const Mode& mode : kModes) {
    World sampler([&](const Problem&, std::string_view) -> bool { throw Error("test", "grader broke"); });
    sampler.job.async = mode.async;
    EXPECT_THROW(sampler.train(folder / ("sampler " + std::string(mode.name))), Error);
    World learner;
    learner.job.async = mode.async;
    learner.job.optimizer.lr = 1e30;  // the next gradient, or the next logits, are not finite
    learner.job.optimizer.clip_norm = 0;
    EXPECT_THROW(learner.train(folder / ("learner " + std::string(mode.name))), Error);
  }
}

TEST(Async, ThreadsAreAsBefore) {
  test::TempFolder folder("threads");
  const int before = at::get_num_threads();
  World world;
  world.job.config.steps = 2;
  world.train(folder / "run");
  EXPECT_EQ(at::get_num_threads(), before);
}

TEST(Async, RefusesSettingsThatCannotWork) {
  test::TempFolder folder("refuse");
  const std::vector<std::pair<AsyncConfig, std::string>> faults = {
      {{.buffer = 3}, "async.buffer: expected at least 4"},
      {{.buffer = 11, .max_lag = 2}, "async.buffer: expected at least 12"},
      {{.on_full = "block"}, "'block'"},
      {{.max_lag = -2}, "async.max_lag"},
      {{.max_lag = std::numeric_limits<int>::max()}, "async.buffer: expected at least 8589934592"},
      {{.replay = folder / "nothing.jsonl"}, "nothing.jsonl"},
  };
  for (const auto& [async, part] : faults) {
    World world;
    world.job.async = async;
    try {
      world.train(folder / "run");
      ADD_FAILURE() << part;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr(part));
    }
  }
  World world;
  world.job.config.mode = "streaming";
  EXPECT_THROW(world.train(folder / "run"), Error);
  world.job.config.mode = "sync";
  world.job.async = {.replay = folder / "schedule.jsonl"};
  EXPECT_THROW(world.train(folder / "run"), Error);
}

}  // namespace
}  // namespace pope
