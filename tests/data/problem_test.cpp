// Problem files: both forms, what is kept, and the errors a user sees.
#include "data/problem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "core/error.h"

namespace pope {
namespace {

using testing::HasSubstr;

std::filesystem::path file_with(const std::string& name, const std::string& content) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

std::string error_of(const std::string& content) {
  try {
    read_problems(file_with("broken.jsonl", content));
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

Problem parsed(const std::string& row) { return problem_from_json(Json::parse(row), "f.jsonl:1"); }

TEST(Problem, PublishedGsm8kForm) {
  const auto problems = read_problems(file_with(
      "gsm.jsonl",
      R"({"question": "How many clips?", "answer": "She sold 48/2 = <<48/2=24>>24 clips.\nIn all ## #### 1,200 <<1176+24=1200>>clips.\n#### 1,200"}
{"question": "And now?", "answer": "7"}
)"));
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_EQ(problems[0].id, "gsm-1");
  EXPECT_EQ(problems[0].statement, "How many clips?");
  EXPECT_EQ(problems[0].solution, "She sold 48/2 = 24 clips.\nIn all ## #### 1,200 clips.");
  EXPECT_EQ(problems[0].answer, "1,200");
  EXPECT_FALSE(problems[0].level.has_value());
  EXPECT_EQ(problems[1].id, "gsm-2");
  EXPECT_EQ(problems[1].answer, "7");
  EXPECT_EQ(problems[1].solution, "");
}

TEST(Problem, OwnFormKeepsEveryField) {
  const std::string row =
      R"({"id":"a/1","problem":"Café #### ?","answer":"x #### y","solution":"one\ntwo","source":"s","level":3.5,)"
      R"("guidance":{"kind":"oracle_prefix","text":"one","fraction":0.375,"instruction":"silent","samples":8,"correct":3,"note":"n"},)"
      R"("tags":["p","q"],"mining":{"samples":128,"correct":0}})";
  const Problem problem = parsed(row);
  EXPECT_EQ(problem.answer, "x #### y");  // split only in the published form
  EXPECT_EQ(problem.level, 3.5);
  ASSERT_TRUE(problem.guidance.has_value());
  EXPECT_EQ(problem.guidance->text, "one");
  EXPECT_EQ(problem.guidance->fraction, 0.375);
  EXPECT_EQ(problem.guidance->instruction, "silent");
  EXPECT_EQ(problem.guidance->samples, 8);
  EXPECT_EQ(problem.guidance->correct, 3);
  EXPECT_EQ(problem.extra["mining"]["samples"], 128);
  EXPECT_EQ(dump(to_json(problem)), row);
}

TEST(Problem, WritesAndReadsBack) {
  Problem bare = parsed(R"({"problem": "p", "answer": "1"})");
  bare.id = "bare";
  const Problem rich =
      parsed(R"({"id": "rich", "question": "line\u2028separator", "answer": "2", "k": {"v": null}})");
  const auto path = std::filesystem::path(testing::TempDir()) / "written.jsonl";
  write_problems(path, {bare, rich});
  const auto again = read_problems(path);
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(to_json(again[0]), to_json(bare));
  EXPECT_EQ(to_json(again[1]), to_json(rich));
  EXPECT_EQ(again[1].statement, "line\u2028separator");
  EXPECT_FALSE(to_json(bare).contains("guidance"));
}

TEST(Problem, CalculatorMarksOnly) {
  const auto solution = [](const std::string& text) {
    return parsed(dump({{"problem", "p"}, {"answer", "1"}, {"solution", text}})).solution;
  };
  EXPECT_EQ(solution("a <<12/60=0.2>>0.2 b"), "a 0.2 b");
  EXPECT_EQ(solution("$<<9*2=$18>>18, <<.5*100=50%>>, <<3/4=3/4>>"), "$18, , ");
  EXPECT_EQ(solution("<<<1+1=2>>2"), "<2");
  for (const char* kept : {"cout << a << endl; b >> c = 2", "<<a=2>>", "1 <<2 = 4 >> 0", "1 << 2=4>> 0",
                           "<<12>>", "<<1+1=2", "<<1+1=>>", "<<1+1=2> >", "<<", "a <"})
    EXPECT_EQ(solution(kept), kept);
}

TEST(Problem, AnswerAndIdMayBeNumbers) {
  EXPECT_EQ(parsed(R"({"problem": "p", "answer": 72})").answer, "72");
  EXPECT_EQ(parsed(R"({"problem": "p", "answer": -3})").answer, "-3");
  EXPECT_EQ(parsed(R"({"problem": "p", "answer": 0.1})").answer, "0.1");
  EXPECT_EQ(parsed(R"({"problem": "p", "answer": 9223372036854775807})").answer, "9223372036854775807");
  EXPECT_EQ(parsed(R"({"problem": "p", "answer": "1", "id": 12})").id, "12");
  EXPECT_EQ(parsed(R"({"problem": "p", "answer": "1"})").id, "");
}

TEST(Problem, ErrorsNameFileLineAndField) {
  const std::string good = R"({"id": "one", "problem": "p", "answer": "1"})";
  const std::vector<std::pair<std::string, std::string>> bad = {
      {R"({"problem": "p"})", "\"answer\": expected the reference answer, got nothing"},
      {R"({"problem": "p", "answer": " "})", "\"answer\": expected the reference answer, got an empty one"},
      {R"({"question": "p", "answer": "steps ####"})",
       "\"answer\": expected the reference answer, got an empty one"},
      {R"({"problem": "p", "answer": true})", "\"answer\": expected a string or a number, got boolean"},
      {R"({"problem": "p", "answer": 1e300})", "\"answer\": expected a number that 64 bits hold exactly"},
      {R"({"answer": "1"})", "\"problem\": expected a string, got nothing"},
      {R"({"problem": 5, "answer": "1"})", "\"problem\": expected a string, got number"},
      {R"({"problem": " \n", "answer": "1"})", "\"problem\": expected some text, got an empty string"},
      {R"({"problem": "p", "answer": "1", "solution": ["a"]})", "\"solution\": expected a string, got array"},
      {R"({"problem": "p", "answer": "1", "id": {}})", "\"id\": expected a string or a number, got object"},
      {R"({"problem": "p", "answer": "1", "id": "one"})", "\"id\": expected a new id, got \"one\" of line 1"},
      {R"({"problem": "p", "answer": "1", "guidance": "g"})",
       "\"guidance\": expected a JSON object, got string"},
      {R"({"problem": "p", "answer": "1", "guidance": {}})",
       "\"guidance\": field \"text\": expected a string"},
      {R"({"problem": "p", "answer": "1", "guidance": {"text": "g", "instruction": "loud"}})",
       "\"guidance\": field \"instruction\": expected \"default\", \"silent\""},
      {R"({"problem": "p", "answer": "1", "guidance": {"text": "g", "samples": 1.5}})",
       "\"guidance\": field \"samples\": expected a whole number"},
      {R"(["p"])", "expected a JSON object, got array"}};
  for (const auto& [row, message] : bad) {
    const std::string error = error_of(good + "\n\n" + row + "\n");
    EXPECT_THAT(error, HasSubstr("broken.jsonl:3: ")) << row;
    EXPECT_THAT(error, HasSubstr(message)) << row;
  }
  EXPECT_THAT(error_of(good + "\n{\"problem\": \n"), HasSubstr("broken.jsonl:2"));
  EXPECT_THAT(error_of("\n\n"), HasSubstr("broken.jsonl: expected at least one problem"));
}

// Outside data: problem files of ten sources, JSON Lines with U+2028 inside.
TEST(Problem, ReadsEveryDataFile) {
  const char* data = std::getenv("POPE_DATA");
  if (!data) GTEST_SKIP() << "set POPE_DATA to a folder of problem files";
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(data)) {
    if (entry.path().extension() != ".jsonl" || entry.path().stem() == "verifier_cases") continue;
    ++files;
    std::vector<Json> rows;
    read_jsonl(entry.path(), [&](Json&& row, std::size_t) { rows.push_back(std::move(row)); });
    const std::vector<Problem> problems = read_problems(entry.path());
    ASSERT_EQ(problems.size(), rows.size()) << entry.path();
    const bool gsm8k = entry.path().stem().string().starts_with("gsm8k");
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::string expected = rows[i]["solution"], got = problems[i].solution;
      if (gsm8k) {
        EXPECT_EQ(got.find("<<"), std::string::npos) << problems[i].id;
      } else {
        EXPECT_EQ(got, expected);
      }
      Json back = to_json(problems[i]);
      back["solution"] = expected;
      ASSERT_EQ(nlohmann::json::parse(back.dump()), nlohmann::json::parse(rows[i].dump())) << problems[i].id;
    }
  }
  EXPECT_GT(files, 0u);
}

}  // namespace
}  // namespace pope
