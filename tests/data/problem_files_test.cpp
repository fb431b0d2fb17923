// Problem files as people have them: formats by their first bytes, bad rows, hostile files, and real data.
#include "data/problem_files.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>

#include "core/compress.h"
#include "core/files.h"
#include "core/temp_dir.h"
#include "data/format_parquet.h"

namespace pope {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr auto kRows = R"({"problem": "1+1?", "answer": "2"}
{"problem": "line\u2028separator", "answer": "3"}
)";

std::string gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string data(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(data.data());
  stream.avail_out = static_cast<uInt>(data.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  data.resize(stream.total_out);
  deflateEnd(&stream);
  return data;
}

class ProblemFiles : public testing::Test {
 protected:
  ProblemFile read(const std::string& name, const std::string& content, const ProblemsConfig& config = {}) {
    write_file(dir_ / name, content);
    return read_problem_file(dir_ / name, config);
  }
  std::string error_in(const std::string& name, const std::string& content,
                       const ProblemsConfig& config = {}) {
    return error_of([&] { read(name, content, config); });
  }
  TempDir dir_;
};

TEST_F(ProblemFiles, FormatsAreKnownByTheirContent) {
  const std::string lines = kRows;
  const std::string array = "[\n  {\n    \"problem\": \"1+1?\",\n    \"answer\": \"2\"\n  },\n  " +
                            lines.substr(lines.find('\n') + 1) + "]\n";
  const std::string one_line =
      "[" + lines.substr(0, lines.find('\n')) + "," + lines.substr(lines.find('\n') + 1);
  const std::vector<std::tuple<std::string, std::string, std::string>> files = {
      {"a.jsonl", lines, "JSON Lines"},
      {"a.json", "\xef\xbb\xbf" + lines, "JSON Lines"},
      {"a.txt", array, "JSON array"},
      {"a.jsonl", one_line.substr(0, one_line.size() - 1) + "]", "JSON array"},
      {"a.json", "  \n" + array, "JSON array"},
      {"a.jsonl.gz", gzip(lines), "JSON Lines"},
      {"a.jsonl", gzip(array), "JSON array"},
      {"a.jsonl", gzip(lines.substr(0, 20)) + gzip(lines.substr(20)) + std::string(512, '\0'), "JSON Lines"},
      {"a.jsonl.zst", zstd_compress(lines), "JSON Lines"},
      {"a.jsonl", zstd_compress(array), "JSON array"},
      {"a.jsonl.zst", lines, "JSON Lines"}};
  for (const auto& [name, content, format] : files) {
    SCOPED_TRACE(name + " as " + format);
    const ProblemFile file = read(name, content);
    EXPECT_EQ(file.format, format);
    ASSERT_EQ(file.problems.size(), 2u);
    EXPECT_EQ(file.problems[0].statement, "1+1?");
    EXPECT_EQ(file.problems[1].statement, "line\u2028separator");
    EXPECT_EQ(file.problems[1].answer, "3");
  }
  const ProblemFile orz =
      read("orz.jsonl", R"([{"from": "human", "value": "a?"}, {"ground_truth": {"value": "1"}}]
[{"from": "human", "value": "b?"}, {"ground_truth": {"value": "2"}}]
)");
  EXPECT_EQ(orz.format, "JSON Lines");
  EXPECT_EQ(orz.problems.at(1).statement, "b?");
  EXPECT_EQ(orz.problems.at(1).id, "orz-2");
}

TEST_F(ProblemFiles, WhatIsNotReadIsNamed) {
  const std::vector<std::pair<std::string, std::string>> files = {
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"},
      {std::string("\xff\xfe{\0", 4), "iconv"},
      {"PK\x03\x04", "a zip archive"},
      {"<!DOCTYPE html>", "a web page"},
      {"problem,answer\n1+1?,2\n", "CSV"},
      {"{\n  \"data\": []\n}", "jq -c"},
      {"PARE1", "an encrypted Parquet file"},
      {"ARROW1", "an Arrow file"}};
  for (const auto& [content, named] : files)
    EXPECT_THAT(error_in("a.jsonl", content),
                AllOf(HasSubstr("a.jsonl: expected JSON Lines"), HasSubstr(named)));
  EXPECT_THAT(error_in("a.jsonl", ""), HasSubstr("expected at least one problem, got none"));
  EXPECT_THAT(error_in("a.jsonl", "[]"), HasSubstr("expected at least one problem, got none"));
  EXPECT_THAT(error_of([&] { parquet_reader("libpope_none.so"); }),
              AllOf(HasSubstr("[read Parquet]"), HasSubstr("libpope_none.so"), HasSubstr("pip install"),
                    HasSubstr("scripts/setup.sh")));
}

TEST_F(ProblemFiles, BadRowsAreAllListedOrLeftOut) {
  std::string content =
      R"({"id": "a", "problem": "p", "answer": "1", "x": NaN, "y": [-Infinity, "NaN \" NaN"]})"
      "\n\n{\"problem\": \n"
      R"({"id": "a", "problem": "p", "answer": "1"})"
      "\n";
  for (int i = 0; i < 20; ++i)
    content += R"({"problem": "p"})"
               "\n";
  content += R"({"problem": "p", "answer": "2"})"
             "\n";
  const std::string error = error_in("a.jsonl", content);
  EXPECT_THAT(error, AllOf(HasSubstr("a.jsonl: 22 of 24 rows cannot be read:"),
                           HasSubstr("a.jsonl:3: expected one JSON"),
                           HasSubstr("a.jsonl:4: field \"id\": expected a new id, got \"a\" of line 1"),
                           HasSubstr("a.jsonl:5: field \"answer\": expected the reference answer")));
  EXPECT_THAT(error, AllOf(HasSubstr("a.jsonl:12: "), Not(HasSubstr("a.jsonl:13: ")),
                           HasSubstr("… and 12 more"), HasSubstr("--skip-bad")));
  ProblemsConfig config;
  config.skip_bad = true;
  testing::internal::CaptureStderr();
  const ProblemFile file = read("a.jsonl", content, config);
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr("22 of 24 rows left out"), HasSubstr("a.jsonl:3:")));
  EXPECT_EQ(file.skipped, 22u);
  ASSERT_EQ(file.problems.size(), 2u);
  EXPECT_TRUE(file.problems[0].extra["x"].is_null());
  EXPECT_EQ(file.problems[0].extra["y"], Json::parse(R"([null, "NaN \" NaN"])"));
  EXPECT_EQ(file.problems[1].id, "a-25");
  // With no good row there is nothing to go on with; one bad row alone is said as it is.
  EXPECT_THAT(error_in("b.jsonl", "{\"problem\": \"p\"}\n{}\n", config),
              HasSubstr("none of 2 rows can be read"));
  EXPECT_THAT(error_in("b.jsonl", "{\"problem\": \"p\", \"answer\": NaN}\n"),
              AllOf(HasSubstr("[read problems] "), HasSubstr("b.jsonl:1: field \"answer\""),
                    Not(HasSubstr("--skip-bad"))));
  EXPECT_THAT(error_in("b.json", "[{\"problem\": \"p\", \"answer\": 1}, {\"problem\": 3, \"answer\": 1}]"),
              AllOf(HasSubstr("b.json: row 2: field \"problem\": expected a string, got number"),
                    HasSubstr("go on without the row: --skip-bad")));
}

