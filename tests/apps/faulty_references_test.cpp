// pope mine from outside: problems whose reference answers cannot be judged by are no hard ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "apps/tiny_model.h"
#include "core/files.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

using ::testing::HasSubstr;

std::set<std::string> ids_in(const std::filesystem::path& path) {
  std::set<std::string> ids;
  read_jsonl(path, [&](Json&& row, std::size_t) { ids.insert(row.at("id")); });
  return ids;
}

TEST(FaultyReferences, AreNotMinedAndWarnedOf) {
  TempDir dir;
  const auto path = [&](const char* name) { return (dir / name).string(); };
  const auto run = [&](const std::string& arguments) {
    const std::string command = std::string(POPE_BINARY) + " " + arguments + " -c " + path("tiny.yaml") +
                                " >" + path("out") + " 2>" + path("err");
    EXPECT_EQ(std::system(command.c_str()), 0) << read_file(dir / "err");
  };
  write_file(dir / "tiny.yaml", R"(
run: {threads: 1}
source: {walks: 1, modulus: 5, count: 4}
prompt: {chat_template: plain, system: "", unguided: "{problem} :", guided: "{problem} given {guidance} :",
  guided_silent: "{problem} silently {guidance} :"}
sampling: {max_new_tokens: 4, batch_size: 8}
mine: {samples: 2, chunk: 2, pass_at: [1]}
eval: {samples: 1, pass_at: [1]}
)");
  write_file(dir / "tiny.json", test::tiny_model(1));
  run("problems --out " + path("all.jsonl"));
  run("init " + path("tiny.json") + " --out " + path("model"));
  std::vector<Json> rows;
  read_jsonl(dir / "all.jsonl", [&](Json&& row, std::size_t) {
    row["answer"] = rows.size() == 1 ? "proof" : "1/7";  // which a walk never says
    rows.push_back(std::move(row));
  });
  ASSERT_EQ(rows.size(), 4u);
  const std::string odd = rows[1].at("id");
  write_jsonl(dir / "all.jsonl", rows);

  const std::string given = " --model " + path("model") + " --problems " + path("all.jsonl") + " --out ";
  run("mine" + given + path("mine"));
  EXPECT_THAT(read_file(dir / "err"), HasSubstr("set aside: 1 of 4 problems"));
  EXPECT_THAT(read_file(dir / "out"), HasSubstr("faulty_reference"));
  const Json result = read_json(dir / "mine/result.json");
  EXPECT_EQ(result["problems"], 4);
  EXPECT_EQ(result["faulty_reference"], 1);
  EXPECT_EQ(result["sets"]["faulty_reference"], 1);
  EXPECT_EQ(result["sets"]["hard"].get<int>() + result["sets"]["truncated"].get<int>(), 3);
  EXPECT_EQ(ids_in(dir / "mine/faulty_reference.jsonl"), std::set<std::string>{odd});
  EXPECT_EQ(ids_in(dir / "mine/mined.jsonl").count(odd), 0u);
  EXPECT_EQ(ids_in(dir / "mine/mined.jsonl").size(), 3u);

  run("eval" + given + path("eval"));
  EXPECT_THAT(read_file(dir / "err"),
              HasSubstr("warning: 1 of 4 problems have reference answers that cannot be judged by"));
  EXPECT_THAT(read_file(dir / "err"), HasSubstr("'" + odd + "' (it says \"proof\")"));
  EXPECT_EQ(read_json(dir / "eval/result.json")["faulty_reference"], 1);
}

}  // namespace
}  // namespace pope
