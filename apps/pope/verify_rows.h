// The rows of `pope verify FILE`, read, then graded by as many threads as there are; and those of `pope
// verify -`, graded as they come.
#pragma once

#include <cstdio>
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

// Reads {"gold", "pred", "form", "equal", "id", "problem", "guidance"} per line; other fields are the
// problem's own (walks: "modulus"), and so is a guidance that is no text. Rows without a form get `form`.
// Errors name file, line and field.
std::vector<VerifyRow> read_rows(const std::string& file, AnswerForm form);

// Sets every verdict. An error of a verifier (a statement it cannot read) is thrown when all threads have
// ended.
void grade_rows(std::vector<VerifyRow>& rows, const Settings& settings);

// Reads rows until `in` ends and writes a line to `out` for each at once: its "id" and the verdict, or
// "error" where it is no row. Rows are taken in turn: who wants more at a time starts more processes. Error:
// `out` cannot be written to; a grader that is gone. Returns how many rows there were.
std::size_t grade_stream(std::FILE* in, std::FILE* out, const Settings& settings);
// A verdict as it is written: correct, undecided, extracted, gold_form, answer_form, reason.
Json verdict_json(const Verdict& verdict);

}  // namespace pope
