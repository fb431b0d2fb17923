// The verifiers from outside: verdicts and reasons; and agreement with files of facts about answers.
#include "verify/verifier.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <set>

#include "core/error.h"
#include "text/boxes.h"
#include "verify/answers.h"
#include "verify/extract.h"

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
  for (const Case& c :
       std::vector<Case>{{"so \\boxed{1,200}", true, "1,200", "equal"},
                         {"\\boxed{1200} no: \\boxed{7}", false, "7", "not equal"},
                         {"the answer is 7, or \\boxed{1200}", true, "1200", "equal"},
                         {"\\boxed{} 1200", false, "", "no answer found: the box is empty"},
                         {"\\boxed{ \\text{} } 1200", false, " \\text{} ", "not equal: the answer is empty"},
                         {"The answer is 1200. Not 7.", true, "1200", "equal"},
                         {"7 times\n#### 1200", true, "1200", "equal"},
                         {"#### 1200\n#### 7", false, "7", "not equal"},
                         {"it makes 7 + 1193 = 1200.", true, "1200", "equal"},
                         {"the answer is \\boxed{1200", false, "", "no answer found: the box is not closed"},
                         {"nothing at all", false, "", "no answer found"},
                         {"", false, "", "no answer found"}}) {
    const Verdict verdict = verifier->verify(with_answer("1200"), c.completion);
    EXPECT_EQ(verdict.correct, c.correct) << c.completion;
    EXPECT_EQ(verdict.extracted, c.extracted) << c.completion;
    EXPECT_TRUE(verdict.reason.starts_with(c.reason)) << c.completion << ": " << verdict.reason;
  }
  VerifyConfig strict;
  strict.last_number = strict.answer_phrase = false;
  EXPECT_FALSE(make_verifier(strict)->verify(with_answer("1200"), "it makes 1200.").correct);
  EXPECT_FALSE(make_verifier(strict)->verify(with_answer("1200"), "The answer is 1200.").correct);
  EXPECT_TRUE(make_verifier(strict)->verify(with_answer("1200"), "Answer: 1200").correct);
  strict.answer_line = false;
  EXPECT_FALSE(make_verifier(strict)->verify(with_answer("1200"), "Answer: 1200").correct);
  EXPECT_TRUE(make_verifier(strict)->verify(with_answer("1200"), "#### 1200").correct);
  strict.marker = false;
  EXPECT_FALSE(make_verifier(strict)->verify(with_answer("1200"), "#### 1200").correct);
}

TEST(MathVerifier, ThinkingGivesNoAnswer) {
  const auto correct = [](const char* completion) {
    return make_verifier({})->verify(with_answer("5"), completion).correct;
  };
  EXPECT_TRUE(correct("<think>\\boxed{4}</think> \\boxed{5}"));
  EXPECT_FALSE(correct("<think>\\boxed{5}</think> \\boxed{4}"));
  EXPECT_FALSE(correct("<think>\\boxed{5}</think> Done."));
  EXPECT_FALSE(correct("<think>\\boxed{5}"));
  EXPECT_FALSE(correct("so \\boxed{5}</think> none"));  // the block was opened by the prompt
  EXPECT_TRUE(correct("so \\boxed{4}</think> \\boxed{5}"));
}

TEST(MathVerifier, SaysWhatWasCompared) {
  const Verdict verdict = make_verifier({})->verify(with_answer("\\dfrac{2}{4}"), "\\boxed{x = 0.5}");
  EXPECT_TRUE(verdict.correct);
  EXPECT_EQ(verdict.gold_form, "1/2");
  EXPECT_EQ(verdict.answer_form, "x = 0.5");
  EXPECT_EQ(verdict.reason, "equal: exact values");
  VerifyConfig strict;
  strict.units_optional = false;
  EXPECT_FALSE(make_verifier(strict)->verify(with_answer("5"), "\\boxed{5\\text{ cm}}").correct);
  const Verdict undecided = make_verifier({})->verify(with_answer("10^{10^{10^{10}}}"), "\\boxed{7}");
  EXPECT_TRUE(undecided.ungraded && !undecided.correct);
}

