// Phrases are told by their first word and by what else they hold. What is not known is left: it makes the
// answer words.
#include "verify/phrases.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/chars.h"
#include "verify/units.h"

namespace pope {
namespace {

bool is_name_or_word(const Token& token) {
  return token.kind == TokenKind::name || token.kind == TokenKind::word;
}

template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& list) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

std::string lowered(std::string_view text) {
  std::string out;
  for (const char c : text) out += lower(c);
  return out;
}

// "so", "therefore,", "=", "⇒" before an answer.
void drop_signs(std::vector<Token>& tokens) {
  constexpr std::array<std::string_view, 6> kWords = {"so", "thus", "hence", "therefore", "then", "finally"};
  constexpr std::array<std::string_view, 5> kSigns = {"=", "=>", "->", "<=>", "equiv"};
  std::size_t from = 0;
  while (from < tokens.size()) {
    const Token& token = tokens[from];
    const bool word = token.kind == TokenKind::word && is_one_of(lowered(token.text), kWords);
    const bool sign = token.kind == TokenKind::op && is_one_of(token.text, kSigns);
    if (!word && !sign && !(from > 0 && token.op(","))) break;
    ++from;
  }
  if (from < tokens.size()) tokens.erase(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(from));
}

// "The answer is 12", "Total: 12", and "either 1 or 2". "The answer is not 12" stays.
void drop_introduction(std::vector<Token>& tokens) {
  constexpr std::array<std::string_view, 7> kDoubts = {"not",   "wrong", "incorrect", "no",
                                                       "never", "of",    "or"};
  std::size_t words = 0;
  bool doubt = false;
  while (words < tokens.size() && tokens[words].kind == TokenKind::word) {
    doubt = doubt || is_one_of(lowered(tokens[words].text), kDoubts);
    ++words;
  }
  if (words == 0 || words >= tokens.size() || doubt) return;
  const std::string last = lowered(tokens[words - 1].text);
  const auto joint = [](const Token& t) { return t.op("or") || t.op("and"); };
  const bool choice =
      words == 1 && (last == "either" || last == "both") && std::any_of(tokens.begin(), tokens.end(), joint);
  const bool colon = tokens[words].op(":") && words + 1 < tokens.size();
  if (!choice && !colon && (last != "is" || words < 2)) return;
  tokens.erase(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(words + (colon ? 1 : 0)));
}

// "Area of ABC = 6", "Var(X) = 2". "not x = 6" is no name.
void join_worded_name(std::vector<Token>& tokens) {
  const auto equals = std::find_if(tokens.begin(), tokens.end(), [](const Token& t) { return t.op("="); });
  if (equals == tokens.end() || tokens[0].kind != TokenKind::word) return;
  const auto part = [](const Token& t) {
    const bool doubt =
        t.kind == TokenKind::word && t.text != "of" && t.text != "the" && changes_value(t.text);
    return (is_name_or_word(t) && !doubt) || t.kind == TokenKind::open || t.kind == TokenKind::close;
  };
  if (std::all_of(tokens.begin(), equals, part)) tokens.erase(tokens.begin() + 1, equals);
}

// Behind a value: "(exact)", "(to two decimal places)" say nothing; "(five)" and "(or 0.6)" say it once more,
// and must agree with it.
void read_remark(std::vector<Token>& tokens) {
  constexpr std::array<std::string_view, 7> kStarts = {"exact", "exactly", "rounded", "answer",
                                                       "final", "to",      "approx"};
  constexpr std::array<std::string_view, 12> kSilent = {"to",    "the",     "nearest",     "decimal",
                                                        "place", "figure",  "significant", "answer",
                                                        "whole", "integer", "number",      "down"};
  if (tokens.size() < 4 || !tokens.back().is(TokenKind::close, ")")) return;
  std::size_t open = tokens.size() - 1;
  while (open > 0 && tokens[open].kind != TokenKind::open) --open;
  if (open == 0 || tokens[open].text != "(" || tokens[open - 1].kind == TokenKind::op) return;
  const Token& first = tokens[open + 1];
  const std::string_view number = numeral(lowered(first.text)).value_or("");
  if (first.op("or") || (open + 3 == tokens.size() && first.kind == TokenKind::word && !number.empty())) {
    const Token value{TokenKind::number, std::string(number)};
    tokens.pop_back();
    tokens[open] = {TokenKind::op, "="};
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(open) + 1);
    if (!number.empty()) tokens.push_back(value);
    return;
  }
  const auto silent = [&](const Token& t) {
    const std::string word = unit_name(t.text);
    return t.kind == TokenKind::word &&
           (is_one_of(word, kSilent) || is_one_of(word, kStarts) || numeral(word) || part_word(word) != 0);
  };
  const auto begin = tokens.begin() + static_cast<std::ptrdiff_t>(open) + 1;
  if (is_one_of(lowered(first.text), kStarts) && std::all_of(begin, tokens.end() - 1, silent))
    tokens.resize(open);
}

