// See marks.h.
#include "data/marks.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/chars.h"
#include "text/boxes.h"

namespace pope {
namespace {

// The length of a calculator mark "<<expression=number>>" at the start of `text`, 0 when there is none.
std::size_t calculator_mark(std::string_view text) {
  constexpr std::string_view allowed = "0123456789+-*/().%$, =";
  const std::size_t end = text.find_first_not_of(allowed, 2);
  if (end == std::string_view::npos || text.substr(end, 2) != ">>") return 0;
  const std::string_view inside = text.substr(2, end - 2);
  const std::size_t equals = inside.rfind('=');
  if (equals == std::string_view::npos || equals == 0 || inside.front() == ' ' || inside.back() == ' ')
    return 0;
  return inside.find_first_of("0123456789", equals) == std::string_view::npos ? 0 : end + 2;
}

// Opening and closing of a prompt that a chat template has rendered already.
constexpr std::array<std::string_view, 2> kTurnStarts = {"<｜User｜>", "<|im_start|>user"};
constexpr std::array<std::string_view, 4> kTurnEnds = {"<think>", "<｜Assistant｜>", "<|im_start|>assistant",
                                                       "<|im_end|>"};

// Sentences that close a prompt, and beginnings of paragraphs that open or close one.
constexpr std::array<std::string_view, 6> kClosingSentences = {
    "Let's think step by step and output the final answer within \\boxed{}.",
    "Let's think step by step and output the final answer after \"####\".",
    "Please reason step by step, and put your final answer within \\boxed{}.",
    "Please reason step by step and put your final answer within \\boxed{}.",
    "Please put your final answer within \\boxed{}.",
    "Put your final answer within \\boxed{}.",
};
constexpr std::array<std::string_view, 1> kOpeningParagraphs = {
    "Solve the following math problem step by step. The last line of your response should be"};
constexpr std::array<std::string_view, 1> kClosingParagraphs = {"Remember to put your answer "};

// One thing less at either end; the same where there is nothing to take off.
std::string_view peeled(std::string_view text) {
  for (const std::string_view start : kTurnStarts) {
    if (text.starts_with(start)) return text.substr(start.size());
  }
  for (const std::string_view end : kTurnEnds) {
    if (text.ends_with(end)) return text.substr(0, text.size() - end.size());
  }
  for (const std::string_view sentence : kClosingSentences) {
    if (text.ends_with(sentence)) return text.substr(0, text.size() - sentence.size());
  }
  const std::size_t first = text.find("\n\n"), last = text.rfind("\n\n");
  if (first == std::string_view::npos) return text;
  for (const std::string_view start : kOpeningParagraphs) {
    if (text.starts_with(start)) return text.substr(first);
  }
  for (const std::string_view start : kClosingParagraphs) {
    if (text.substr(last + 2).starts_with(start)) return text.substr(0, last);
  }
  return text;
}

}  // namespace

std::size_t last_answer_mark(std::string_view text) {
  const std::size_t mark = text.rfind(kAnswerMark);
  if (mark == std::string_view::npos || (mark > 0 && text[mark - 1] != '\n')) return std::string_view::npos;
  const std::string_view after = trim(text.substr(mark + kAnswerMark.size()));
  return after.empty() || after.find('\n') != std::string_view::npos ? std::string_view::npos : mark;
}

bool is_only_box(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kFormulas = {
      {{"$", "$"}, {"\\[", "\\]"}, {"\\(", "\\)"}}};
  return only_box(unwrapped(text, kFormulas)).has_value();
}

std::string without_calculator_marks(std::string_view solution) {
  std::string out;
  std::size_t at = 0;
  while (true) {
    const std::size_t mark = solution.find("<<", at);
    out += solution.substr(at, mark - at);
    if (mark == std::string_view::npos) return out;
    const std::size_t length = calculator_mark(solution.substr(mark));
    if (length == 0) out += solution[mark];
    at = mark + std::max<std::size_t>(length, 1);
  }
}

std::string without_instructions(std::string_view prompt) {
  const std::string_view whole = prompt;
  while (true) {
    const std::string_view before = trim(prompt);
    prompt = peeled(before);
    if (prompt.size() == before.size() || trim(prompt).empty()) break;
  }
  // A text from which nothing was taken stays as it is, white space too.
  return std::string(trim(prompt).size() == trim(whole).size() || trim(prompt).empty() ? whole
                                                                                       : trim(prompt));
}

}  // namespace pope
