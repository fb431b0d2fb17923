// The parts of async mode on their own: the ring buffer, the gate, the schedule file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "core/error.h"
#include "core/run_dir.h"
#include "learn/ring_buffer.h"
#include "learn/schedule.h"
#include "learn/tiny.h"
#include "learn/weights_gate.h"

namespace pope {
namespace {

using testing::ElementsAre;

TEST(RingBuffer, DropsTheOldestAndGivesOldestFirst) {
  RingBuffer<int> buffer(3);
  for (const int item : {1, 2, 3}) EXPECT_EQ(buffer.push(item), std::nullopt);
  EXPECT_EQ(buffer.push(4), 1);
  EXPECT_EQ(buffer.push(5), 2);
  EXPECT_EQ(buffer.size(), 3u);
  EXPECT_THAT(buffer.pop(2), ElementsAre(3, 4));
  EXPECT_EQ(buffer.push(6), std::nullopt);
  EXPECT_THAT(buffer.pop(2), ElementsAre(5, 6));
  EXPECT_EQ(buffer.size(), 0u);
}

// A sampler that reads two numbers which only ever change together: between two sync points it must never see
// them apart, nor see them change.
TEST(WeightsGate, NothingChangesBetweenPasses) {
  WeightsGate gate;
  int a = 0, b = 0, torn = 0;
  std::thread sampler([&] {
    while (gate.sync_point()) {
      const int before = a;
      for (int i = 0; i < 20; ++i) {
        torn += a != before || b != before;
        std::this_thread::yield();
      }
    }
  });
  std::vector<std::int64_t> sync_points;
  for (int i = 0; i < 200; ++i) {
    sync_points.push_back(gate.change([&] {
      ++a;
      std::this_thread::yield();
      ++b;
    }));
  }
  gate.close();
  sampler.join();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(a, 200);
  EXPECT_TRUE(std::is_sorted(sync_points.begin(), sync_points.end()));
  EXPECT_GT(sync_points.front(), 0);
}

TEST(WeightsGate, PlannedChangesComeInTheirPasses) {
  WeightsGate gate(std::vector<std::int64_t>{2, 2, 5});
  std::vector<int> seen;  // the weights at each sync point
  int weights = 0;
  std::thread sampler([&] {
    while (seen.size() < 6 && gate.sync_point()) seen.push_back(weights);
  });
  for (const std::int64_t planned : {2, 2, 5}) EXPECT_EQ(gate.change([&] { ++weights; }), planned);
  sampler.join();
  EXPECT_THAT(seen, ElementsAre(0, 2, 2, 2, 3, 3));
  EXPECT_THROW(gate.change([] {}), Error);  // not planned
}

TEST(WeightsGate, StandsUntilReady) {
  WeightsGate gate;
  std::atomic<int> ready = 0;
  std::atomic<bool> through = false;
  std::thread sampler([&] {
    EXPECT_TRUE(gate.sync_point([&] { return ready >= 2; }));
    through = true;
  });
  EXPECT_EQ(gate.change([&] { ++ready; }), 1);
  EXPECT_FALSE(through);
  EXPECT_EQ(gate.change([&] { ++ready; }), 1);
  sampler.join();
  EXPECT_TRUE(through);
  EXPECT_GT(gate.sampler_waited_s(), 0);
}

TEST(WeightsGate, ClosingFreesBothSides) {
  WeightsGate gate;
  std::thread sampler([&] { EXPECT_FALSE(gate.sync_point([] { return false; })); });
  std::thread closer([&] { gate.close(); });
  sampler.join();
  closer.join();
  int changed = 0;
  gate.change([&] { ++changed; });  // nobody samples any more
  EXPECT_EQ(changed, 1);
  EXPECT_FALSE(gate.sync_point());
}

// A sampler that stands at another sync point than the plan says would be waited for for ever.
TEST(WeightsGate, APlanThatCannotBeKeptIsAnError) {
  WeightsGate gate(std::vector<std::int64_t>{3});
  std::thread sampler([&] { gate.sync_point([] { return false; }); });
  EXPECT_THROW(gate.change([] {}), Error);
  gate.close();
  sampler.join();
}
TEST(WeightsGate, APlanThatFallsIsAnError) {
  WeightsGate gate(std::vector<std::int64_t>{2, 1});
  std::thread sampler([&] {
    while (gate.sync_point()) {
    }
  });
  EXPECT_EQ(gate.change([] {}), 2);
  EXPECT_THROW(gate.change([] {}), Error);
  gate.close();
  sampler.join();
}

std::string message_of(const std::filesystem::path& file, int steps) {
  try {
    read_schedule(file, steps);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Schedule, ReadsBackAndRefusesWhatCannotBeReplayed) {
  test::TempFolder folder("schedule");
  const auto file = folder / "schedule.jsonl";
  append_schedule(file, {.step = 1, .groups = {0, 2}, .sync_points = {5, 6}, .buffered = 1});
  append_schedule(file, {.step = 2, .groups = {3, 4}, .dropped = {1}, .sync_points = {9}});
  const std::vector<ScheduleRow> rows = read_schedule(file, 2);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_THAT(rows[0].groups, ElementsAre(0, 2));
  EXPECT_THAT(rows[0].sync_points, ElementsAre(5, 6));
  EXPECT_EQ(rows[0].buffered, 1);
  EXPECT_THAT(rows[1].dropped, ElementsAre(1));
  EXPECT_THAT(message_of(file, 1), testing::HasSubstr("expected 1 steps, got 2"));
  append_schedule(file, {.step = 3, .groups = {5, 6}, .sync_points = {1}, .resumed = true});
  EXPECT_THAT(message_of(file, 3), testing::HasSubstr("resumed"));
  truncate_steps(file, 2);
  EXPECT_THAT(message_of(file, 3), testing::HasSubstr("expected 3 steps, got 2"));
  append_schedule(file, {.step = 4});
  EXPECT_THAT(message_of(file, 3), testing::HasSubstr("schedule.jsonl:3: expected step 3, got 4"));
  truncate_steps(file, 2);
  append_jsonl(file, {{"step", 3}, {"groups", "all"}});
  EXPECT_THAT(message_of(file, 3), testing::HasSubstr("schedule.jsonl:3"));
}

}  // namespace
}  // namespace pope
