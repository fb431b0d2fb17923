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
                          {"land", "and"},
                          {"wedge", "and"},
                          {"lor", "or"},
                          {"vee", "or"},
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

const Map& units() {
  static const Map map = {
      {"meter", "m"},       {"metre", "m"},       {"centimeter", "cm"}, {"centimetre", "cm"},
      {"millimeter", "mm"}, {"millimetre", "mm"}, {"kilometer", "km"},  {"kilometre", "km"},
      {"inche", "in"},      {"inch", "in"},       {"feet", "ft"},       {"foot", "ft"},
      {"yard", "yd"},       {"mile", "mi"},       {"second", "s"},      {"sec", "s"},
      {"minute", "min"},    {"hour", "h"},        {"hr", "h"},          {"gram", "g"},
      {"kilogram", "kg"},   {"liter", "l"},       {"litre", "l"},       {"degree", "deg"},
      {"percent", "%"},     {"percentage", "%"},  {"pct", "%"},         {"dollar", "$"},
      {"usd", "$"},         {"euro", "€"},        {"eur", "€"},         {"cent", "¢"},
      {"mph", "mi/h"},      {"kmh", "km/h"},      {"kph", "km/h"},      {"unit", "units"},
      {"people", "person"}};
  return map;
}

// Plain runs of two or three letters that are words all the same; longer lower-case runs always are.
const Set& short_words() {
  static const Set set = {
      "yes", "no",   "odd",   "even", "cm",   "mm",   "km",    "kg",   "mg",  "ml",   "ft",   "in",   "sq",
      "hr",  "min",  "sec",   "mph",  "kmh",  "lbs",  "lb",    "oz",   "yd",  "mi",   "day",  "cup",  "the",
      "is",  "are",  "not",   "all",  "any",  "for",  "men",   "car",  "egg", "hour", "pie",  "box",  "usd",
      "if",  "of",   "per",   "kWh",  "kW",   "Hz",   "MB",    "GB",   "kB",  "rpm",  "mol",  "None", "Yes",
      "No",  "True", "False", "Odd",  "Even", "true", "false", "none", "win", "wins", "one",  "two",  "six",
      "ten", "at",   "by",    "to",   "we",   "it",   "as",    "an",   "so",  "be",   "with", "where"};
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

std::string unit_name(std::string_view text) {
  std::string name;
  for (std::size_t slash = text.find('/'); slash != std::string_view::npos; slash = text.find('/')) {
    name += unit_name(text.substr(0, slash)) + "/";
    text.remove_prefix(slash + 1);
    if (text.find('/') == std::string_view::npos) return name + unit_name(text);
  }
  const bool lone = text.size() == 1;
  for (const char c : text)
    if ((lone || c != '$') && c != ' ' && c != '~' && c != '.' && c != '\\' && c != '^' && c != '{' &&
        c != '}')
      name += lower(c);
  if (const auto known = find(units(), name)) return std::string(*known);
  if (name.size() > 2 && name.back() == 's') name.pop_back();
  if (const auto known = find(units(), name)) return std::string(*known);
  if (name == "square" || name == "cubic") return name;  // its unit is the next word
  for (const auto& [prefix, power] :
       {std::pair<std::string_view, char>{"square", '2'}, {"sq", '2'}, {"cubic", '3'}})
    if (name.size() > prefix.size() && name.starts_with(prefix))
      return unit_name(name.substr(prefix.size())) + power;
  return name;
}

bool is_unit(std::string_view words) {
  const std::string_view first = words.substr(0, words.find(' '));
  for (const std::string_view other :
       {"or", "and", "but", "to", "not", "plus", "minus", "if", "for", "where", "when"})
    if (first == other) return false;
  return words.find(" or ") == std::string_view::npos;
}

long multiplier(std::string_view unit) {
  static const std::unordered_map<std::string_view, long> map = {
      {"dozen", 12},          {"hundred", 100},           {"thousand", 1'000},
      {"million", 1'000'000}, {"billion", 1'000'000'000}, {"trillion", 1'000'000'000'000}};
  const auto found = map.find(unit);
  return found == map.end() ? 0 : found->second;
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
