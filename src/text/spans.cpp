// See spans.h.
#include "text/spans.h"

#include <cctype>

#include "core/chars.h"

namespace pope {
namespace {

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool is_punctuation(char c) { return std::ispunct(static_cast<unsigned char>(c)) != 0; }

// Whether the line that starts at `at` is blank (and is not the last).
bool blank_line(std::string_view text, std::size_t at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r')) ++at;
  return at < text.size() && text[at] == '\n';
}

}  // namespace

Spans::Spans(std::string_view text) : text_(text), depth_(text.size() + 2) {
  for (std::size_t at = 0; at < text.size();) at = step(at);
  // mark() has left first differences.
  for (std::size_t i = 1; i < depth_.size(); ++i) depth_[i] += depth_[i - 1];
}

void Spans::mark(std::size_t from, std::size_t to) {
  ++depth_[from + 1];
  --depth_[to];
}

std::size_t Spans::step(std::size_t at) {
  switch (text_[at]) {
    case '\\':
      return command(at);
    case '$':
      return text_.substr(at).starts_with("$$") ? enclosed(at, "$$", no_dollars_) : inline_math(at);
    case '{':
      braces_.push_back({at, at > 0 && (at == command_end_ || std::string_view("}]^_").find(text_[at - 1]) !=
                                                                  std::string_view::npos)});
      return at + 1;
    case '}':
      return close_brace(at);
    case '\n':
      if (blank_line(text_, at + 1)) braces_.clear();  // no argument reaches over paragraphs
      return at + 1;
    default:
      return at + 1;
  }
}

std::size_t Spans::command(std::size_t at) {
  std::size_t end = at + 1;
  while (end < text_.size() && is_letter(text_[end])) ++end;
  if (end == text_.size() && end == at + 1) return end;
  if (end == at + 1) {  // a control symbol: \[ \( \\ \$ \{
    if (text_[end] == '[') return enclosed(at, "\\]", no_bracket_);
    if (text_[end] == '(') return enclosed(at, "\\)", no_parenthesis_);
    mark(at, end + 1);
    return end + 1;
  }
  mark(at, end);
  command_end_ = end;
  const std::string_view name = text_.substr(at + 1, end - at - 1);
  if (name == "begin") begins_.push_back(at);
  if (name == "end" && !begins_.empty()) return end_environment(at, end);
  return end;
}

// \end{name}: closes the innermost \begin; names are not compared.
std::size_t Spans::end_environment(std::size_t at, std::size_t name_end) {
  std::size_t end = name_end;
  if (end < text_.size() && text_[end] == '{') {
    const std::size_t brace = text_.find_first_of("{}\n\\", end + 1);
    if (brace != std::string_view::npos && text_[brace] == '}') end = brace + 1;
  }
  mark(begins_.back(), end);
  begins_.pop_back();
  return end > at ? end : at + 1;
}

// From a two-byte opener to the next `closer`, all of it. `absent` remembers that there is none any more.
std::size_t Spans::enclosed(std::size_t at, std::string_view closer, bool& absent) {
  const std::size_t end = absent ? std::string_view::npos : text_.find(closer, at + 2);
  if (end == std::string_view::npos) {
    absent = true;
    mark(at, at + 2);
    return at + 2;
  }
  mark(at, end + closer.size());
  return end + closer.size();
}

// $…$ within a paragraph. A sum of money opens nothing: "$5 and $3", "for $5. Then $x$".
std::size_t Spans::inline_math(std::size_t at) {
  std::size_t end = at + 1;
  while (end < text_.size() && text_[end] != '$') {
    if (text_[end] == '\n' && blank_line(text_, end + 1)) return at + 1;
    end += text_[end] == '\\' ? 2 : 1;
  }
  if (end >= text_.size()) return at + 1;
  const char next = end + 1 < text_.size() ? text_[end + 1] : ' ';
  const bool looks_like_opener =
      is_space(text_[end - 1]) && !is_space(next) && (next == '\\' || !is_punctuation(next));
  if (looks_like_opener || (is_digit(text_[at + 1]) && is_digit(next))) return end;
  mark(at, end + 1);
  return end + 1;
}

std::size_t Spans::close_brace(std::size_t at) {
  if (!braces_.empty()) {
    if (braces_.back().argument) mark(braces_.back().at - 1, at + 1);
    braces_.pop_back();
  }
  return at + 1;
}

}  // namespace pope
