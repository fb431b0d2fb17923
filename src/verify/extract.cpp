// Answer extraction by single passes over the text.
#include "verify/extract.h"

#include <algorithm>
#include <utility>

#include "core/chars.h"

namespace pope {
namespace {

// The end of the last `needle` (lower case) in `text`, ignoring case.
std::size_t end_of_last(std::string_view text, std::string_view needle) {
  const auto same = [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a | 0x20) : a) == b;
  };
  const auto found = std::find_end(text.begin(), text.end(), needle.begin(), needle.end(), same);
  if (found == text.end()) return std::string_view::npos;
  return static_cast<std::size_t>(found - text.begin()) + needle.size();
}

// The end of the formula between delimiters that starts at `at`; 0 when there is none.
std::size_t formula_end(std::string_view text, std::size_t at) {
  for (const auto& [open, close] : {std::pair<std::string_view, std::string_view>{"$$", "$$"},
                                    {"$", "$"},
                                    {"\\(", "\\)"},
                                    {"\\[", "\\]"}})
    if (text.substr(at).starts_with(open)) {
      const std::size_t end = text.find(close, at + open.size());
      if (end != std::string_view::npos) return end + close.size();
    }
  return 0;
}

// "$3$ or $5$", "$3$, $5$ and $7$": the end of the formulas that one starting the text goes on with; 0 when
// the text starts with none.
std::size_t formulas_end(std::string_view text) {
  std::size_t end = formula_end(text, 0);
  for (std::size_t next = end; next != 0;) {
    end = next;
    std::size_t at = end;
    bool joined = false;
    for (const std::string_view part : {" ", ",", " ", "and ", "or ", " "})
      if (text.substr(at).starts_with(part)) {
        at += part.size();
        joined = joined || part != " ";
      }
    next = joined ? formula_end(text, at) : 0;
  }
  return end;
}

// "$5$. So …" → "$5$"; "5 apples. So …" → "5 apples"; a decimal point ends nothing.
std::string_view first_sentence(std::string_view line) {
  if (const std::size_t end = formulas_end(line)) return line.substr(0, end);
  for (const std::string_view end : {". ", ", not ", ", as ", ", since ", ", because "})
    line = line.substr(0, line.find(end));
  line = line.substr(0, line.find("<|"));  // markers of chat formats
  line = trim(line);
  while (line.ends_with('*') || line.ends_with('.')) line.remove_suffix(1);  // "**5**."
  while (line.starts_with('*')) line.remove_prefix(1);
  return line;
}

// "The volume of $ABCD$ is 120" → "120": a sentence that ends with what it is about.
std::string_view value_of(std::string_view sentence) {
  const std::size_t is = sentence.rfind(" is ");
  return is == std::string_view::npos ? sentence : sentence.substr(is + 4);
}

// The answer at the start of `rest`; on a later line only after a colon.
std::string stated(std::string_view rest, bool colon) {
  std::size_t content = rest.find_first_not_of(" \t\r:*");  // "**Answer:** 5", "answer is: 5"
  colon = colon || rest.substr(0, content).find(':') != std::string_view::npos;
  if (colon) content = rest.find_first_not_of(" \t\r\n:*");
  if (content == std::string_view::npos) return "";
  rest = rest.substr(content);
  for (const std::string_view word :
       {"therefore ", "thus ", "hence ", "then ", "simply ", "indeed ", "exactly "})
    if (rest.starts_with(word)) rest = trim(rest.substr(word.size()));
  if (!rest.starts_with('$') && !rest.starts_with("\\(") && !rest.starts_with("\\["))
    rest = rest.substr(0, rest.find('\n'));  // only formulas go on over lines
  return std::string(trim(value_of(first_sentence(trim(rest)))));
}

}  // namespace

std::string_view without_thinking(std::string_view text) {
  constexpr std::string_view open = "<think>", close = "</think>";
  const std::size_t closed = text.rfind(close);
  if (closed != std::string_view::npos) text = text.substr(closed + close.size());
  return text.substr(0, text.find(open));
}

std::string marker_line(std::string_view text) {
  const std::size_t end = end_of_last(text, "####");
  if (end == std::string_view::npos) return "";
  return std::string(first_sentence(trim(text.substr(end, text.find('\n', end) - end))));
}

std::string answer_line(std::string_view text) {
  std::size_t start = std::string_view::npos;
  for (const std::string_view marker :
       {"answer:", "answer**:", "final answer**", "final answer\n", "answer $", "answer \\(", "answer \\["}) {
    std::size_t end = end_of_last(text, marker);
    if (end == std::string_view::npos) continue;
    if (marker.ends_with('$')) end -= 1;  // the formula counts
    if (marker.ends_with('(') || marker.ends_with('[')) end -= 2;
    if (start == std::string_view::npos || end > start) start = end;
  }
  return start == std::string_view::npos ? "" : stated(text.substr(start), true);
}

std::string answer_phrase(std::string_view text) {
  std::size_t start = std::string_view::npos;
  for (const std::string_view phrase : {"answer is", "answers are"}) {
    const std::size_t end = end_of_last(text, phrase);
    if (end != std::string_view::npos && (start == std::string_view::npos || end > start)) start = end;
  }
  return start == std::string_view::npos ? "" : stated(text.substr(start), false);
}

}  // namespace pope
