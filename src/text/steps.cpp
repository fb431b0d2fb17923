// See steps.h. A step ends after its last visible character, so that a prefix ends in no white space. Linear
// time.
#include "text/steps.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "core/chars.h"
#include "core/error.h"
#include "core/nearest.h"
#include "text/spans.h"

namespace pope {
namespace {

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

bool one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

// The characters of `kind` that end at `end`, at most 12 of them: words of interest are short.
template <class Kind>
std::string_view run_before(std::string_view text, std::size_t end, Kind kind) {
  std::size_t begin = end;
  while (begin > 0 && end - begin < 12 && kind(text[begin - 1])) --begin;
  return text.substr(begin, end - begin);
}

// "e.g", "w.r.t", "U.S": single letters with dots between them.
bool is_dotted_letters(std::string_view word) {
  if (word.size() < 3 || word.size() % 2 == 0) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if ((word[i] == '.') != (i % 2 == 1)) return false;
  }
  return true;
}

// Whether the dot at `at` belongs to an abbreviation; `next` is the next visible character.
bool ends_abbreviation(std::string_view text, std::size_t at, char next) {
  const std::string word = lower(run_before(text, at, [](char c) { return is_letter(c) || c == '.'; }));
  if (is_dotted_letters(word) && word != "a.m" && word != "p.m") return true;
  if (one_of(word,
             {"eg", "ie", "cf", "vs", "fig", "figs", "eq", "eqs", "dr", "mr", "mrs", "ms", "prof", "st"})) {
    return true;
  }
  const bool before_number = is_digit(next) || next == '(' || next == '$';
  return before_number && one_of(word, {"no", "sec", "ch", "def", "thm", "lem", "prop", "cor", "ex", "approx",
                                        "resp", "ca", "al"});
}

// Whether only white space and list or heading marks stand between the start of the line and `at`.
bool opens_line(std::string_view text, std::size_t at) {
  while (at > 0 && std::string_view(" \t*#>_(-").find(text[at - 1]) != std::string_view::npos) --at;
  return at == 0 || text[at - 1] == '\n';
}

// Whether the dot at `at` ends the number or letter that opens a list item: "1. ", "b. ", "Step 2. ".
bool ends_enumeration(std::string_view text, std::size_t at) {
  const std::string_view label = run_before(text, at, [](char c) { return is_letter(c) || is_digit(c); });
  const bool number =
      !label.empty() && label.size() <= 3 && std::all_of(label.begin(), label.end(), is_digit);
  const bool roman = one_of(label, {"i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"});
  if (!number && !roman && !(label.size() == 1 && is_letter(label[0]))) return false;
  std::size_t begin = at - label.size();
  if (opens_line(text, begin)) return true;
  if (begin == 0 || text[begin - 1] != ' ') return false;
  const std::string_view word = run_before(text, begin - 1, is_letter);
  return one_of(lower(word), {"step", "case", "part", "problem", "question", "claim", "lemma", "theorem"}) &&
         opens_line(text, begin - 1 - word.size());
}

// Whether the mark at `at` is the factorial of a number, a bracket or a variable.
bool is_factorial(std::string_view text, std::size_t at) {
  if (text[at] != '!' || at == 0) return false;
  const char before = text[at - 1];
  return is_digit(before) || before == ')' || before == '}' || run_before(text, at, is_letter).size() == 1;
}

// Behind the quotes, brackets, emphasis and math ends that may follow a sentence's last mark.
std::size_t skip_closers(std::string_view text, std::size_t at) {
  static constexpr std::array<std::string_view, 13> kClosers = {
      ")", "]", "}", "\"", "'", "*", "_", "$", "\\)", "\\]", "\u201D", "\u2019", "\u00BB"};
  for (bool found = true; found;) {
    found = false;
    for (const std::string_view closer : kClosers) {
      if (!text.substr(at).starts_with(closer)) continue;
      at += closer.size();
      found = true;
    }
  }
  return at;
}

// The end of the sentence whose last mark stands at `at`; 0 when none ends there.
std::size_t sentence_end(std::string_view text, std::size_t at) {
  if (text[at] != '.' && text[at] != '!' && text[at] != '?') return 0;
  const std::size_t end = skip_closers(text, at + 1);
  if (end == text.size()) return end;
  if (!is_space(text[end])) return 0;
  const auto visible =
      std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(end), text.end(), is_space);
  if (visible == text.end()) return end;
  const char next = *visible;
  // What goes on in lower case, or with an operator, is the same sentence.
  if (std::islower(static_cast<unsigned char>(next)) != 0) return 0;
  if (std::string_view("=+/<>^,;:|&").find(next) != std::string_view::npos) return 0;
  if (is_factorial(text, at)) return 0;
  if (text[at] == '.' && (ends_abbreviation(text, at, next) || ends_enumeration(text, at))) return 0;
  return end;
}

}  // namespace

std::vector<std::string> step_boundaries() { return {"auto", "line", "word"}; }

std::vector<std::size_t> step_ends(std::string_view solution, std::string_view boundary) {
  const std::vector<std::string> known = step_boundaries();
  if (std::find(known.begin(), known.end(), boundary) == known.end()) {
    throw Error("step boundaries",
                "expected " + listed(known, "or") + ", got '" + std::string(boundary) + "'");
  }
  const Spans spans(solution);
  std::vector<std::size_t> ends;
  const auto add = [&](std::size_t end) {
    if (end > (ends.empty() ? 0 : ends.back()) && !spans.inside(end)) ends.push_back(end);
  };
  std::size_t visible_end = 0;  // behind the last character that is no white space
  for (std::size_t at = 0; at < solution.size(); ++at) {
    if (is_space(solution[at])) {
      if (boundary == "word" || solution[at] == '\n') add(visible_end);
      continue;
    }
    visible_end = at + 1;
    if (boundary == "auto") add(sentence_end(solution, at));
  }
  // White space at the end belongs to the last step.
  while (!ends.empty() && ends.back() >= visible_end) ends.pop_back();
  ends.push_back(solution.size());
  return ends;
}

}  // namespace pope
