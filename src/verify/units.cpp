// Tables of words, and the few rules about them.
#include "verify/units.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <unordered_map>
#include <unordered_set>

#include "core/chars.h"

namespace pope {
namespace {

using Map = std::unordered_map<std::string_view, std::string_view>;
using Set = std::unordered_set<std::string_view>;

// Spellings of units, in lower case and without the "s" of the plural.
const Map& spellings() {
  static const Map map = {
      {"meter", "m"},       {"metre", "m"},       {"centimeter", "cm"}, {"centimetre", "cm"},
      {"millimeter", "mm"}, {"millimetre", "mm"}, {"decimeter", "dm"},  {"decimetre", "dm"},
      {"kilometer", "km"},  {"kilometre", "km"},  {"kms", "km"},        {"inche", "in"},
      {"inch", "in"},       {"feet", "ft"},       {"foot", "ft"},       {"yard", "yd"},
      {"mile", "mi"},       {"second", "s"},      {"sec", "s"},         {"minute", "min"},
      {"hour", "h"},        {"hr", "h"},          {"day", "day"},       {"gram", "g"},
      {"gm", "g"},          {"kilogram", "kg"},   {"kilo", "kg"},       {"milligram", "mg"},
      {"tonne", "ton"},     {"liter", "l"},       {"litre", "l"},       {"milliliter", "ml"},
      {"millilitre", "ml"}, {"gallon", "gal"},    {"ounce", "oz"},      {"pound", "lb"},
      {"lbs", "lb"},        {"degree", "deg"},    {"radian", "rad"},    {"percent", "%"},
      {"percentage", "%"},  {"pct", "%"},         {"dollar", "$"},      {"usd", "$"},
      {"buck", "$"},        {"euro", "€"},        {"eur", "€"},         {"gbp", "£"},
      {"inr", "₹"},         {"rupee", "₹"},       {"rs", "₹"},          {"cent", "¢"},
      {"rmb", "yuan"},      {"cny", "yuan"},      {"mph", "mi/h"},      {"kmh", "km/h"},
      {"kmph", "km/h"},     {"kph", "km/h"},      {"mps", "m/s"},       {"fps", "ft/s"},
      {"newton", "n"},      {"joule", "j"},       {"watt", "w"},        {"volt", "v"},
      {"ampere", "a"},      {"amp", "a"},         {"hertz", "hz"},      {"pascal", "pa"},
      {"mole", "mol"},      {"byte", "byte"},     {"unit", "units"},    {"people", "person"},
      {"元", "yuan"},       {"圆", "yuan"},       {"美元", "$"},        {"欧元", "€"},
      {"米", "m"},          {"厘米", "cm"},       {"毫米", "mm"},       {"分米", "dm"},
      {"千米", "km"},       {"公里", "km"},       {"克", "g"},          {"千克", "kg"},
      {"公斤", "kg"},       {"吨", "ton"},        {"升", "l"},          {"毫升", "ml"},
      {"度", "deg"},        {"小时", "h"},        {"时", "h"},          {"分钟", "min"},
      {"秒", "s"},          {"平方米", "m2"},     {"平方厘米", "cm2"},  {"平方千米", "km2"},
      {"立方米", "m3"},     {"立方厘米", "cm3"},  {"人", "person"},     {"名", "person"}};
  return map;
}

// Units of measure that are their own name, and counting words of Chinese.
const Set& measures() {
  static const Set set = {
      "m",    "cm",     "mm",      "km",   "dm",    "in",    "ft",    "yd",     "mi",      "s",
      "ms",   "min",    "h",       "day",  "week",  "month", "year",  "yr",     "decade",  "g",
      "kg",   "mg",     "lb",      "oz",   "ton",   "l",     "ml",    "gal",    "quart",   "pint",
      "cup",  "deg",    "rad",     "%",    "$",     "€",     "£",     "¥",      "₹",       "¢",
      "yuan", "yen",    "won",     "peso", "ruble", "franc", "krona", "penny",  "pence",   "mi/h",
      "km/h", "m/s",    "ft/s",    "n",    "j",     "kj",    "w",     "kw",     "kwh",     "v",
      "a",    "hz",     "khz",     "mhz",  "pa",    "kpa",   "mol",   "kelvin", "celsius", "fahrenheit",
      "byte", "kb",     "mb",      "gb",   "bit",   "rpm",   "units", "acre",   "hectare", "knot",
      "cal",  "kcal",   "calorie", "atm",  "ohm",   "tesla", "m2",    "m3",     "cm2",     "cm3",
      "km2",  "person", "nm",      "μm",   "个",    "只",    "条",    "张",     "件",      "块",
      "本",   "页",     "岁",      "次",   "种",    "天",    "年",    "月",     "日",      "分",
      "台",   "辆",     "棵",      "朵",   "颗",    "枚",    "支",    "双",     "组",      "对",
      "户",   "位",     "头",      "匹",   "间",    "层",    "根",    "箱",     "袋",      "瓶",
      "杯",   "盒",     "套",      "道",   "门",    "场",    "周",    "站",     "筐"};
  return set;
}

// Nouns that need no "s" to be counted: singular ones that answers name, and plurals of their own.
const Set& nouns() {
  static const Set set = {
      "person",   "people",  "men",         "women",       "man",         "woman",   "child",    "children",
      "boy",      "girl",    "feet",        "geese",       "mice",        "sheep",   "fish",     "deer",
      "cattle",   "oxen",    "dice",        "staff",       "pence",       "money",   "profit",   "cash",
      "apple",    "orange",  "egg",         "book",        "page",        "pencil",  "pen",      "marble",
      "ball",     "card",    "coin",        "ticket",      "student",     "teacher", "friend",   "worker",
      "player",   "member",  "dog",         "cat",         "bird",        "cow",     "horse",    "chicken",
      "rabbit",   "car",     "bus",         "train",       "tree",        "flower",  "box",      "bag",
      "bottle",   "cup",     "piece",       "slice",       "cookie",      "cake",    "pizza",    "candy",
      "toy",      "game",    "point",       "goal",        "vote",        "way",     "solution", "value",
      "pair",     "set",     "element",     "number",      "integer",     "digit",   "divisor",  "term",
      "step",     "move",    "turn",        "side",        "edge",        "vertex",  "vertices", "vertice",
      "axes",     "indices", "face",        "triangle",    "circle",      "line",    "angle",    "sequence",
      "function", "subset",  "permutation", "arrangement", "combination", "path",    "word",     "letter",
      "color",    "colour",  "house",       "room",        "table",       "chair",   "class",    "team",
      "group",    "week",    "month",       "year",        "trip",        "shirt",   "shoe",     "dress",
      "hat",      "item",    "order",       "meal",        "glass",       "tile",    "brick",    "block",
      "unit",     "thing",   "percentage",  "photo",       "video",       "song",    "test",     "question",
      "problem",  "mark",    "grade"};
  return set;
}

Set words_of(std::string_view text) {
  Set words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    words.insert(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

// What no unit holds.
const Set& changing() {
  static const Set set = words_of(
      "or and but to not no nor neither either both plus minus times over divided by mod modulo if for "
      "where when unless else maybe perhaps possibly probably likely otherwise except alternatively "
      "alternately instead rather versus vs wrong incorrect false invalid impossible is are was were be "
      "has have isn does do this its less more than least most at about around approximately nearly "
      "almost up below above under squared cubed factorial factorials double doubled twice triple tripled "
      "thrice half halves quarter quarters negative negatives positive inverse inverses reciprocal "
      "reciprocals opposite opposites power powers choose with without from equals equal exceeds differs "
      "divides always sometimes never guess guesses unknown any all some none every other others another "
      "the a an as of off remainder remainders dozen dozens log logs sin cos tan hundred thousand million "
      "billion trillion hundreds thousands millions billions trillions percent percents per then thus so "
      "because since ago too also yes undefined infinite gives makes becomes means lacks needs fails "
      "seems ie eg score scores gross");
  return set;
}

std::string lowered(std::string_view word) {
  std::string out;
  for (const char c : word)
    if (c != '.' && c != ' ') out += lower(c);
  return out;
}

std::optional<std::string_view> spelling(std::string_view name) {
  const auto known = spellings().find(name);
  if (known != spellings().end()) return known->second;
  return measures().contains(name) ? std::optional(name) : std::nullopt;
}

// The measure that a word names, in the singular or plural.
std::optional<std::string_view> measure(const std::string& name) {
  if (const auto known = spelling(name)) return known;
  if (name.size() < 3 || name.back() != 's') return std::nullopt;
  const auto singular = spelling(std::string_view(name).substr(0, name.size() - 1));
  return singular && singular->size() != 1 ? singular
         : name.size() > 3                 ? singular
                                           : std::nullopt;  // "kms", "ins"; "ms" are no metres
}

bool is_plural(const std::string& name) {
  if (name.size() < 4 || name.back() != 's') return false;
  const char before = name[name.size() - 2];
  return before != 's' && before != 'u' && before != 'i';
}

}  // namespace

std::string unit_name(std::string_view word) {
  std::string name = lowered(word);
  if (const auto known = measure(name)) return std::string(*known);
  if (name.size() > 3 && name.ends_with("ies")) return name.substr(0, name.size() - 3) + "y";
  if (is_plural(name)) name.pop_back();
  return name;
}

bool is_measure(std::string_view word) { return measure(lowered(word)).has_value(); }

bool is_unit_letter(char c) { return std::string_view("msghlLNJWVA").find(c) != std::string_view::npos; }

bool changes_value(std::string_view word) {
  const std::string name = lowered(word);
  const std::string_view one = std::string_view(name).substr(0, name.size() - (name.ends_with('s') ? 1 : 0));
  const std::string_view six = one.substr(0, one.size() - (one.ends_with("xe") ? 1 : 0));  // "sixes", "tens"
  return changing().contains(name) || part_word(name) != 0 || numeral(name) || numeral(one) || numeral(six);
}

bool is_remark(std::string_view word) {
  static const Set set = {"old",  "tall",  "long",      "wide",       "high", "deep", "apart",   "away",
                          "left", "total", "remaining", "altogether", "each", "only", "exactly", "thick"};
  return set.contains(lowered(word));
}

bool is_counted(const std::vector<std::string_view>& words) {
  constexpr std::size_t kMost = 6;
  if (words.empty() || words.size() > kMost) return false;
  std::size_t head = words.size() - 1;  // of "pieces of cake" the word before "of"
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool of = words[i] == "of" && i > 0 && i + 1 < words.size();
    if (of) head = std::min(head, i - 1);
    if (!of && changes_value(words[i])) return false;
    if (!std::all_of(words[i].begin(), words[i].end(), is_letter)) return false;
  }
  const std::string name = lowered(words[head]);
  return nouns().contains(name) || is_plural(name) || measure(name).has_value();
}

long multiplier(std::string_view unit) {
  static const std::unordered_map<std::string_view, long> map = {
      {"dozen", 12},          {"hundred", 100},           {"thousand", 1'000},
      {"million", 1'000'000}, {"billion", 1'000'000'000}, {"trillion", 1'000'000'000'000}};
  const auto found = map.find(unit);
  return found == map.end() ? 0 : found->second;
}

long part_word(std::string_view word) {
  static const std::unordered_map<std::string_view, long> map = {
      {"half", 2},       {"halve", 2},       {"third", 3},         {"quarter", 4},          {"fourth", 4},
      {"fifth", 5},      {"sixth", 6},       {"seventh", 7},       {"eighth", 8},           {"ninth", 9},
      {"tenth", 10},     {"eleventh", 11},   {"twelfth", 12},      {"fifteenth", 15},       {"sixteenth", 16},
      {"twentieth", 20}, {"hundredth", 100}, {"thousandth", 1000}, {"millionth", 1'000'000}};
  if (word.size() > 4 && word.ends_with('s')) word.remove_suffix(1);
  const auto found = map.find(word);
  return found == map.end() ? 0 : found->second;
}

std::optional<std::string_view> numeral(std::string_view word) {
  static const Map map = {{"zero", "0"},     {"one", "1"},        {"two", "2"},       {"three", "3"},
                          {"four", "4"},     {"five", "5"},       {"six", "6"},       {"seven", "7"},
                          {"eight", "8"},    {"nine", "9"},       {"ten", "10"},      {"eleven", "11"},
                          {"twelve", "12"},  {"thirteen", "13"},  {"fourteen", "14"}, {"fifteen", "15"},
                          {"sixteen", "16"}, {"seventeen", "17"}, {"eighteen", "18"}, {"nineteen", "19"},
                          {"twenty", "20"}};
  const auto found = map.find(word);
  return found == map.end() ? std::nullopt : std::optional(found->second);
}

void Unit::times(std::string_view name, int power) {
  // "km/h" and "m2" of the list are made of others.
  if (const std::size_t slash = name.find('/'); slash != std::string_view::npos) {
    times(name.substr(0, slash), power);
    return times(name.substr(slash + 1), -power);
  }
  if (name.size() > 1 && is_digit(name.back())) {
    const int own = name.back() - '0';
    return times(name.substr(0, name.size() - 1), own * power);
  }
  const auto known = std::find_if(factors_.begin(), factors_.end(), [&](auto& f) { return f.first == name; });
  if (known == factors_.end()) {
    factors_.emplace_back(name, power);
  } else {
    known->second += power;
  }
}

std::string Unit::text() const {
  std::vector<std::pair<std::string, int>> sorted = factors_;
  std::sort(sorted.begin(), sorted.end());
  std::string above, below;
  for (const auto& [name, power] : sorted) {
    if (power == 0) continue;
    std::string& side = power > 0 ? above : below;
    if (!side.empty()) side += '*';
    side += name;
    if (std::abs(power) > 1) side += std::to_string(std::abs(power));
  }
  return below.empty() ? above : above + "/" + below;
}

long units_in(std::string_view larger, std::string_view smaller) {
  struct Step {
    std::string_view larger, smaller;
    long count;
  };
  static constexpr std::array<Step, 9> kSteps = {{{"week", "day", 7},
                                                  {"day", "h", 24},
                                                  {"h", "min", 60},
                                                  {"min", "s", 60},
                                                  {"h", "s", 3600},
                                                  {"ft", "in", 12},
                                                  {"yd", "ft", 3},
                                                  {"lb", "oz", 16},
                                                  {"m", "cm", 100}}};
  for (const Step& step : kSteps)
    if (step.larger == larger && step.smaller == smaller) return step.count;
  return 0;
}

}  // namespace pope