TEST(MathVerifier, LeakGuard) {
  const auto verifier = make_verifier({});
  EXPECT_TRUE(verifier->states_answer(with_answer("72"), "48 + 24 = 72 clips"));
  EXPECT_FALSE(verifier->states_answer(with_answer("72"), "48 / 2 = 24 clips, not 720"));
  const auto states = [&](const char* answer, const char* text) {
    return verifier->states_answer(with_answer(answer), text);
  };
  EXPECT_TRUE(states("\\sqrt{12}", "The side is $a = 2\\sqrt{3}$, so"));
  EXPECT_TRUE(states("\\sqrt{12}", "The side is 2\\sqrt{3}"));
  EXPECT_TRUE(states("\\sqrt{12}", "$2\\sqrt{3} = a$"));
  EXPECT_TRUE(states("\\sqrt{12}", "so \\boxed{2\\sqrt{3}}"));
  EXPECT_TRUE(states("x+1", "we get 1+x."));
  EXPECT_TRUE(states("50\\%", "the part is 0.5"));
  EXPECT_TRUE(states("\\pi/2", "the angle $\\theta=\\frac{\\pi}{2}$ is"));
  EXPECT_TRUE(states("2, 3", "They are 2 and 3"));
  EXPECT_TRUE(states("2, 3", "They are $x=1$, $2$ and $3$."));
  EXPECT_TRUE(states("(2, 3)", "the point $P = \\left(2,3\\right)$"));
  EXPECT_FALSE(states("\\sqrt{12}", "The side is $a = 2\\sqrt{5}$, so $a^2 = 20$"));
  EXPECT_FALSE(states("x+1", "we get 2+x."));
  EXPECT_FALSE(states("2, 3", "They are 2 and 5, not 3"));
  EXPECT_FALSE(states("4", "as $2^2 + 1 = 5$ and 8 - 3 = 5"));  // a number is not looked for in calculations
}

