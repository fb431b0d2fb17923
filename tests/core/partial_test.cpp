// Partial results: what a kill at any byte leaves behind is continued without loss or repetition.
#include "core/partial.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "core/files.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

std::vector<int> rollouts_in(const TempDir& dir) {
  std::vector<int> values;
  read_jsonl(dir / "rollouts/mined.jsonl.zst", [&](Json&& row, std::size_t) { values.push_back(row["r"]); });
  return values;
}

TEST(PartialResults, GoesOnAfterAKillBetweenRolloutsAndLine) {
  TempDir dir;
  {
    PartialResults partial(dir.path(), "mined");
    EXPECT_TRUE(partial.done().empty());
    partial.add({{"id", "a"}}, {{{"r", 1}}, {{"r", 2}}}, 10);
    partial.add({{"id", "b"}}, {}, 25);
    partial.add({{"id", "c"}}, {{{"r", 3}}}, 31);
    EXPECT_EQ(partial.tokens(), 31);
  }
  // Killed after the rollouts of "d" and in the middle of its line.
  append_rows(dir / "rollouts/mined.jsonl.zst", {{{"r", 4}}});
  std::ofstream(dir / "rollouts/mined.jsonl.zst", std::ios::app) << "half a frame";
  std::ofstream(dir / "mined.partial.jsonl", std::ios::app) << "{\"item\": {\"id\": \"d";
  PartialResults partial(dir.path(), "mined");
  ASSERT_EQ(partial.done().size(), 3u);
  EXPECT_EQ(partial.done()[2], (Json{{"id", "c"}}));
  EXPECT_EQ(rollouts_in(dir), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(partial.tokens(), 31);
  partial.add({{"id", "d"}}, {{{"r", 4}}}, 7);  // this process has sampled 7
  EXPECT_EQ(partial.tokens(), 38);
  EXPECT_EQ(rollouts_in(dir), (std::vector<int>{1, 2, 3, 4}));
  EXPECT_EQ(PartialResults(dir.path(), "mined").done().size(), 4u);
  PartialResults::remove(dir.path(), "mined");
  EXPECT_FALSE(std::filesystem::exists(dir / "mined.partial.jsonl"));
}

TEST(PartialResults, DropsRolloutsWithoutAnyLine) {
  TempDir dir;
  append_rows(dir / "rollouts/mined.jsonl.zst", {{{"r", 1}}});
  PartialResults partial(dir.path(), "mined");
  EXPECT_TRUE(partial.done().empty());
  EXPECT_EQ(std::filesystem::file_size(dir / "rollouts/mined.jsonl.zst"), 0u);
}

}  // namespace
}  // namespace pope