bool quantifies(const Token& token) {
  return token.is(TokenKind::name, "\\forall") ||
         (token.kind == TokenKind::word &&
          (token.text == "for" || token.text == "where" || token.text == "with"));
}

// The letter of "ℤ", "\mathbb{Z}", or "Z" behind ∈; 0 when it is no set of numbers.
char set_letter(const Token& token) {
  if (token.kind != TokenKind::name) return '\0';
  const std::string_view text = token.text;
  const char letter = text.size() == 1                                     ? text[0]
                      : text.starts_with("\\mathbb{") && text.size() == 10 ? text[8]
                                                                           : '\0';
  return std::string_view("RZNQC").find(letter) != std::string_view::npos ? letter : '\0';
}

// Reads a condition that goes up to the end of the tokens.
class ConditionReader {
 public:
  ConditionReader(const std::vector<Token>& tokens, std::size_t begin) : tokens_(tokens), at_(begin) {}

  // Nothing when the tokens say something else. `definition`: "x > 0" is a condition, too.
  bool read(bool definition, Condition& out) {
    if (op(",") || op(";")) ++at_;
    const bool bracket = at_ < tokens_.size() && tokens_[at_].is(TokenKind::open, "(");
    if (bracket) ++at_;
    const bool quantified = at_ < tokens_.size() && quantifies(tokens_[at_]);
    if (!words(out.domain)) return false;
    while (at_ < tokens_.size() && tokens_[at_].kind == TokenKind::name && set_letter(tokens_[at_]) == '\0') {
      out.names.push_back(tokens_[at_++].text);
      if (!op(",")) break;
      ++at_;
    }
    if (!words(out.domain)) return false;
    if (op("in")) {
      if (out.names.empty() || !set(out.domain)) return false;
    } else if (!quantified) {
      return false;
    } else if (at_ < tokens_.size() && !closes(bracket)) {
      if (!definition || out.names.size() != 1 || !range(out)) return false;
    }
    if (bracket && !(at_ < tokens_.size() && tokens_[at_++].is(TokenKind::close, ")"))) return false;
    out.stated = true;
    return at_ == tokens_.size();
  }

 private:
  bool op(std::string_view text) const { return at_ < tokens_.size() && tokens_[at_].op(text); }
  bool closes(bool bracket) const { return bracket && tokens_[at_].is(TokenKind::close, ")"); }

  // "for all positive integers": the set they name; false at a word that is not known.
  bool words(std::string& domain) {
    constexpr std::array<std::string_view, 20> kSilent = {
        "for", "all", "any", "every",     "each",   "some",    "where",  "with", "is",    "are",
        "a",   "an",  "the", "arbitrary", "number", "numbers", "values", "of",   "value", "constant"};
    char letter = '\0';
    bool positive = false;
    for (; at_ < tokens_.size(); ++at_) {
      const Token& token = tokens_[at_];
      if (token.is(TokenKind::name, "\\forall") || token.is(TokenKind::name, "a")) {
        if (token.text == "a" && !(at_ > 0 && tokens_[at_ - 1].text == "is")) break;
        continue;
      }
      if (token.kind != TokenKind::word) break;
      const std::string word = unit_name(token.text);
      if (word == "real") {
        letter = 'R';
      } else if (word == "integer") {
        letter = 'Z';
      } else if (word == "rational") {
        letter = 'Q';
      } else if (word == "positive") {
        positive = true;
      } else if (!is_one_of(lowered(token.text), kSilent) && word != "constant" && word != "natural") {
        return false;
      }
    }
    if (letter != '\0') domain = std::string(1, letter) + (positive ? "+" : "");
    return letter != '\0' || !positive;
  }

  // "∈ ℤ", "\in \mathbb{N}^*".
  bool set(std::string& domain) {
    ++at_;
    if (at_ >= tokens_.size()) return false;
    const char letter = set_letter(tokens_[at_++]);
    if (letter == '\0') return false;
    std::string script;
    while (at_ < tokens_.size() && !tokens_[at_].is(TokenKind::close, ")")) {
      const bool part = tokens_[at_].kind != TokenKind::word && !tokens_[at_].op(",");
      if (!part || (script.empty() && !op("^") && !op("_"))) return false;
      script += tokens_[at_++].text;
    }
    const bool positive =
        script.find_first_of("+>*") != std::string::npos && script.find(">=") == std::string::npos;
    if (letter == 'N') {
      domain = positive ? "Z+" : "N";
    } else {
      domain = std::string(1, letter) + (positive ? "+" : script);
    }
    return true;
  }

