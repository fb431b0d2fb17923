// The rows of `pope verify FILE`: read, then graded by as many threads as there are.
#pragma once

#include <string>
#include <vector>

#include "core/files.h"
#include "data/problem.h"
#include "pope/settings.h"
#include "verify/verifier.h"

namespace pope {

struct VerifyRow {
  Json json;  // as it stands in the file
  std::size_t line = 0;
  AnswerForm form = AnswerForm::answer;
  Problem problem;  // answer: the row's "gold"
  std::string pred;
  Verdict verdict;
};

std::vector<std::string> answer_forms();  // the names of AnswerForm, in its order
// "answer" | "response" | "freetext"; Error that begins with `where` otherwise.
AnswerForm form_of(const std::string& name, const std::string& where);

// Reads {"gold", "pred", "form", "equal", "id", "problem"} per line; other fields are the problem's own
// (walks: "modulus"). Rows without a form get `form`. Errors name file, line and field.
std::vector<VerifyRow> read_rows(const std::string& file, AnswerForm form);

// Sets every verdict. An error of a verifier (a statement it cannot read) is thrown when all threads have
// ended.
void grade_rows(std::vector<VerifyRow>& rows, const Settings& settings);

}  // namespace pope