// Which of the two is meant, nobody can say.
TEST_F(ProblemFiles, AKeyThatStandsTwiceIsABadRow) {
  const std::string good = R"({"problem": "p", "answer": "1", "x": [{"a": 1}, {"a": 2, "b": {"a": 3}}]})",
                    twice = R"({"problem": "p", "answer": "1", "answer": "2"})",
                    inside = R"({"problem": "p", "answer": NaN, "x": [{"a": 1, "b": 0, "a": 1}]})";
  EXPECT_THAT(error_in("a.jsonl", good + "\n" + twice + "\n"),
              AllOf(HasSubstr("a.jsonl:2: expected one JSON value per line: the key \"answer\" stands twice"),
                    HasSubstr("--skip-bad")));
  EXPECT_THAT(error_in("a.jsonl", good + "\n" + inside + "\n"), HasSubstr("the key \"a\" stands twice"));
  EXPECT_THAT(error_in("a.json", "[\n" + good + ",\n" + twice + "]"),
              HasSubstr("the key \"answer\" stands twice"));
  ProblemsConfig config;
  config.skip_bad = true;
  EXPECT_EQ(read("a.jsonl", twice + "\n" + good + "\n", config).problems.size(), 1u);
}

TEST_F(ProblemFiles, OneLineSaysHowColumnsWereUnderstood) {
  testing::internal::CaptureStderr();
  read("own.jsonl", kRows);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  testing::internal::CaptureStderr();
  read(
      "v.jsonl",
      R"({"prompt": "1? Let's think step by step and output the final answer within \\boxed{}.", "answer": "1"}
{"prompt": "2?", "answer": "2"}
)");
  const std::string line = testing::internal::GetCapturedStderr();
  EXPECT_THAT(
      line,
      HasSubstr("v.jsonl read as TRL: problem from prompt, answer from answer; instructions to the model "
                "taken off 1 statements\n"));
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
}

