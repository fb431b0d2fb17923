// Tables, and the few rules about words.
#include "verify/words.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/chars.h"

namespace pope {
namespace {

using Map = std::unordered_map<std::string_view, std::string_view>;
using Set = std::unordered_set<std::string_view>;

std::optional<std::string_view> find(const Map& map, std::string_view key) {
  const auto found = map.find(key);
  return found == map.end() ? std::nullopt : std::optional(found->second);
}

const Map& operators() {
  static const Map map = {{"cdot", "*"},
                          {"times", "*"},
                          {"ast", "*"},
                          {"div", "/"},
                          {"pm", "pm"},
                          {"mp", "mp"},
                          {"le", "<="},
                          {"leq", "<="},
                          {"leqslant", "<="},
                          {"leqq", "<="},
                          {"ge", ">="},
                          {"geq", ">="},
                          {"geqslant", ">="},
                          {"geqq", ">="},
                          {"lt", "<"},
                          {"gt", ">"},
                          {"ne", "!="},
                          {"neq", "!="},
                          {"in", "in"},
                          {"notin", "notin"},
                          {"equiv", "equiv"},
                          {"cup", "cup"},
                          {"cap", "cap"},
                          {"setminus", "setminus"},
                          {"backslash", "setminus"},
                          {"to", "->"},
                          {"rightarrow", "->"},
                          {"mapsto", "->"},
                          {"longrightarrow", "->"},
                          {"approx", "approx"},
                          {"thickapprox", "approx"},
                          {"simeq", "approx"},
                          {"Rightarrow", "=>"},
                          {"implies", "=>"},
                          {"iff", "<=>"},
                          {"Leftrightarrow", "<=>"},
                          {"land", "land"},
                          {"wedge", "land"},
                          {"lor", "lor"},
                          {"vee", "lor"},
                          {"colon", ":"},
                          {"degree", "deg"},
                          {"ldots", "..."},
                          {"dots", "..."},
                          {"cdots", "..."},
                          {"dotsc", "..."},
                          {"dotsb", "..."},
                          {"choose", "choose"},
                          {"mod", "mod"},
                          {"bmod", "mod"},
                          {"prime", "'"},
                          {"subset", "subset"},
                          {"subseteq", "subset"},
                          {"mid", "mid"},
                          {"over", "over"},
                          {"textdollar", "$"},
                          {"textdegree", "deg"}};
  return map;
}

const Map& functions() {
  static const Map map = {
      {"sin", "sin"},       {"cos", "cos"},       {"tan", "tan"},       {"cot", "cot"},
      {"sec", "sec"},       {"csc", "csc"},       {"tg", "tan"},        {"ctg", "cot"},
      {"cosec", "csc"},     {"arcsin", "arcsin"}, {"arccos", "arccos"}, {"arctan", "arctan"},
      {"arccot", "arccot"}, {"asin", "arcsin"},   {"acos", "arccos"},   {"atan", "arctan"},
      {"arctg", "arctan"},  {"sinh", "sinh"},     {"cosh", "cosh"},     {"tanh", "tanh"},
      {"exp", "exp"},       {"ln", "ln"},         {"log", "log"},       {"lg", "lg"},
      {"sqrt", "sqrt"},     {"cbrt", "cbrt"},     {"abs", "abs"},       {"floor", "floor"},
      {"ceil", "ceil"},     {"gcd", "gcd"},       {"lcm", "lcm"},       {"max", "max"},
      {"min", "min"},       {"frac", "frac"},     {"dfrac", "frac"},    {"tfrac", "frac"},
      {"cfrac", "frac"},    {"binom", "binom"},   {"dbinom", "binom"},  {"tbinom", "binom"},
      {"nicefrac", "frac"}, {"sfrac", "frac"},    {"cis", "cis"},       {"pmod", "pmod"},
      {"Re", "re"},         {"Im", "im"},         {"arg", "arg"}};
  return map;
}

const Set& silent_commands() {
  static const Set set = {
      "left",        "right",      "middle",       "big",        "Big",         "bigg",     "Bigg",
      "bigl",        "bigr",       "Bigl",         "Bigr",       "biggl",       "biggr",    "Biggl",
      "Biggr",       "bigm",       "displaystyle", "textstyle",  "scriptstyle", "limits",   "nolimits",
      "quad",        "qquad",      "boxed",        "fbox",       "thinspace",   "enspace",  "hfill",
      "rm",          "bf",         "it",           "mathstrut",  "smallskip",   "nonumber", "hline",
      "noindent",    "small",      "large",        "Large",      "LARGE",       "huge",     "Huge",
      "tiny",        "normalsize", "underline",    "underbrace", "ensuremath",  "square",   "Box",
      "blacksquare", "checkmark",  "qed",          "qedsymbol"};
  return set;
}

const Set& text_commands() {
  static const Set set = {"text",       "textbf", "textrm",     "textit", "textsf",       "texttt",
                          "textnormal", "mbox",   "hbox",       "mathrm", "operatorname", "mathbf",
                          "mathit",     "mathsf", "boldsymbol", "bm",     "emph",         "mathop"};
  return set;
}

const Map& symbols() {
  static const Map map = {{"pi", "pi"},          {"Pi", "pi"},         {"alpha", "\\alpha"},
                          {"beta", "\\beta"},    {"gamma", "\\gamma"}, {"theta", "\\theta"},
                          {"phi", "\\phi"},      {"omega", "\\omega"}, {"lambda", "\\lambda"},
                          {"infinity", "infty"}, {"infty", "infty"},   {"inf", "infty"},
                          {"oo", "infty"},       {"Infinity", "infty"}};
  return map;
}

// Plain runs of two or three letters that are words all the same; longer lower-case runs always are.
const Set& short_words() {
  static const Set set = {
      "yes", "no",   "odd",  "even", "cm",    "mm",   "km",    "kg",  "mg",   "ml",   "ft",    "in",
      "sq",  "hr",   "min",  "sec",  "mph",   "kmh",  "lbs",   "lb",  "oz",   "yd",   "mi",    "day",
      "cup", "the",  "is",   "are",  "not",   "all",  "any",   "for", "men",  "car",  "egg",   "hour",
      "pie", "box",  "usd",  "if",   "of",    "per",  "kWh",   "kW",  "Hz",   "MB",   "GB",    "kB",
      "rpm", "mol",  "None", "Yes",  "No",    "True", "False", "Odd", "Even", "true", "false", "none",
      "win", "wins", "one",  "two",  "six",   "ten",  "at",    "by",  "to",   "we",   "it",    "as",
      "an",  "so",   "be",   "with", "where", "So",   "cu",    "has", "was",  "USD",  "EUR",   "GBP",
      "day", "set",  "pen",  "man",  "boy",   "cow",  "dog",   "cat", "bag"};
  return set;
}

}  // namespace

std::optional<std::string_view> operator_command(std::string_view command) {
  return find(operators(), command);
}
std::optional<std::string_view> function_name(std::string_view word) { return find(functions(), word); }
bool is_silent_command(std::string_view command) { return silent_commands().contains(command); }
bool is_silent_with_argument(std::string_view command) {
  static const Set set = {"color",    "textcolor", "hspace", "vspace", "phantom",
                          "hphantom", "vphantom",  "label",  "tag"};
  return set.contains(command);
}
bool is_text_command(std::string_view command) { return text_commands().contains(command); }
std::optional<std::string_view> plain_symbol(std::string_view word) { return find(symbols(), word); }

bool is_plain_word(std::string_view run) {
  if (run.size() < 2) return false;
  if (short_words().contains(run)) return true;
  const bool rest_lower = std::all_of(run.begin() + 1, run.end(), is_lower);
  return rest_lower && run.size() >= (is_lower(run[0]) ? 4U : 3U);
}

std::string text_key(std::string_view text) {
  std::string key;
  std::vector<bool> silent;  // for each open brace: belongs to a text command, or stands around everything
  bool space = false, after_text_command = false;
  const auto put = [&](char c) {
    if (space && is_digit(c) && !key.empty() && is_digit(key.back())) key += ' ';  // "1 2" is not "12"
    space = false;
    key += lower(c);
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i], next = i + 1 < text.size() ? text[i + 1] : ' ';
    const bool follows = std::exchange(after_text_command, false);
    if (c == '\\') {
      std::size_t end = i + 1;
      while (end < text.size() && is_letter(text[end])) ++end;
      const std::string_view command = text.substr(i + 1, end - i - 1);
      after_text_command = is_text_command(command) || is_silent_command(command);
      if (command.empty()) {
        space = true;  // "\ " and "\,"
      } else if (!after_text_command) {
        key.append("\\").append(command);
      }
      i = std::max(end, i + 2) - 1;
    } else if (c == '{') {
      silent.push_back(follows || key.empty());
      if (!silent.back()) put(c);
    } else if (c == '}') {
      if (silent.empty() || !silent.back()) put(c);
      if (!silent.empty()) silent.pop_back();
    } else if ((c == '.' || c == ',') && !key.empty() && is_digit(key.back()) && is_digit(next)) {
      put(c);
    } else if ((c == '\'' || c == '"') && !key.empty() && is_alnum(key.back()) && !is_letter(next) &&
               text[0] != c) {
      put(c);  // "x'" is not "x"
    } else if (c == '!' && !key.empty() && (key.size() == 1 || is_digit(key.back()))) {
      put(c);  // "n!" is not "n"
    } else if (std::string_view(" \t\n\r$~.,;:!?'\"`").find(c) != std::string_view::npos) {
      space = true;
      after_text_command = follows && c == ' ';
    } else {
      put(c);
    }
  }
  while (key.size() > 2 && key.front() == '(' && key.back() == ')') key = key.substr(1, key.size() - 2);
  return key;
}

}  // namespace pope
