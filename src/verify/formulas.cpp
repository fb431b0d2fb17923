// One pass over the text.
#include "verify/formulas.h"

#include <algorithm>

#include "core/chars.h"
#include "verify/words.h"

namespace pope {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// The end of the word at `at`: white space, or a delimiter of a formula behind its first character.
std::size_t word_end(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && !is_space(text[end])) {
    if (end > at && text[end] == '$') break;
    if (text[end] == '\\' && end + 1 < text.size()) {
      if (end > at && (text[end + 1] == '(' || text[end + 1] == '[')) break;
      ++end;
    }
    ++end;
  }
  return std::min(end, text.size());
}

// Signs of other scripts: general punctuation and mathematical operators, Latin-1 signs (° ² ·), × ÷ π.
bool is_sign(std::string_view rest) {
  return rest.starts_with('\xE2') || rest.starts_with('\xC2') || rest.starts_with("×") ||
         rest.starts_with("÷") || rest.starts_with("π");
}

// "10", "=", "x", "\frac{3}{4}", "2x+1": signs, digits, commands, functions, lone letters. Not "m^2", a unit.
bool reads_like_formula(std::string_view word) {
  if (word.starts_with("m^2") || word.starts_with("m^3")) return false;
  bool any = false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const char c = word[i];
    if (static_cast<unsigned char>(c) >= 0x80) {
      if (!is_sign(word.substr(i))) return false;
      any = any || !word.substr(i).starts_with("\xE2\x80");  // dashes, quotes
      i = next_character_start(word, i + 1) - 1;
    } else if (c == '\\' || is_letter(c)) {
      std::size_t end = i + 1;
      while (end < word.size() && is_letter(word[end])) ++end;
      const std::string_view name = word.substr(i, end - i);
      if (c != '\\' && name.size() > 1 && !function_name(name) && name != "pi") return false;
      any = true;
      i = std::max(end, i + (c == '\\' ? 2 : 1)) - 1;
    } else {
      any = any || is_digit(c) || std::string_view("+-*/=^_<>").find(c) != std::string_view::npos;
    }
  }
  return any;
}

// Whether a formula can go on with this word behind a lone letter: "x = …", not "a 5".
bool starts_with_sign(std::string_view word) {
  if (word.starts_with('\\')) return !word.starts_with("\\frac") && !word.starts_with("\\sqrt");
  return std::string_view("+-*/=^_<>").find(word[0]) != std::string_view::npos ||
         static_cast<unsigned char>(word[0]) >= 0x80;
}

}  // namespace

// Of "$…$" behind `at`; npos when this is no formula: the closing sign is that of an amount of money, or a
// paragraph ends before it.
std::size_t FormulaReader::dollar_end(std::size_t at) const {
  std::size_t close = at + 1;
  while (close < text_.size() && text_[close] != '$') close += text_[close] == '\\' ? 2 : 1;
  if (close >= text_.size() || close == at + 1) return std::string_view::npos;
  const bool spaced = is_space(text_[at + 1]), spaced_end = is_space(text_[close - 1]);
  const std::string_view after = text_.substr(close + 1);
  const bool amount =
      !after.empty() &&
      (is_digit(after[0]) || (spaced_end && after.size() > 1 && is_space(after[0]) && is_digit(after[1])));
  const std::string_view content = text_.substr(at + 1, close - at - 1);
  if (amount || (spaced_end && !spaced) || content.find("\n\n") != std::string_view::npos)
    return std::string_view::npos;
  return close + 1;
}

std::optional<Formula> FormulaReader::delimited(std::size_t at) {
  const std::string_view rest = text_.substr(at);
  const auto until = [&](std::string_view closer, bool& absent) -> std::optional<Formula> {
    const std::size_t close = absent ? std::string_view::npos : text_.find(closer, at + 2);
    absent = close == std::string_view::npos;
    if (absent) return std::nullopt;
    return Formula{text_.substr(at + 2, close - at - 2), at, close + 2, true};
  };
  if (rest.starts_with("\\(")) return until("\\)", no_parenthesis_);
  if (rest.starts_with("\\[")) return until("\\]", no_bracket_);
  if (rest.starts_with("$$")) return until("$$", no_dollars_);
  if (!rest.starts_with('$')) return std::nullopt;
  const std::size_t end = dollar_end(at);
  if (end == std::string_view::npos) return std::nullopt;
  return Formula{text_.substr(at + 1, end - at - 2), at, end, true};
}

std::optional<Formula> FormulaReader::run(std::size_t at) {
  const auto opens = [&](std::size_t i) {
    const std::string_view rest = text_.substr(i);
    return rest.starts_with('$') || rest.starts_with("\\(") || rest.starts_with("\\[");
  };
  std::size_t begin = at, end = at;
  for (std::size_t next = at; next < text_.size() && (next == at || !opens(next));) {
    const std::string_view word = text_.substr(next, word_end(text_, next) - next);
    if (!reads_like_formula(word)) break;
    if (end == begin + 1 && is_letter(text_[begin]) && !starts_with_sign(word)) begin = next;  // "a 5"
    end = next + word.size();
    if (std::string_view(",;:.!?").find(word.back()) != std::string_view::npos) break;
    next = std::min(text_.find_first_not_of(" \t", end), text_.size());
  }
  if (end == at) return std::nullopt;
  std::string_view content = text_.substr(begin, end - begin);
  while (!content.empty() && std::string_view(",;:.!?").find(content.back()) != std::string_view::npos)
    content.remove_suffix(1);
  return Formula{content, begin, end, false};
}

void for_each_formula(std::string_view text, const std::function<void(const Formula&)>& visit) {
  FormulaReader reader(text);
  for (std::size_t at = 0; at < text.size();) {
    std::optional<Formula> formula;
    if (is_space(text[at])) {
      ++at;
      continue;
    }
    if (formula = reader.delimited(at); !formula) formula = reader.run(at);
    if (formula) visit(*formula);
    at = formula ? formula->end : word_end(text, at);
  }
}

std::string_view last_side(std::string_view formula) {
  std::size_t start = 0, end = formula.size();
  int depth = 0;
  for (std::size_t i = 0; i < formula.size(); ++i) {
    const char c = formula[i];
    depth += c == '{' ? 1 : c == '}' ? -1 : 0;
    if (formula.substr(i).starts_with("\\\\") || formula.substr(i).starts_with("\\end{")) {
      if (end == formula.size()) end = i;
      ++i;
    } else if (c == '\\') {
      ++i;
    } else if (c == '=' && depth == 0 &&
               (i == 0 || std::string_view("<>!:").find(formula[i - 1]) == std::string_view::npos)) {
      start = i + 1;
      end = formula.size();
    }
  }
  return trim(formula.substr(start, end - start));
}

}  // namespace pope
