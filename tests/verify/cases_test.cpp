// The table cases.jsonl: pairs of answers by kind, with the verdict that mathematics and docs/verifier.md ask
// for, in the format of `pope verify FILE.jsonl`. Many stand there because a verifier once got them wrong.
#include <gtest/gtest.h>

#include "core/files.h"
#include "verify/verifier.h"

namespace pope {
namespace {

TEST(Cases, Table) {
  int equal = 0, unequal = 0;
  read_jsonl(POPE_SOURCE_DIR "/tests/verify/cases.jsonl", [&](Json&& row, std::size_t) {
    const std::string form = row.value("form", "answer");
    const AnswerForm as = form == "answer"     ? AnswerForm::answer
                          : form == "response" ? AnswerForm::response
                                               : AnswerForm::freetext;
    const bool expected = row["equal"];
    ++(expected ? equal : unequal);
    Problem problem;
    problem.answer = row["gold"];
    const Verdict verdict = make_verifier({}, as)->verify(problem, row["pred"].get<std::string>());
    EXPECT_EQ(verdict.correct, expected) << row << ": " << verdict.reason;
    if (form != "answer") return;
    problem.answer = row["pred"];  // equality has no direction
    EXPECT_EQ(make_verifier({}, as)->verify(problem, row["gold"].get<std::string>()).correct, expected)
        << row << " the other way round";
  });
  EXPECT_GT(equal, 900);
  EXPECT_GT(unequal, 800);
}

}  // namespace
}  // namespace pope