// Bounded by the number of comparisons, whatever the text.
TEST(MathVerifier, LeakGuardOnALongText) {
  std::string text;
  for (int i = 0; i < 50'000; ++i)
    text += "$\\sqrt{" + std::to_string(i) + "}+\\sqrt[3]{" + std::to_string(i) + "}$ ";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(make_verifier({})->states_answer(with_answer("\\sqrt{2}+\\sqrt{3}+\\pi"), text));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(MathVerifier, AnswersAreTheSameByValueRightOrWrong) {
  for (const AnswerForm form : {AnswerForm::response, AnswerForm::answer}) {
    const std::unique_ptr<Verifier> verifier = make_verifier({}, form);
    const auto same = [&](const std::string& a, const std::string& b) {
      const auto verdict = [&](const std::string& text) {
        return verifier->verify(with_answer("7"),
                                form == AnswerForm::answer ? text : "So \\boxed{" + text + "}");
      };
      return verifier->same_answer(with_answer("7"), verdict(a), verdict(b));
    };
    EXPECT_TRUE(same("0.5", "\\frac{2}{4}"));
    EXPECT_TRUE(same("7", "7"));
    EXPECT_FALSE(same("7", "8"));
    EXPECT_FALSE(same("", ""));
  }
  VerifyConfig strict;
  strict.units_optional = false;
  EXPECT_TRUE(make_verifier({})->same_answer({}, {.extracted = "5 cm"}, {.extracted = "5"}));
  EXPECT_FALSE(make_verifier(strict)->same_answer({}, {.extracted = "5 cm"}, {.extracted = "5"}));
}

TEST(Verifier, UnknownKind) {
  VerifyConfig config;
  config.kind = "maths";
  EXPECT_THROW(make_verifier(config), Error);
}

// Modulo 17: 3 → {6, 6, 2}, 6 → {9, 12, 16}; 14 → {0, 11, 8}, 0 → {3, 0, 5}.
Problem walks(const std::string& statement = "3 =9 14 =5") {
  Problem problem;
  problem.statement = statement;
  problem.answer = "9 5";
  problem.extra["modulus"] = 17;
  return problem;
}

std::unique_ptr<Verifier> walks_verifier() {
  VerifyConfig config;
  config.kind = "walks";
  return make_verifier(config);
}

TEST(WalksVerifier, AnyLegalWalksToTheTargets) {
  const auto verifier = walks_verifier();
  const auto reason = [&](const std::string& completion, const std::string& statement = "3 =9 14 =5") {
    const Verdict verdict = verifier->verify(walks(statement), completion);
    EXPECT_EQ(verdict.correct, verdict.reason == "all targets met");
    return verdict.reason;
  };
  EXPECT_EQ(reason("=9 6 9 =5 0 5"), "all targets met");
  EXPECT_EQ(reason(" =5 0  5\n=9 6 9 "), "all targets met");  // in any order
  EXPECT_EQ(reason("=9 6 9 =5 0 3"), "target 5: missed, ends on 3");
  EXPECT_EQ(reason("=9 6 9 =5 1 5"), "target 5: illegal move 14 to 1");
  EXPECT_EQ(reason("=9 6 10 =5 0 5"), "target 9: illegal move 6 to 10");
  EXPECT_EQ(reason("=9 6 9 =5 0"), "target 5: expected 2 values, got 1");
  EXPECT_EQ(reason("=9 6 9"), "target 5: expected 2 values, got 0");
  EXPECT_EQ(reason("=9 6 9 9 =5 0 5"), "target 9: expected 2 values, got 3");
  EXPECT_EQ(reason(""), "target 9: expected 2 values, got 0");
  EXPECT_EQ(reason("6 =9 6 9"), "no target at word 1");
  EXPECT_EQ(reason("=9 6 09 =5 0 5"), "no value at word 3");
  EXPECT_EQ(reason("=9 6 26 =5 0 5"), "no value at word 3");  // 9 mod 17, but not a value
  EXPECT_EQ(reason("=9 6 9 given 0 5"), "no value at word 4");
  EXPECT_EQ(reason("3 4 16 0", "after 3 16"), "all targets met");
  EXPECT_EQ(reason("3 4 16", "after 3 16"), "expected 4 words, got 3");
  EXPECT_EQ(reason("3 4 16 1", "after 3 16"), "word 4: 1 instead of 0");
  EXPECT_THROW(verifier->verify(walks("What is 2 + 2?"), "4"), Error);
}

TEST(WalksVerifier, TheLastAttemptAtEachTargetCounts) {
  const auto verifier = walks_verifier();
  for (const char* right :
       {"=9 6 12 =9 6 9 =5 0 5", "=9 6 =9 6 9 =5 0 5", "=9 1 1 1 =9 6 9 =5 0 5", "=9 6 12 =5 0 5 =9 6 9"})
    EXPECT_TRUE(verifier->verify(walks(), right).correct) << right;
  for (const char* wrong : {"=9 6 9 =9 6 12 =5 0 5", "=9 6 9 =5 0 5 =9", "=9 6 9 =5 0 5 =5 0"})
    EXPECT_FALSE(verifier->verify(walks(), wrong).correct) << wrong;
}

TEST(WalksVerifier, AnswersAreTheSameByTheLastAttempts) {
  const auto verifier = walks_verifier();
  const auto same = [&](const std::string& a, const std::string& b, const Problem& problem = walks()) {
    return verifier->same_answer(problem, verifier->verify(problem, a), verifier->verify(problem, b));
  };
  EXPECT_TRUE(same("=9 6 9 =5 0 5", "=5 11 3 =9 1 =9 6 9 =5 0 5"));
  EXPECT_TRUE(same("=9 1 2 =5 3", "=5 3 =9 1 2"));  // wrong in the same way
  EXPECT_FALSE(same("=9 6 9 =5 0 5", "=9 6 12 =5 0 5"));
  EXPECT_FALSE(same("=9 6 9", "=9 6 9"));  // no attempt at 5: no answer
  EXPECT_FALSE(same("what", "what"));
  EXPECT_TRUE(same("3 4  16 0", "3 4 16 0", walks("after 3 16")));
  EXPECT_FALSE(same("3 4 16 0", "3 4 16 1", walks("after 3 16")));
  EXPECT_FALSE(same("", "", walks("after 3 16")));
}

TEST(WalksVerifier, SilentCompletionsGoOnWhereTheGuidanceEnds) {
  const auto verifier = walks_verifier();
  Problem problem = walks();
  problem.guidance = Guidance{.text = "=9 6 9 =5", .instruction = "any", .continues = true};
  EXPECT_TRUE(verifier->verify(problem, "0 5").correct);
  EXPECT_TRUE(verifier->verify(problem, "=9 6 9 =5 0 5").correct);  // restated all the same
  EXPECT_EQ(verifier->verify(problem, "0 3").reason, "target 5: missed, ends on 3");
  problem.guidance->continues = false;  // what counts is the wording, not its name
  for (const char* instruction : {"silent", "default", ""}) {
    problem.guidance->instruction = instruction;
    EXPECT_FALSE(verifier->verify(problem, "0 5").correct) << instruction;
    EXPECT_TRUE(verifier->verify(problem, "=9 6 9 =5 0 5").correct) << instruction;
  }
}

TEST(WalksVerifier, LeakGuard) {
  const auto verifier = walks_verifier();
  EXPECT_TRUE(verifier->states_answer(walks(), "=9 6 9 =5 0 5"));
  EXPECT_FALSE(verifier->states_answer(walks(), "=9 6 9 =5 0"));
  EXPECT_FALSE(verifier->states_answer(walks(), ""));
}

// Outside data: each reference answer equals itself, read anew; and the box of its own solution, but for
// these, whose solution boxes something else than the answer says (another number, a bound for the
// inequality, digits in base 2).
TEST(MathVerifier, EveryAnswerEqualsItself) {
  const char* data = std::getenv("POPE_DATA");
  if (!data) GTEST_SKIP() << "set POPE_DATA to a folder of problem files";
  std::set<std::string> differ;
  int answers = 0, boxes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(data)) {
    if (entry.path().extension() != ".jsonl" || entry.path().stem() == "verifier_cases") continue;
    for (const Problem& problem : read_problems(entry.path())) {
      ++answers;
      EXPECT_TRUE(compare_answers(problem.answer, "\\displaystyle " + problem.answer).equal)
          << problem.id << ": " << problem.answer;
      const std::string box(find_boxed(problem.solution).value_or(""));
      if (box.empty()) continue;
      ++boxes;
      if (!compare_answers(problem.answer, box).equal) differ.insert(problem.id);
    }
  }
  std::cout << answers << " answers, " << boxes << " solutions with a box, " << differ.size()
            << " box another answer\n";
  const std::set<std::string> known = {"omni-math-rule-27",  "omni-math-rule-30",  "omni-math-rule-52",
                                       "omni-math-rule-64",  "omni-math-rule-972", "omni-math-rule-981",
                                       "omni-math-rule-1063"};
  for (const std::string& id : differ) EXPECT_TRUE(known.contains(id)) << id;
}

// Outside data: facts about equal answers. Kinds that begin with "disputed:" need not hold. Two kinds rest on
// the convention of one grader each, and are graded under it: only "Answer:" lines count, or only "####".
TEST(MathVerifier, AgreesWithKnownCases) {
  const char* data = std::getenv("POPE_DATA");
  if (!data) GTEST_SKIP() << "set POPE_DATA to a folder with verifier_cases.jsonl";
  VerifyConfig lines, markers;
  lines.marker = lines.answer_phrase = lines.last_number = false;
  markers.answer_line = markers.answer_phrase = markers.last_number = false;
  int cases = 0;
  read_jsonl(std::filesystem::path(data) / "verifier_cases.jsonl", [&](Json&& row, std::size_t) {
    const std::string kind = row["kind"], form = row["form"];
    if (kind.starts_with("disputed:")) return;
    ++cases;
    const VerifyConfig config = kind == "answer-line"    ? lines
                                : kind == "gsm8k-marker" ? markers
                                                         : VerifyConfig{};
    const AnswerForm as = form == "answer"     ? AnswerForm::answer
                          : form == "response" ? AnswerForm::response
                                               : AnswerForm::freetext;
    const Verdict verdict =
        make_verifier(config, as)->verify(with_answer(row["gold"]), row["pred"].get<std::string>());
    EXPECT_EQ(verdict.correct, row["equal"].get<bool>())
        << row["id"] << " " << kind << ": " << verdict.reason;
  });
  EXPECT_GE(cases, 300);
}

}  // namespace
}  // namespace pope
