// TensorBoard event files: published checksums, the bytes of TensorBoard's own writer, and its own reader.
#include "core/tensorboard.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "core/event_file.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

TEST(TensorBoard, PublishedChecksums) {  // RFC 3720, appendix B.4, and the check value of CRC-32C
  std::string rising;
  for (int i = 0; i < 32; ++i) rising += static_cast<char>(i);
  const std::string falling(rising.rbegin(), rising.rend());
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  EXPECT_EQ(crc32c(rising), 0x46dd794eU);
  EXPECT_EQ(crc32c(falling), 0x113fdb5cU);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(""), 0U);
}

// tests/golden/make_tensorboard_golden.py
const std::vector<Json> kRows = {{{"step", 1}, {"loss", 0.5}, {"lr", 1e-6}, {"groups/total", 32}},
                                 {{"step", 300},
                                  {"loss", -0.125},
                                  {"eval/hard/unguided/pass@8", 1.0 / 3},
                                  {"train_sampler_mismatch/mean", 1e-7},
                                  {"rollouts/total", 1234567},
                                  {"advantage/mean", 0.0},
                                  {"time/step_s", 12.75}}};

TEST(TensorBoard, SameBytesAsItsOwnWriter) {
  constexpr double kTime = 1700000000.25;
  EXPECT_EQ(version_record(kTime) + row_record(kTime + 1, kRows[0]) + row_record(kTime + 300, kRows[1]),
            read_file(POPE_SOURCE_DIR "/tests/golden/tensorboard.events"));
}

TEST(TensorBoard, ARowIsAnEvent) {
  TempDir dir;
  const EventFile file(dir / "events",
                       {{{"step", 0}, {"eval/hard/unguided/pass@1", 0.25}, {"time/step_s", 7}},
                        {{"step", 1}, {"loss", 0.5}, {"lr", nullptr}, {"time/step_s", 4.5}}});
  file.append({{"step", 2}, {"loss", 0.1}, {"time/step_s", 1}});
  const std::vector<ReadEvent> events = read_event_folder(dir / "events");
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0].version, "brain.Event:2");
  EXPECT_EQ(events[1].step, 0);
  EXPECT_EQ(events[1].scalars, (Json{{"eval/hard/unguided/pass@1", 0.25}, {"time/step_s", 7.0}}));
  EXPECT_EQ(events[2].step, 1);
  EXPECT_EQ(events[2].scalars, (Json{{"loss", 0.5}, {"time/step_s", 4.5}}));  // null is no number
  EXPECT_EQ(events[3].scalars, (Json{{"loss", 0.1F}, {"time/step_s", 1.0}}));
  // Rows from before are dated back by their lengths: the first began 11.5 s before the second ended.
  EXPECT_NEAR(events[2].wall_time - events[0].wall_time, 11.5, 1e-5);
  EXPECT_NEAR(events[2].wall_time - events[1].wall_time, 4.5, 1e-5);
  EXPECT_GE(events[3].wall_time, events[2].wall_time);
}

TEST(TensorBoard, AnotherStartReplacesTheFile) {
  TempDir dir;
  write_file(dir / "events/events.out.tfevents.1.host", "of a run that was killed");
  write_file(dir / "events/notes", "stays");
  const EventFile file(dir / "events", {{{"step", 1}, {"loss", 0.5}}});
  EXPECT_FALSE(std::filesystem::exists(dir / "events/events.out.tfevents.1.host"));
  EXPECT_EQ(read_file(dir / "events/notes"), "stays");
  std::filesystem::remove(dir / "events/notes");
  EXPECT_EQ(read_event_folder(dir / "events").size(), 2u);
}

TEST(TensorBoard, ItsOwnReaderReadsOurFiles) {
  const char* given = std::getenv("POPE_TENSORBOARD_PYTHON");
  const std::string python = given ? given : "python3";
  if (std::system((python + " -c 'import tensorboard' 2>/dev/null").c_str()) != 0) {
    GTEST_SKIP() << python
                 << " has no package tensorboard: pip install tensorboard, or name a Python that has it "
                 << "by POPE_TENSORBOARD_PYTHON";
  }
  TempDir dir;
  const EventFile file(dir / "events", {kRows[0]});
  file.append(kRows[1]);
  const std::string command = python + " " POPE_SOURCE_DIR "/tests/core/read_events.py " +
                              (dir / "events").string() + " >" + (dir / "read.json").string();
  ASSERT_EQ(std::system((command + " 2>" + (dir / "log").string()).c_str()), 0) << read_file(dir / "log");
  Json expected = Json::object();
  for (const Json& row : kRows) {
    for (const auto& [key, value] : row.items()) {
      if (key != "step") expected[key].push_back({row["step"], value.get<float>()});
    }
  }
  EXPECT_EQ(nlohmann::json(read_json(dir / "read.json")), nlohmann::json(expected));
}

}  // namespace
}  // namespace pope
