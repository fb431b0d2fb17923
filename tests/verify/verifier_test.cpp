// The verifiers from outside: verdicts and reasons; and agreement with a file of facts about equal answers.
#include "verify/verifier.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "core/error.h"

namespace pope {
namespace {

Problem with_answer(const std::string& answer) {
  Problem problem;
  problem.answer = answer;
  return problem;
}

TEST(MathVerifier, BoxThenAnswerLineThenLastNumber) {
  const auto verifier = make_verifier({});
  struct Case {
    const char* completion;
    bool correct;
    const char *extracted, *reason;
  };
  for (const Case& c : std::vector<Case>{{"so \\boxed{1,200}", true, "1,200", "equal"},
                                         {"\\boxed{1200} no: \\boxed{7}", false, "7", "not equal"},
                                         {"the answer is 7, or \\boxed{1200}", true, "1200", "equal"},
                                         {"\\boxed{} 1200", false, "", "no answer found"},
                                         {"\\boxed{ \\text{} } 1200", false, " \\text{} ", "no answer found"},
                                         {"The answer is 1200. Not 7.", true, "1200", "equal"},
                                         {"7 times\n#### 1200", true, "1200", "equal"},
                                         {"#### 1200\n#### 7", false, "7", "not equal"},
                                         {"it makes 7 + 1193 = 1200.", true, "1200", "equal"},
                                         {"the answer is \\boxed{1200", false, "", "no answer found"},
                                         {"nothing at all", false, "", "no answer found"},
                                         {"", false, "", "no answer found"}}) {
    const Verdict verdict = verifier->verify(with_answer("1200"), c.completion);
    EXPECT_EQ(verdict.correct, c.correct) << c.completion;
    EXPECT_EQ(verdict.extracted, c.extracted) << c.completion;
    EXPECT_EQ(verdict.reason, c.reason) << c.completion;
  }
  VerifyConfig strict;
  strict.last_number = false;
  EXPECT_FALSE(make_verifier(strict)->verify(with_answer("1200"), "it makes 1200.").correct);
  EXPECT_TRUE(make_verifier(strict)->verify(with_answer("1200"), "Answer: 1200").correct);
}

TEST(MathVerifier, LeakGuard) {
  const auto verifier = make_verifier({});
  EXPECT_TRUE(verifier->states_answer(with_answer("72"), "48 + 24 = 72 clips"));
  EXPECT_FALSE(verifier->states_answer(with_answer("72"), "48 / 2 = 24 clips, not 720"));
}

TEST(Verifier, UnknownKind) {
  VerifyConfig config;
  config.kind = "maths";
  EXPECT_THROW(make_verifier(config), Error);
}

// m = 2: 3 → {6, 6, 2, 10}, 14 → {0, 11, 8, 9} mod 17, then e.g. 6 → 9 and 0 → 5.
Problem registers(const std::string& statement = "3 14 to 9 5") {
  Problem problem;
  problem.statement = statement;
  problem.answer = "9 5";
  problem.extra["modulus"] = 17;
  return problem;
}

TEST(RegistersVerifier, AnyLegalWalkToTheTargets) {
  VerifyConfig config;
  config.kind = "registers";
  const auto verifier = make_verifier(config);
  const auto reason = [&](const std::string& completion, const std::string& statement = "3 14 to 9 5") {
    const Verdict verdict = verifier->verify(registers(statement), completion);
    EXPECT_EQ(verdict.correct, verdict.reason == "all targets met");
    return verdict.reason;
  };
  EXPECT_EQ(reason("6 0 9 5"), "all targets met");
  EXPECT_EQ(reason(" 6  0 9\n5 "), "all targets met");
  EXPECT_EQ(reason("6 0 9 1"), "target 2 missed: 1 instead of 5");
  EXPECT_EQ(reason("6 0 9 1", "3 14 to 9 *"), "all targets met");
  EXPECT_EQ(reason("6 0 9 1", "3 14 to * *"), "all targets met");
  EXPECT_EQ(reason("6 1 9 5"), "illegal move at word 2: 14 to 1");
  EXPECT_EQ(reason("6 0 10 5"), "illegal move at word 3: 6 to 10");
  EXPECT_EQ(reason("6 0 9"), "expected 4 words, got 3");
  EXPECT_EQ(reason("6 0 9 5 5"), "expected 4 words, got 5");
  EXPECT_EQ(reason(""), "expected 4 words, got 0");
  EXPECT_EQ(reason("6 0 9 to"), "no value at word 4");
  EXPECT_EQ(reason("6 0 9 22"), "no value at word 4");  // 5 mod 17, but not a value
  EXPECT_EQ(reason("6 0 09 5"), "no value at word 3");
  EXPECT_EQ(reason("6 0", "3 14 once 6 0"), "all targets met");
  EXPECT_EQ(reason("6 0 9 5", "3 14 once 9 5"), "expected 2 words, got 4");
  EXPECT_EQ(verifier->verify(registers(), "6 0 9 1").extracted, "9 1");
  EXPECT_EQ(verifier->verify(registers(), "6 0 9").extracted, "");
  EXPECT_THROW(verifier->verify(registers("What is 2 + 2?"), "4"), Error);
}

TEST(RegistersVerifier, SilentCompletionsGoOnWhereTheGuidanceEnds) {
  VerifyConfig config;
  config.kind = "registers";
  const auto verifier = make_verifier(config);
  Problem problem = registers();
  problem.guidance = Guidance{.text = "6 0 9", .instruction = "silent"};
  EXPECT_TRUE(verifier->verify(problem, "5").correct);
  EXPECT_TRUE(verifier->verify(problem, "6 0 9 5").correct);  // restated all the same
  EXPECT_EQ(verifier->verify(problem, "1").reason, "target 2 missed: 1 instead of 5");
  EXPECT_EQ(verifier->verify(problem, "9 5").reason, "expected 4 words, got 5");
  for (const char* instruction : {"default", ""}) {
    problem.guidance->instruction = instruction;
    EXPECT_FALSE(verifier->verify(problem, "5").correct) << instruction;
    EXPECT_TRUE(verifier->verify(problem, "6 0 9 5").correct) << instruction;
  }
}

TEST(RegistersVerifier, LeakGuard) {
  VerifyConfig config;
  config.kind = "registers";
  const auto verifier = make_verifier(config);
  EXPECT_TRUE(verifier->states_answer(registers(), "6 0 9 5"));
  EXPECT_TRUE(verifier->states_answer(registers(), "9 5"));
  EXPECT_FALSE(verifier->states_answer(registers(), "6 0 9"));
  EXPECT_FALSE(verifier->states_answer(registers(), "6 9 0 5"));
  EXPECT_FALSE(verifier->states_answer(registers(), "6 0 19 5"));
  EXPECT_FALSE(verifier->states_answer(registers(), ""));
}

// Outside data: each reference answer, boxed, equals itself.
TEST(MathVerifier, EveryAnswerEqualsItself) {
  int unbalanced = 0;
  const char* data = std::getenv("POPE_DATA");
  if (!data) GTEST_SKIP() << "set POPE_DATA to a folder of problem files";
  const auto verifier = make_verifier({});
  for (const auto& entry : std::filesystem::directory_iterator(data)) {
    if (entry.path().extension() != ".jsonl" || entry.path().stem() == "verifier_cases") continue;
    for (const Problem& problem : read_problems(entry.path())) {
      const std::string completion = "So \\boxed{" + problem.answer + "}.";
      if (last_boxed(completion) == problem.answer) {
        EXPECT_TRUE(verifier->verify(problem, completion).correct) << problem.id << ": " << problem.answer;
      } else {
        ++unbalanced;
      }
    }
  }
  EXPECT_LE(unbalanced, 4);  // answers with a lost brace
}

// Outside data: facts about equal answers from several graders ("answer": compared as they are; "response"
// and "freetext": a completion). Those marked "disputed:" are left out.
TEST(MathVerifier, AgreesWithKnownCases) {
  const char* data = std::getenv("POPE_DATA");
  if (!data) GTEST_SKIP() << "set POPE_DATA to a folder with verifier_cases.jsonl";
  const auto verifier = make_verifier({});
  int cases = 0, agree = 0, wrongly_correct = 0;
  read_jsonl(std::filesystem::path(data) / "verifier_cases.jsonl", [&](Json&& row, std::size_t) {
    std::string completion = row["pred"];
    const bool boxed = row["form"] != "answer" || completion.find("\\boxed") != std::string::npos;
    const Verdict verdict =
        verifier->verify(with_answer(row["gold"]), boxed ? completion : "\\boxed{" + completion + "}");
    if (row["kind"].get<std::string>().starts_with("disputed:")) return;
    ++cases;
    agree += verdict.correct == row["equal"];
    wrongly_correct += verdict.correct && !row["equal"];
  });
  std::cout << "agrees in " << agree << " of " << cases << " cases, wrongly correct in " << wrongly_correct
            << "\n";
  EXPECT_GE(agree, cases * 74 / 100);
  EXPECT_LE(wrongly_correct, 5);  // completions without a box, which stricter graders refuse
}

}  // namespace
}  // namespace pope
