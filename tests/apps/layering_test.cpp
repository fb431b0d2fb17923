// The shape of the source tree: includes point to earlier rooms only, and no file grows past 500 lines.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include "core/files.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kRooms = {"core",    "jinja",   "text",      "data",     "verify", "model",
                                         "rollout", "explore", "evolve",    "evaluate", "learn",  "plan",
                                         "export",  "report",  "reproduce", "serve",    "agent",  "pope"};

int rank_of(const std::string& room) {
  const auto found = std::find(kRooms.begin(), kRooms.end(), room);
  return found == kRooms.end() ? -1 : static_cast<int>(found - kRooms.begin());
}

std::vector<fs::path> sources(const std::string& folder) {
  std::vector<fs::path> files;
  const fs::path root = fs::path(POPE_SOURCE_DIR) / folder;
  if (!fs::exists(root)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.path().extension() == ".cpp" || entry.path().extension() == ".h") files.push_back(entry.path());
  }
  return files;
}

// The rooms that `text` includes from, with the lines.
std::vector<std::pair<std::string, std::string>> included_rooms(std::istream& text) {
  static const std::regex include(R"re(\s*#\s*include\s*"([^/"]+)/[^"]*".*)re");
  std::vector<std::pair<std::string, std::string>> found;
  std::smatch match;
  for (std::string line; std::getline(text, line);) {
    if (std::regex_match(line, match, include)) found.emplace_back(match[1], line);
  }
  return found;
}

TEST(Layering, TheCheckSeesIncludes) {
  std::istringstream text(
      "#include <core/x.h>\n#include \"learn/trainer.h\"\n  # include \"core/files.h\" // why\n");
  const auto found = included_rooms(text);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].first, "learn");
  EXPECT_EQ(found[1].first, "core");
  EXPECT_GT(rank_of("learn"), rank_of("core"));
}

TEST(Layering, RoomsIncludeOnlyThemselvesAndEarlierRooms) {
  int includes = 0;
  for (const std::string top : {"src", "apps"}) {
    for (const fs::path& file : sources(top)) {
      const std::string room = file.parent_path().filename();
      if (room == "cuda" || room == "parquet") continue;  // libraries of their own
      ASSERT_GE(rank_of(room), 0) << file << " is in no known room";
      std::ifstream text(file);
      for (const auto& [included, line] : included_rooms(text)) {
        ++includes;
        ASSERT_GE(rank_of(included), 0) << file << ": " << line;
        EXPECT_LE(rank_of(included), rank_of(room)) << file << ": " << line;
      }
    }
  }
  EXPECT_GT(includes, 100);
}

// What needs no tensors is answered without loading libtorch, as pope-torch would.
TEST(Launcher, DoesNotLinkLibtorch) {
  const auto links_libtorch = [](const std::string& path) {
    std::ifstream program(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(program), std::istreambuf_iterator<char>()};
    return bytes.find("libtorch_cpu.so") != std::string::npos || bytes.find("libc10.so") != std::string::npos;
  };
  EXPECT_TRUE(links_libtorch(std::string(POPE_BINARY) + "-torch"));
  EXPECT_FALSE(links_libtorch(POPE_BINARY));
}

TEST(Launcher, KnowsAllSettingsOfItsVerbs) {
  TempDir dir;
  const auto help_of = [&](const std::string& program, const std::string& verb) {
    const std::string file = (dir / "help").string();
    EXPECT_EQ(std::system((program + " " + verb + " --help >" + file).c_str()), 0);
    return read_file(file);
  };
  for (const char* verb : {"verify", "problems", "report", "watch"})
    EXPECT_EQ(help_of(POPE_BINARY, verb), help_of(std::string(POPE_BINARY) + "-torch", verb));
}

// One subject may take a long file; beyond this it is several.
TEST(Layering, NoFileIsLongerThan800Lines) {
  for (const std::string top : {"src", "apps", "tests", "bench"}) {
    for (const fs::path& file : sources(top)) {
      std::ifstream text(file);
      const auto lines =
          std::count(std::istreambuf_iterator<char>(text), std::istreambuf_iterator<char>(), '\n');
      EXPECT_LE(lines, 800) << file;
    }
  }
}

}  // namespace
}  // namespace pope