  // "x > 0", "n ≥ 1", "0 < x < 1": all up to the end.
  bool range(Condition& out) {
    std::string text = out.names[0];
    for (; at_ < tokens_.size() && !tokens_[at_].is(TokenKind::close, ")"); ++at_) {
      const Token& token = tokens_[at_];
      const bool sign = token.op("<") || token.op(">") || token.op("<=") || token.op(">=") || token.op("-");
      if (!sign && token.kind != TokenKind::number) return false;
      text += token.text;
    }
    out.domain = text;
    return true;
  }

  const std::vector<Token>& tokens_;
  std::size_t at_;
};

bool starts_condition(const std::vector<Token>& tokens, std::size_t at) {
  const Token& token = tokens[at];
  if (quantifies(token) || token.op(",") || token.op(";") || token.is(TokenKind::open, "(")) return true;
  const bool apart = token.kind == TokenKind::name && token.gap && tokens[at - 1].kind != TokenKind::op;
  return apart && at + 1 < tokens.size() && tokens[at + 1].op("in");
}

}  // namespace

void drop_phrases(std::vector<Token>& tokens) {
  drop_signs(tokens);
  drop_introduction(tokens);
  read_remark(tokens);
  if (!tokens.empty()) join_worded_name(tokens);
}

void turn_outward_brackets(std::vector<Token>& tokens) {
  struct Open {
    std::size_t at;
    bool comma;
  };
  std::vector<Open> open;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    Token& token = tokens[i];
    const bool after_value =
        i > 0 && (tokens[i - 1].kind == TokenKind::number || tokens[i - 1].kind == TokenKind::name ||
                  tokens[i - 1].kind == TokenKind::close);
    if (token.op(",") && !open.empty()) open.back().comma = true;
    if (token.is(TokenKind::close, "]") && !after_value && (i == 0 || tokens[i - 1].kind == TokenKind::op)) {
      token = {TokenKind::open, "(", token.gap};
      open.push_back({i, false});
    } else if (token.is(TokenKind::open, "[") && after_value && !open.empty() && open.back().comma &&
               tokens[open.back().at].text != "{" && tokens[open.back().at].text != "\\{") {
      token = {TokenKind::close, ")", token.gap};
      open.pop_back();
    } else if (token.kind == TokenKind::open) {
      open.push_back({i, false});
    } else if (token.kind == TokenKind::close && !open.empty()) {
      open.pop_back();
    }
  }
}

Condition take_condition(std::vector<Token>& tokens) {
  const bool definition =
      tokens.size() > 3 && tokens[0].kind == TokenKind::name && (tokens[1].op("_") || tokens[1].text == "(");
  int depth = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    if (i > 0 && depth == 0 && starts_condition(tokens, i)) {
      Condition found;
      if (ConditionReader(tokens, i).read(definition, found)) {
        const auto in_head = [&](const std::string& name) {
          return std::any_of(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(i),
                             [&](const Token& t) { return t.text == name; });
        };
        if (!std::all_of(found.names.begin(), found.names.end(), in_head)) return {};
        tokens.resize(i, token);
        return found;
      }
    }
    if (i > 0 && quantifies(token)) return {};  // of a part of the answer
    depth += token.kind == TokenKind::open ? 1 : token.kind == TokenKind::close ? -1 : 0;
  }
  return {};
}

bool is_date(const std::vector<Token>& tokens) {
  if (tokens.size() != 5 || tokens[1].kind != TokenKind::op || tokens[1].text != tokens[3].text) return false;
  if (!tokens[1].op("-") && !tokens[1].op("/")) return false;
  std::array<std::size_t, 3> sizes{};
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0 && tokens[i].gap) return false;
    if (i % 2 != 0) continue;
    if (tokens[i].kind != TokenKind::number ||
        !std::all_of(tokens[i].text.begin(), tokens[i].text.end(), is_digit))
      return false;
    sizes[i / 2] = tokens[i].text.size();
  }
  const bool year_first = sizes[0] == 4 && sizes[1] == 2 && sizes[2] == 2 && tokens[1].op("-");
  const bool year_last = sizes[0] <= 2 && sizes[1] <= 2 && sizes[2] == 4 &&
                         (tokens[4].text.starts_with("19") || tokens[4].text.starts_with("20"));
  return year_first || year_last;
}

}  // namespace pope
