// The table of docs/formats.md: each layout of other programs' files, by rows of our own, and what becomes of
// it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/error.h"
#include "data/columns.h"

namespace pope {
namespace {

using testing::AllOf;
using testing::HasSubstr;

ReadRow read(const std::string& row, const Columns& columns = {}) {
  return read_row(Json::parse(row), "f.jsonl:1", columns);
}

std::string error_of(const std::string& row, const Columns& columns = {}) {
  try {
    read(row, columns);
  } catch (const RowError& error) {
    return error.what();
  }
  return "no error";
}

struct Case {
  const char *name, *row, *statement, *answer, *solution, *read_as;
};

// Named as in docs/formats.md.
const std::vector<Case> kCases = {
    {"own form", R"({"problem": "1+1?", "answer": "2", "solution": "Add."})", "1+1?", "2", "Add.", ""},
    {"DeepScaleR", R"({"problem": "1+1?", "answer": "2", "solution": ""})", "1+1?", "2", "", ""},
    {"Big-Math",
     R"({"problem": "1+1?", "answer": "2", "source": "s", "domain": ["Algebra"], "llama8b_solve_rate": 0.5})",
     "1+1?", "2", "", ""},
    {"GSM8K", R"({"question": "1+1?", "answer": "Add <<1+1=2>>2.\n#### 2"})", "1+1?", "2", "Add 2.",
     "GSM8K: problem from question, answer from answer"},
    {"GSM8K renamed", R"({"problem": "1+1?", "answer": "Add <<1+1=2>>2.\n#### 2"})", "1+1?", "2", "Add 2.",
     ""},
    {"GSM8K as a solution", R"({"problem": "1+1?", "solution": "Add 2.\n#### 2"})", "1+1?", "2", "Add 2.",
     "MATH: problem from problem, answer from solution"},
    {"verl",
     R"({"data_source": "d", "prompt": [{"role": "system", "content": "Be good."}, {"role": "user", "content": "1+1?"}], "ability": "math", "reward_model": {"style": "rule", "ground_truth": "2"}, "extra_info": {"index": 0}})",
     "1+1?", "2", "", "verl: problem from prompt, answer from reward_model.ground_truth"},
    {"a solution with the answer left null",
     R"({"problem": "1+1?", "answer": null, "solution": "Add 2.\n#### 2"})", "1+1?", "2", "Add 2.",
     "MATH: problem from problem, answer from solution"},
    {"ASDiv", R"({"body": "Let x be 1.", "question": "x+1?", "answer": "2"})", "Let x be 1.\n\nx+1?", "2", "",
     "GSM8K: problem from question, answer from answer"},
    {"SVAMP", R"({"ID": "c-1", "Body": "Let x be 1", "Question": "x+1?", "Answer": 2.0})",
     "Let x be 1\n\nx+1?", "2.0", "", "AIME: problem from Question, answer from Answer"},
    {"verl, a list in the answer",
     R"({"prompt": [{"role": "user", "content": "1+1?"}], "reward_model": {"ground_truth": ["2\n"]}})",
     "1+1?", "2", "", "verl: problem from prompt, answer from reward_model.ground_truth"},
    {"ORZ evaluation", R"({"prompt": [{"from": "user", "value": "1+1?"}], "final_answer": "2"})", "1+1?", "2",
     "", "ORZ: problem from prompt, answer from final_answer"},
    {"verl with the question in extra_info",
     R"({"data_source": "d", "prompt": [{"role": "user", "content": "1+1? Answer!"}], "reward_model": {"ground_truth": "2"}, "extra_info": {"question": "1+1?", "answer": "Add 2.\n#### 2"}})",
     "1+1?", "2", "Add 2.",
     "verl with extra_info: problem from extra_info.question, answer from reward_model.ground_truth, "
     "solution from "
     "extra_info.answer"},
    {"Skywork: a JSON list in a text",
     R"({"prompt": [{"role": "user", "content": "1+1?"}], "reward_model": {"ground_truth": "[\"2\"]"}})",
     "1+1?", "2", "", "verl: problem from prompt, answer from reward_model.ground_truth"},
    {"DAPO",
     R"({"prompt": [{"role": "user", "content": "Solve the following math problem step by step. The last line of your response should be of the form Answer: $Answer (without quotes) where $Answer is the answer to the problem.\n\n1+1?\n\nIs it?\n\nRemember to put your answer on its own line after \"Answer:\"."}], "reward_model": {"ground_truth": "2"}})",
     "1+1?\n\nIs it?", "2", "", "verl: problem from prompt, answer from reward_model.ground_truth"},
    {"DAPO processed", R"({"prompt": "1+1?", "solution": "2", "reward_model": {"ground_truth": "2"}})",
     "1+1?", "2", "",
     "verl: problem from prompt, answer from reward_model.ground_truth, solution from solution"},
    {"TRL", R"({"prompt": [{"role": "user", "content": "1+1?"}], "answer": "2", "solution": "Add."})", "1+1?",
     "2", "Add.", "TRL: problem from prompt, answer from answer, solution from solution"},
    {"TRL, an answer called solution", R"({"prompt": "1+1?", "solution": "$2$"})", "1+1?", "$2$", "",
     "TRL: problem from prompt, answer from solution"},
    {"TRL, a boxed solution", R"({"prompt": "1+1?", "solution": "It is \\boxed{2}."})", "1+1?", "2",
     "It is \\boxed{2}.", "TRL: problem from prompt, answer from solution"},
    {"ROLL",
     R"({"id": 1, "prompt": "Be good.", "messages": "[{\"role\": \"system\", \"content\": \"Be good.\"}, {\"role\": \"user\", \"content\": \"1+1?\"}]", "ground_truth": "2"})",
     "1+1?", "2", "", "open-instruct: problem from messages, answer from ground_truth"},
    {"open-instruct",
     R"({"messages": [{"role": "user", "content": "1+1?"}], "ground_truth": "2", "dataset": ["math"]})",
     "1+1?", "2", "", "open-instruct: problem from messages, answer from ground_truth"},
    {"AReaL",
     R"({"messages": [{"role": "user", "content": [{"type": "text", "text": "1+1?"}]}], "answer": "2"})",
     "1+1?", "2", "", "AReaL: problem from messages, answer from answer"},
    {"AReaL boba",
     R"({"prompt": "<｜User｜>\n1+1?\nPlease reason step by step, and put your final answer within \\boxed{}.<｜Assistant｜><think>\n", "task": "math", "query_id": "q", "solutions": ["\\boxed{2}"]})",
     "1+1?", "2", "", "AReaL: problem from prompt, answer from solutions"},
    {"ROLL, without messages", R"({"prompt": "1+1?", "ground_truth": "2"})", "1+1?", "2", "",
     "ROLL: problem from prompt, answer from ground_truth"},
    {"rllm",
     R"({"context": "Let x be 1.", "problem": "x+1?", "answer": ["2\n", "2"], "solution": ["Add.", "Or so."]})",
     "Let x be 1.\n\nx+1?", "2", "Add.",
     "rllm: problem from problem, answer from answer, solution from solution"},
    {"verl, a boxed answer", R"({"prompt": "1+1?", "reward_model": {"ground_truth": "1+1=\\boxed{2}"}})",
     "1+1?", "2", "", "verl: problem from prompt, answer from reward_model.ground_truth"},
    {"slime", R"({"prompt": [{"role": "user", "content": "1+1?"}], "label": "2"})", "1+1?", "2", "",
     "slime: problem from prompt, answer from label"},
    {"MATH, NuminaMath",
     R"({"problem": "1+1?", "solution": "So \\boxed{1}, no: $\\boxed{\\frac{4}{2}}$.", "level": "Level 5"})",
     "1+1?", "\\frac{4}{2}", "So \\boxed{1}, no: $\\boxed{\\frac{4}{2}}$.",
     "MATH: problem from problem, answer from solution"},
    {"AIME 2024", R"({"ID": "2024-I-1", "Problem": "1+1?", "Solution": "Add.", "Answer": 2})", "1+1?", "2",
     "Add.", "AIME: problem from Problem, answer from Answer, solution from Solution"},
    {"AIME 1983 to 2024",
     R"({"ID": "1983-1", "Year": 1983, "Question": "1+1?", "Answer": "2", "Part": null})", "1+1?", "2", "",
     "AIME: problem from Question, answer from Answer"},
    {"OlympiadBench",
     R"({"id": 7, "context": "Let x be 1.", "question": "x+1 and x-1?", "solution": ["Add.", "Or so."], "final_answer": ["$2$", "$0$"], "is_multiple_answer": true})",
     "Let x be 1.\n\nx+1 and x-1?", "$2$, $0$", "Add.",
     "OlympiadBench: problem from question, answer from final_answer, solution from solution"},
    {"ORZ", R"([{"from": "human", "value": "1+1?"}, {"from": "assistant", "ground_truth": {"value": "2"}}])",
     "1+1?", "2", "", "ORZ: problem from conversation, answer from conversation.1.ground_truth.value"},
};

