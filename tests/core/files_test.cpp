// Files: atomic replacement (also when a write fails), JSON Lines as people and other programs write them,
// zstd.
#include "core/files.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <thread>

#include "core/file_size_limit.h"
#include "core/json_depth.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

using testing::AllOf;
using testing::HasSubstr;
namespace fs = std::filesystem;

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  return names;
}

TEST(WriteFile, ReplacesTheWholeContentAndLeavesNothingElse) {
  TempDir dir;
  write_file(dir / "sub/x.txt", "a long first content");
  write_file(dir / "sub/x.txt", std::string_view("b\0c", 3));
  EXPECT_EQ(read_file(dir / "sub/x.txt"), std::string("b\0c", 3));
  EXPECT_EQ(names_in(dir / "sub"), std::vector<std::string>{"x.txt"});
}

TEST(WriteFile, KeepsTheOldContentWhenWritingFails) {
  TempDir dir;
  write_file(dir / "x.txt", "old");
  std::string message;
  {
    const FileSizeLimit limit(4096);
    message = error_of([&] { write_file(dir / "x.txt", std::string(100000, 'n')); });
  }
  EXPECT_THAT(message,
              AllOf(HasSubstr("x.txt"), HasSubstr("hint: a limit on the size of files is set (ulimit -f)")));
  EXPECT_EQ(read_file(dir / "x.txt"), "old");
  EXPECT_EQ(names_in(dir.path()), std::vector<std::string>{"x.txt"});
}

// The system's limit ends the process in the middle of its write, as a kill would.
TEST(WriteFile, AKillLeavesNothing) {
  TempDir dir;
  const int unnamed = ::open(dir.path().c_str(), O_TMPFILE | O_WRONLY, 0600);
  if (unnamed < 0) GTEST_SKIP() << "no files without a name here";
  ::close(unnamed);
  write_file(dir / "x.txt", "old");
  const pid_t child = ::fork();
  if (child == 0) {
    const FileSizeLimit limit(4096);
    std::signal(SIGXFSZ, SIG_DFL);
    write_file(dir / "x.txt", std::string(100000, 'n'));
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ) << status;
  EXPECT_EQ(read_file(dir / "x.txt"), "old");
  EXPECT_EQ(names_in(dir.path()), std::vector<std::string>{"x.txt"});
}