TEST_F(ProblemFiles, HostileFilesAreRefusedInTime) {
  const std::string good = R"({"problem": "p", "answer": "1"})";
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  EXPECT_THAT(error_in("a.jsonl", good + "\n{\"problem\": \"p\", \"answer\": \"1\", \"x\": " + deep + "}"),
              HasSubstr("a.jsonl:2: expected one JSON value per line: expected at most 200 levels"));
  EXPECT_THAT(error_in("a.json", "[" + good + "," + deep + "]"), HasSubstr("expected at most 200 levels"));
  EXPECT_THAT(error_in("a.jsonl", good + "\n{\"problem\": \"p\", \"answer\": 1e999}"),
              HasSubstr("a.jsonl:2: "));
  EXPECT_THAT(error_in("a.jsonl", good + "\n{\"problem\": \"p\xff\", \"answer\": 1}"),
              AllOf(HasSubstr("a.jsonl:2: "), HasSubstr("UTF-8")));
  // JSON in a text is opened for a dotted path only as far as it is JSON, and not too deep.
  ProblemsConfig config;
  config.columns.answer = "x.0.0";
  EXPECT_THAT(error_in("a.jsonl", R"({"problem": "p", "x": ")" + deep + "\"}", config),
              HasSubstr("\"x.0.0\""));

  const std::string packed = gzip(kRows);
  EXPECT_THAT(error_in("a.gz", packed.substr(0, packed.size() / 2)), HasSubstr("cut off"));
  EXPECT_THAT(error_in("a.gz", packed.substr(0, 10)), HasSubstr("cut off"));
  EXPECT_THAT(error_in("a.gz", packed.substr(0, 12) + "zz" + packed.substr(14)), HasSubstr("damaged"));
  const std::string frame = zstd_compress(kRows);
  EXPECT_THAT(error_in("a.zst", frame.substr(0, frame.size() / 2)), HasSubstr("cut off"));
  // Ten gigabytes of zeros.
  const std::string zeros(64 << 20, '\0'), member = gzip(zeros), zstd_member = zstd_compress(zeros);
  std::string bomb, zstd_bomb;
  for (int i = 0; i < 160; ++i) {
    bomb += member;
    zstd_bomb += zstd_member;
  }
  EXPECT_THAT(error_in("bomb.gz", bomb), AllOf(HasSubstr("bomb.gz"), HasSubstr("grows more than 200-fold")));
  EXPECT_THAT(error_in("bomb.zst", zstd_bomb),
              AllOf(HasSubstr("bomb.zst"), HasSubstr("grows more than 200-fold")));
}

TEST(RequireSolutions, SaysWhichColumnsLookLikeOne) {
  const auto problem = [](const std::string& row) { return problem_from_json(Json::parse(row), "f:1"); };
  std::vector<Problem> problems = {problem(R"({"problem": "p", "answer": "1", "reference_solution": "s"})"),
                                   problem(R"({"problem": "p", "answer": "1", "proof": "s"})")};
  EXPECT_THAT(error_of([&] { require_solutions("guide", problems); }),
              AllOf(HasSubstr("[guide] expected problems with solutions, got none in 2"),
                    HasSubstr("reference_solution, proof"),
                    HasSubstr("problems.fields.solution=reference_solution")));
  problems.push_back(problem(R"({"problem": "p", "answer": "1", "solution": "s"})"));
  require_solutions("guide", problems);
  EXPECT_THAT(error_of([&] { require_solutions("sft", {problem(R"({"problem": "p", "answer": "1"})")}); }),
              HasSubstr("problems.fields.solution=COLUMN"));
}

class ParquetFiles : public ProblemFiles {
 protected:
  void SetUp() override {
    if (::dlopen(kParquetLibrary, RTLD_NOW) == nullptr)
      GTEST_SKIP() << "built without Arrow's libraries (scripts/setup.sh): " << ::dlerror();
  }
  static std::string golden(const std::string& name) {
    return read_file(std::string(POPE_SOURCE_DIR) + "/tests/golden/" + name);
  }
};