TEST(Layouts, EachIsReadAsTheTableSays) {
  for (const Case& one : kCases) {
    SCOPED_TRACE(one.name);
    const ReadRow row = read(one.row);
    EXPECT_EQ(row.problem.statement, one.statement);
    EXPECT_EQ(row.problem.answer, one.answer);
    EXPECT_EQ(row.problem.solution, one.solution);
    EXPECT_EQ(row.read_as, one.read_as);
    // What is written is our own form, and reads as the same problem.
    const ReadRow again = read_row(to_json(row.problem), "again:1", {});
    EXPECT_EQ(to_json(again.problem), to_json(row.problem));
    EXPECT_EQ(again.read_as, "");
  }
}

TEST(Layouts, ColumnsOfOthersAreKeptUnderNamesThatMeanNothingToUs) {
  const auto verl_case = std::find_if(kCases.begin(), kCases.end(),
                                      [](const Case& one) { return one.name == std::string("verl"); });
  const Problem verl = read(verl_case->row).problem;
  EXPECT_EQ(verl.source, "d");
  EXPECT_EQ(verl.extra["extra_info"]["index"], 0);
  EXPECT_EQ(verl.extra["prompt"][0]["content"], "Be good.");
  EXPECT_FALSE(verl.extra.contains("data_source"));
  const Problem lists = read(R"({"question": "q", "solution": ["a", "b"], "final_answer": ["1"]})").problem;
  EXPECT_EQ(lists.extra["original_solution"][1], "b");
  EXPECT_FALSE(lists.extra.contains("solution"));
  EXPECT_EQ(read(R"({"ID": "x-1", "Problem": "p", "Answer": "1"})").problem.id, "x-1");
  EXPECT_EQ(read(R"({"prompt": "p", "answer": "1", "id": {"a": 1}})").problem.id, "");
}