TEST(WriteFile, AReaderSeesTheOldOrTheNewContent) {
  TempDir dir;
  const std::string a(50000, 'a'), b(70000, 'b');
  write_file(dir / "x.txt", a);
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (int i = 0; i < 100; ++i) write_file(dir / "x.txt", i % 2 == 0 ? b : a);
    stop = true;
  });
  int wrong = 0;
  while (!stop) {
    std::ifstream in(dir / "x.txt", std::ios::binary);
    const std::string seen((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    wrong += seen == a || seen == b ? 0 : 1;
  }
  writer.join();
  EXPECT_EQ(wrong, 0);
}

TEST(WriteFile, WritesThroughToDevicesAndReportsAFullOne) {
  struct stat before {
  }, after{};
  ASSERT_EQ(stat("/dev/full", &before), 0);
  EXPECT_THAT(error_of([] { write_file("/dev/full", "x"); }),
              AllOf(HasSubstr("/dev/full: No space left on device"), HasSubstr("hint: ")));
  ASSERT_EQ(stat("/dev/full", &after), 0);
  EXPECT_TRUE(S_ISCHR(after.st_mode));  // the device itself was not replaced
  write_file("/dev/null", "x");
}

TEST(WriteFile, FollowsLinksAndRefusesFolders) {
  TempDir dir;
  write_file(dir / "real.txt", "old");
  fs::create_symlink(dir / "real.txt", dir / "link.txt");
  write_file(dir / "link.txt", "new");
  EXPECT_TRUE(fs::is_symlink(dir / "link.txt"));
  EXPECT_EQ(read_file(dir / "real.txt"), "new");
  EXPECT_THAT(error_of([&] { write_file(dir.path(), "x"); }), HasSubstr("expected a file, got a folder"));
  EXPECT_THAT(error_of([&] { write_file(dir / "real.txt" / "x", "x"); }), HasSubstr("Not a directory"));
}

TEST(ReadFile, SaysWhatIsMissing) {
  TempDir dir;
  EXPECT_THAT(error_of([&] { read_file(dir / "none.txt"); }),
              AllOf(HasSubstr("none.txt"), HasSubstr("No such file")));
  EXPECT_THAT(error_of([&] { read_file(dir.path()); }), HasSubstr("got a folder"));
}

TEST(WriteNewFolder, TakesWhatIsThereForItsOwnWhereItIsTheSame) {
  TempDir dir;
  const auto write = [&](const std::string& text) {
    return write_new_folder(dir / "out/", [&](const fs::path& f) { write_file(f / "deep/a", text); });
  };
  EXPECT_TRUE(write("1"));
  EXPECT_TRUE(write("1"));
  EXPECT_FALSE(write("2"));
  EXPECT_EQ(read_file(dir / "out/deep/a"), "1");
  write_file(dir / "out/b", "more");
  EXPECT_FALSE(write("1"));
  EXPECT_EQ(names_in(dir.path()), std::vector<std::string>{"out"});
  // Folders of the user beside it are not touched.
  for (const char* name : {"out.again/x", "out.tmp/x", "out.replaced/x"}) write_file(dir / name, "mine");
  EXPECT_FALSE(write("1"));
  fs::remove(dir / "out/b");
  EXPECT_TRUE(write("1"));
  for (const char* name : {"out.again/x", "out.tmp/x", "out.replaced/x"})
    EXPECT_EQ(read_file(dir / name), "mine") << name;
}

TEST(RemoveLeftovers, RemovesWhatKilledWritesLeave) {
  TempDir dir;
  for (const char* name : {"a.json", "a.json.pope-tmp-77", "b.pope-tmp-x", "c.pope-tmp-",
                           "model.pope-tmp/half", "model/x", "model.pope-replaced/y", "old.pope-replaced/z",
                           "old.pope-tmp/half", "d.tmp-77", "e.tmp/x", "f.replaced/x"})
    write_file(dir / name, "x");
  remove_leftovers(dir.path());
  remove_leftovers(dir / "none");
  // Killed between the two steps of a swap, the folder of before is taken back.
  EXPECT_THAT(names_in(dir.path()),
              testing::UnorderedElementsAre("a.json", "b.pope-tmp-x", "c.pope-tmp-", "model", "old",
                                            "d.tmp-77", "e.tmp", "f.replaced"));
  EXPECT_EQ(names_in(dir / "old"), std::vector<std::string>{"z"});
}

TEST(WriteFolder, ReplacesAFolderAsAWhole) {
  TempDir dir;
  const fs::path target = dir / "runs" / "model";
  write_folder(target, [](const fs::path& f) { write_file(f / "a", "1"); });
  write_folder(target, [&](const fs::path& f) {
    write_file(f / "deep" / "b", "2");
    EXPECT_EQ(read_file(target / "a"), "1");  // the old one stands until the new one is complete
  });
  EXPECT_EQ(names_in(target), std::vector<std::string>{"deep"});
  EXPECT_EQ(read_file(target / "deep" / "b"), "2");
  EXPECT_EQ(names_in(dir / "runs"), std::vector<std::string>{"model"});
}

TEST(WriteFolder, KeepsTheOldOneWhenFillingFailsAndClearsLeavings) {
  TempDir dir;
  write_folder(dir / "model", [](const fs::path& f) { write_file(f / "a", "1"); });
  error_of([&] {
    write_folder(dir / "model", [](const fs::path& f) {
      write_file(f / "half", "x");
      throw Error("test", "no");
    });
  });
  EXPECT_EQ(names_in(dir.path()), std::vector<std::string>{"model"});
  EXPECT_EQ(read_file(dir / "model" / "a"), "1");
  write_file(dir / "model.pope-tmp" / "left", "by a kill");
  write_file(dir / "model.pope-replaced" / "left", "by a kill");
  write_folder(dir / "model", [](const fs::path& f) { write_file(f / "b", "2"); });
  EXPECT_EQ(names_in(dir.path()), std::vector<std::string>{"model"});
  EXPECT_EQ(names_in(dir / "model"), std::vector<std::string>{"b"});
}

TEST(Jsonl, SplitsAtLineFeedsOnly) {
  TempDir dir;
  write_file(dir / "x.jsonl", "{\"a\": \"one\xE2\x80\xA8two\"}\r\n\n  \r\n{\"a\": 2}");
  std::vector<std::pair<Json, std::size_t>> rows;
  read_jsonl(dir / "x.jsonl", [&](Json&& row, std::size_t line) { rows.emplace_back(std::move(row), line); });
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].first["a"], "one\xE2\x80\xA8two");
  EXPECT_EQ(rows[0].second, 1u);
  EXPECT_EQ(rows[1].first["a"], 2);
  EXPECT_EQ(rows[1].second, 4u);  // without a final line feed
}