TEST_F(ParquetFiles, RowsOfVerl) {
  const ProblemFile file = read("train.parquet", golden("data_verl.parquet"));
  EXPECT_EQ(file.format, "Parquet");
  ASSERT_EQ(file.problems.size(), 3u);
  EXPECT_EQ(file.problems[0].statement, "What is 1 + 1?");
  EXPECT_EQ(file.problems[1].statement, "Café \u2028 ½?");
  EXPECT_EQ(file.problems[1].answer, "\\frac{1}{2}");
  EXPECT_EQ(file.problems[2].id, "train-3");
  EXPECT_EQ(file.problems[2].source, "ours");
  EXPECT_EQ(file.problems[2].extra["extra_info"]["index"], 2);
  // Compressed once more, under another name.
  EXPECT_EQ(read("x", gzip(golden("data_verl.parquet"))).problems.size(), 3u);
  ProblemsConfig config;
  config.columns.answer = "none";
  EXPECT_THAT(error_in("train.parquet", golden("data_verl.parquet"), config),
              AllOf(HasSubstr("none of 3 rows"), HasSubstr("train.parquet: row 3: field \"none\"")));
}

TEST_F(ParquetFiles, ValuesOfEveryType) {
  const std::vector<Problem> problems = read("t.parquet", golden("data_types.parquet")).problems;
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_EQ(problems[0].answer, "7");
  EXPECT_EQ(problems[0].solution, "s");
  EXPECT_EQ(problems[0].source, "high");
  EXPECT_EQ(problems[0].level, 2.5);
  EXPECT_EQ(problems[1].solution, "");
  EXPECT_EQ(problems[1].source, "low");
  EXPECT_FALSE(problems[1].level.has_value());
  const Json expected = Json::parse(
      R"({"big": 9223372036854775807, "unsigned": 18446744073709551615, "small": -3, "single": 0.5, "truth": true,)"
      R"( "bytes": null, "large": "text", "list": [1, null], "large_list": ["a"], "fixed": [1, 2],)"
      R"( "map": [{"key": "k", "value": 1}], "time": "2026-01-02 03:04:05.000000", "decimal": "1.50", "nothing": null})");
  EXPECT_EQ(problems[0].extra, expected);
  for (const auto& [name, value] : problems[1].extra.items()) EXPECT_TRUE(value.is_null()) << name;
}

TEST_F(ParquetFiles, DamagedFilesAreRefused) {
  const std::string whole = golden("data_verl.parquet");
  for (std::size_t size = 4; size < whole.size(); size += 197)
    EXPECT_THAT(error_in("cut.parquet", whole.substr(0, size)), HasSubstr("cut.parquet: the file is damaged"))
        << size;
  // A flipped byte anywhere gives an error or other rows, no crash.
  testing::internal::CaptureStderr();
  for (std::size_t at = 4; at < whole.size(); at += 41) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(~flipped[at]);
    write_file(dir_ / "flipped.parquet", flipped);
    try {
      read_problem_file(dir_ / "flipped.parquet", {});
    } catch (const Error&) {
    }
  }
  testing::internal::GetCapturedStderr();
}

// Outside data, in the formats that people have it in.
TEST_F(ProblemFiles, RealDataReadsTheSameInEveryFormat) {
  const char* data = std::getenv("POPE_DATA");
  if (!data) GTEST_SKIP() << "set POPE_DATA to a folder of problem files";
  const std::filesystem::path lines = std::filesystem::path(data) / "aime_1983_2023.jsonl";
  const std::vector<Problem> expected = read_problems(lines, {});
  Json array = Json::array(), questions = Json::array();
  std::string verl;
  read_jsonl(lines, [&](Json&& row, std::size_t) {
    questions.push_back(
        {{"question", row["problem"]}, {"final_answer", {row["answer"]}}, {"solution", {row["solution"]}}});
    verl += dump({{"prompt", {{{"role", "user"}, {"content", row["problem"]}}}},
                  {"reward_model", {{"ground_truth", row["answer"]}}}}) +
            "\n";
    array.push_back(std::move(row));
  });
  const std::vector<Problem> from_array = read("a.json", gzip(dump(array, 2))).problems;
  const std::vector<Problem> from_questions = read("b.json", dump(questions)).problems;
  const std::vector<Problem> from_verl = read("c.jsonl", zstd_compress(verl)).problems;
  ASSERT_EQ(from_array.size(), expected.size());
  ASSERT_EQ(from_questions.size(), expected.size());
  ASSERT_EQ(from_verl.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(to_json(from_array[i]), to_json(expected[i]));
    EXPECT_EQ(from_questions[i].statement, expected[i].statement);
    EXPECT_EQ(from_questions[i].answer, expected[i].answer);
    EXPECT_EQ(from_questions[i].solution, expected[i].solution);
    EXPECT_EQ(from_verl[i].statement, expected[i].statement);
    EXPECT_EQ(from_verl[i].answer, expected[i].answer);
  }
}

}  // namespace
}  // namespace pope