TEST(Layouts, NamedColumnsWinOverRecognition) {
  Columns columns;
  columns.problem = "turns.1.content";
  columns.answer = "info.gold.0";
  columns.solution = "worked";
  columns.source = "where.name";
  columns.level = "rank";
  columns.id = "key";
  const ReadRow row = read(
      R"({"key": 5, "turns": [{"content": "no"}, {"content": "1+1?"}], "info": "{\"gold\": [2, 3]}", "worked": "Add.",)"
      R"( "where": {"name": "w"}, "rank": "hard: 4", "problem": "other"})",
      columns);
  EXPECT_EQ(row.problem.id, "5");
  EXPECT_EQ(row.problem.statement, "1+1?");
  EXPECT_EQ(row.problem.answer, "2");
  EXPECT_EQ(row.problem.solution, "Add.");
  EXPECT_EQ(row.problem.source, "w");
  EXPECT_EQ(row.problem.level, 4);
  EXPECT_EQ(row.problem.extra["original_problem"], "other");
  EXPECT_EQ(row.read_as, "problem from turns.1.content, answer from info.gold.0, solution from worked");
  // A column whose own name has a dot, one alone, and one that is not there.
  columns = {};
  columns.answer = "a.b";
  EXPECT_EQ(read(R"({"problem": "p", "a.b": "1"})", columns).problem.answer, "1");
  columns.answer = "";
  columns.solution = "reference_solution";
  EXPECT_EQ(read(R"({"problem": "p", "answer": "1", "reference_solution": "s"})", columns).problem.solution,
            "s");
  columns.problem = "prompt.0.content";
  EXPECT_THAT(error_of(R"({"prompt": [], "answer": "1"})", columns),
              AllOf(HasSubstr("f.jsonl:1: field \"prompt.0.content\": expected a string, got nothing"),
                    HasSubstr("there are: prompt, answer")));
}