TEST(Jsonl, MalformedLinesNameFileAndLine) {
  TempDir dir;
  const auto message = [&](const std::string& content) {
    write_file(dir / "x.jsonl", content);
    return error_of([&] { read_jsonl(dir / "x.jsonl", [](Json&&, std::size_t) {}); });
  };
  EXPECT_THAT(message("{\"a\": 1}\n{\"a\": }\n"), AllOf(HasSubstr("x.jsonl:2: "), HasSubstr("expected")));
  EXPECT_THAT(message("{\"a\": 1}\n\n{\"a\": 1} {\"a\": 2}\n"), HasSubstr("x.jsonl:3: "));
  EXPECT_THAT(message("{\"a\": 1}\n{\"a\": \"torn"), HasSubstr("x.jsonl:2: "));
  EXPECT_THAT(message("{\"a\": \"\xFF\"}\n"), HasSubstr("x.jsonl:1: "));
}

TEST(Jsonl, WritesTextAsItIsAndReplacesInvalidUtf8) {
  TempDir dir;
  write_jsonl(dir / "x.jsonl", {{{"z", "é\xE2\x80\xA8"}, {"a", "\xFF|"}}, Json(3)});
  EXPECT_EQ(read_file(dir / "x.jsonl"), "{\"z\":\"é\xE2\x80\xA8\",\"a\":\"\xEF\xBF\xBD|\"}\n3\n");
}

TEST(Jsonl, AppendsAndRepairsATornLastLine) {
  TempDir dir;
  const fs::path file = dir / "log" / "x.jsonl";
  repair_jsonl(file);  // nothing there: nothing to do
  append_jsonl(file, {{"step", 1}});
  append_jsonl(file, {{"step", 2}});
  std::ofstream(file, std::ios::app) << "{\"step\": 3, \"los";
  repair_jsonl(file);
  EXPECT_EQ(read_file(file), "{\"step\":1}\n{\"step\":2}\n");
  write_file(file, "{\"st");
  repair_jsonl(file);
  EXPECT_EQ(read_file(file), "");
}

