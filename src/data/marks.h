// Marks in the texts of problem files: GSM8K's "####" and calculator marks, a box around all, instructions to
// the model around a statement.
#pragma once

#include <string>
#include <string_view>

namespace pope {

constexpr std::string_view kAnswerMark = "####";
// Where the last "####" at the start of a line begins, something after it on that line and nothing below;
// npos when there is none.
std::size_t last_answer_mark(std::string_view text);

// Whether a text is one box and nothing else, marks of a formula aside.
bool is_only_box(std::string_view text);

// Without "<<48/2=24>>". Other uses of "<<" (a shift, a stream, "much less") stay.
std::string without_calculator_marks(std::string_view solution);

// A prompt of another trainer as a bare statement: without the tokens of a chat template and the sentences
// that say how to answer. pope puts its own around a problem. Unknown wordings stay.
std::string without_instructions(std::string_view prompt);

}  // namespace pope