TEST(Layouts, MetadataIsNeverAnError) {
  const auto level = [](const std::string& value) {
    return read(R"({"problem": "p", "answer": "1", "level": )" + value + "}").problem;
  };
  EXPECT_EQ(level("\"Level 5\"").level, 5);
  EXPECT_EQ(level("\"2.5\"").level, 2.5);
  EXPECT_EQ(level("3").level, 3);
  EXPECT_FALSE(level("null").level.has_value());
  for (const char* kept : {"\"Level ?\"", "\"\"", "true", "[5]", "{\"a\": 1}"}) {
    const Problem problem = level(kept);
    EXPECT_FALSE(problem.level.has_value()) << kept;
    EXPECT_EQ(to_json(problem)["level"], Json::parse(kept)) << kept;
  }
  const auto source = [](const std::string& value) {
    return read(R"({"problem": "p", "answer": "1", "source": )" + value + "}").problem;
  };
  EXPECT_EQ(source("3").source, "3");
  EXPECT_EQ(source("1e300").source, "1e+300");
  EXPECT_EQ(source("[\"a\", 2]").source, "a, 2");
  EXPECT_EQ(source("null").source, "");
  EXPECT_EQ(to_json(source("{\"a\": 1}"))["source"]["a"], 1);
  EXPECT_EQ(to_json(source("[\"a\", 2]"))["source"], "a, 2");
}

TEST(Layouts, ErrorsSayWhatWouldDo) {
  EXPECT_THAT(error_of(R"({"text": "p", "gold": "1"})"),
              AllOf(HasSubstr("field \"problem\": expected a string, got nothing"),
                    HasSubstr("--set problems.fields.problem=COLUMN"), HasSubstr("there are: text, gold")));
  EXPECT_THAT(error_of(R"({"problem": "p", "gold": "1"})"),
              AllOf(HasSubstr("field \"answer\": expected the reference answer, got nothing"),
                    HasSubstr("--set problems.fields.answer=COLUMN"), HasSubstr("there are: problem, gold")));
  EXPECT_THAT(
      error_of(R"({"problem": "p", "solution": "So it is."})"),
      HasSubstr("field \"solution\": expected the answer in \\boxed{} or after \"####\", got neither"));
  EXPECT_THAT(error_of(R"({"prompt": [{"role": "system", "content": "s"}], "answer": "1"})"),
              AllOf(HasSubstr("field \"prompt\": expected a string, got array"), HasSubstr("a user's turn")));
  EXPECT_THAT(error_of(R"({"prompt": "p", "solutions": []})"), HasSubstr("got an empty one"));
  EXPECT_THAT(error_of(R"({"prompt": "p", "answer": {"a": 1}})"),
              HasSubstr("field \"answer\": expected a string or a number, got object"));
  EXPECT_THAT(error_of(R"({"prompt": "p", "reward_model": {"ground_truth": "[\"1\", \"2\"]"}})"),
              AllOf(HasSubstr("expected one reference answer, got several: \"1\", \"2\""),
                    HasSubstr("problems.fields.answer=reward_model.ground_truth.0")));
  EXPECT_THAT(error_of(R"([1])"), HasSubstr("f.jsonl:1: expected a JSON object, got array"));
}

// In our own form a solution is there or the mark begins a line; elsewhere "####" is text.
TEST(Layouts, OwnAnswersAreSplitOnlyWhereGsm8kPutItsMark) {
  const auto answer = [](const std::string& text, const std::string& solution) {
    return read(dump({{"problem", "p"}, {"answer", text}, {"solution", solution}})).problem.answer;
  };
  EXPECT_EQ(answer("steps\n#### 7", ""), "7");
  EXPECT_EQ(answer("#### 7", ""), "7");
  EXPECT_EQ(answer("steps\n#### 7", "s"), "steps\n#### 7");
  EXPECT_EQ(answer("x #### 7", ""), "x #### 7");
  EXPECT_EQ(answer("steps\n#### 7\nmore", ""), "steps\n#### 7\nmore");
  EXPECT_EQ(answer("steps\n####", ""), "steps\n####");
  EXPECT_EQ(answer("\\boxed{7}", ""), "\\boxed{7}");
}

TEST(Layouts, ColumnsThatLookLikeASolution) {
  const Json extra = Json::parse(
      R"({"reference_solution": "s", "url": "u", "generations": ["a", "b"], "note": "so \\boxed{1}", "Rationale": "r",)"
      R"( "solution_count": 3})");
  EXPECT_THAT(solution_candidates(extra),
              testing::ElementsAre("reference_solution", "generations.0", "note", "Rationale"));
}

}  // namespace
}  // namespace pope