TEST(Jsonl, ZstdRoundTrip) {
  TempDir dir;
  std::vector<Json> rows;
  for (int i = 0; i < 20000; ++i) rows.push_back({{"i", i}, {"text", "the same words again and again"}});
  write_jsonl(dir / "x.jsonl.zst", rows);
  EXPECT_LT(fs::file_size(dir / "x.jsonl.zst"), 200000u);  // about 1 MB as text
  std::size_t next = 0;
  const auto check = [&](Json&& row, std::size_t line) {
    ASSERT_EQ(line, next % rows.size() + 1 + (next < rows.size() ? 0 : rows.size()));
    ASSERT_EQ(row, rows[next++ % rows.size()]);
  };
  read_jsonl(dir / "x.jsonl.zst", check);
  EXPECT_EQ(next, rows.size());
  // Frames one after another, as `zstd` appends them, are one text.
  const std::string frame = read_file(dir / "x.jsonl.zst");
  write_file(dir / "two.jsonl.zst", frame + frame);
  next = 0;
  read_jsonl(dir / "two.jsonl.zst", check);
  EXPECT_EQ(next, 2 * rows.size());
  // So compressible that the whole frame is read long before all of its text is out.
  const Json long_row = {{"text", std::string(5000000, 'x')}};
  write_jsonl(dir / "long.jsonl.zst", std::vector<Json>(1, long_row));
  read_jsonl(dir / "long.jsonl.zst", [&](Json&& row, std::size_t) { EXPECT_TRUE(row == long_row); });
  write_file(dir / "cut.jsonl.zst", frame.substr(0, frame.size() / 2));
  EXPECT_THAT(error_of([&] { read_jsonl(dir / "cut.jsonl.zst", [](Json&&, std::size_t) {}); }),
              AllOf(HasSubstr("cut.jsonl.zst"), HasSubstr("cut off")));
  write_file(dir / "plain.jsonl.zst", "{\"a\": 1}\n");
  EXPECT_THAT(error_of([&] { read_jsonl(dir / "plain.jsonl.zst", [](Json&&, std::size_t) {}); }),
              HasSubstr("expected zstd data"));
}

TEST(Jsonl, AppendsCompressedFrames) {
  TempDir dir;
  const fs::path file = dir / "x.jsonl.zst";
  append_rows(file, {});
  EXPECT_FALSE(fs::exists(file));
  append_rows(file, {{{"i", 0}}, {{"i", 1}}});
  append_rows(file, {{{"i", 2}}});
  std::vector<int> seen;
  read_jsonl(file, [&](Json&& row, std::size_t) { seen.push_back(row["i"]); });
  EXPECT_EQ(seen, (std::vector<int>{0, 1, 2}));
}

TEST(ReadJson, NamesTheFile) {
  TempDir dir;
  write_file(dir / "x.json", "{\n \"a\": [1, 2]\n}\n");
  EXPECT_EQ(read_json(dir / "x.json")["a"][1], 2);
  write_file(dir / "x.json", "{");
  EXPECT_THAT(error_of([&] { read_json(dir / "x.json"); }), HasSubstr("x.json"));
}

TEST(ReadJson, RefusesWhatIsNestedTooDeep) {
  const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  EXPECT_FALSE(nested_too_deep(nested(200)));
  EXPECT_TRUE(nested_too_deep(nested(201)));
  EXPECT_TRUE(nested_too_deep(std::string(201, '{')));
  std::string many = "[";
  for (int i = 0; i < 1000; ++i) many += "[{}],";
  EXPECT_FALSE(nested_too_deep(many));                                      // one after the other
  EXPECT_FALSE(nested_too_deep("\"\\\"" + std::string(1000, '[') + "\""));  // "\"[[[…": within a string
  EXPECT_TRUE(nested_too_deep("\"\\\\\"" + nested(201)));                   // "\\": the string is over

  const TempDir dir;
  write_file(dir / "deep.json", "{\"a\": " + nested(100'000) + "}");
  EXPECT_THAT(error_of([&] { read_json(dir / "deep.json"); }),
              HasSubstr("deep.json: expected at most 200 levels of nesting, got more\n  hint: "));
  write_file(dir / "deep.jsonl", "{}\n{\"a\": " + nested(100'000) + "}\n");
  EXPECT_THAT(error_of([&] { read_jsonl(dir / "deep.jsonl", [](Json&&, std::size_t) {}); }),
              HasSubstr("deep.jsonl:2: expected at most 200 levels"));
  write_file(dir / "fine.json", nested(200));
  EXPECT_EQ(read_json(dir / "fine.json").size(), 1U);
}

}  // namespace
}  // namespace pope
