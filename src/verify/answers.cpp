// From two texts to a verdict: a short way for plain numbers, then trees.
#include "verify/answers.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "core/chars.h"
#include "text/boxes.h"
#include "verify/evaluate.h"
#include "verify/match.h"
#include "verify/parser.h"
#include "verify/phrases.h"
#include "verify/real_set.h"
#include "verify/tokens.h"
#include "verify/words.h"

namespace pope {
namespace {

// Without white space, Markdown's signs, quotes and math delimiters around it.
std::string_view bare(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kAround = {{{"***", "***"},
                                                                                     {"**", "**"},
                                                                                     {"__", "__"},
                                                                                     {"*", "*"},
                                                                                     {"`", "`"},
                                                                                     {"\"", "\""},
                                                                                     {"“", "”"},
                                                                                     {"‘", "’"},
                                                                                     {"$", "$"}}};
  return unwrapped(text, kAround);
}

// Plain decimals such as "-1,234.50" as sign, digits before the point without leading zeros, digits after it
// without trailing ones. Most answers are of this kind.
struct Plain {
  std::array<char, 40> digits;
  std::size_t whole = 0, size = 0;  // digits before the point, digits in all
  bool negative = false;
  bool operator==(const Plain& other) const {
    return whole == other.whole && negative == other.negative &&
           std::string_view(digits.data(), size) == std::string_view(other.digits.data(), other.size);
  }
  std::string text() const {
    std::string out = (negative ? "-" : "") + (whole == 0 ? "0" : std::string(digits.data(), whole));
    return size == whole ? out : out + "." + std::string(digits.data() + whole, size - whole);
  }
};

std::optional<Plain> plain_number(std::string_view text) {
  Plain out;
  if (text.empty() || text.size() > out.digits.size()) return std::nullopt;
  std::size_t i = text[0] == '-' || text[0] == '+' ? 1 : 0;
  out.negative = text[0] == '-';
  bool any = false, point = false;
  std::size_t lead = 0, since_comma = 0;  // digits before the first comma, and since the last one
  bool comma = false;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (is_digit(c)) {
      any = true;
      if (!point) ++(comma ? since_comma : lead);
      if (c == '0' && out.size == 0 && !point) continue;  // a leading zero
      out.digits[out.size++] = c;
      if (!point) out.whole = out.size;
    } else if (c == ',' && !point && (comma ? since_comma == 3 : lead >= 1 && lead <= 3)) {
      comma = true;
      since_comma = 0;
    } else if (c == '.' && !point) {
      point = true;
    } else {
      return std::nullopt;
    }
  }
  if (!any || (comma && since_comma != 3)) return std::nullopt;
  while (out.size > out.whole && out.digits[out.size - 1] == '0') --out.size;
  if (out.size == 0) out.negative = false;
  return out;
}

// One reading of an answer.
struct Reading {
  Node* tree = nullptr;  // null: words
  Condition condition;
};

std::vector<Reading> readings(std::string_view text, Arena& arena, const Limits& limits) {
  std::vector<Token> tokens = tokenize(text, limits);
  std::vector<Reading> out;
  if (tokens.empty()) return out;
  if (is_date(tokens)) {
    out.push_back({});
    return out;
  }
  const Condition condition = take_condition(tokens);
  out.push_back({parse_answer(tokens, false, arena), condition});
  if (has_groups_in_brackets(tokens)) out.push_back({parse_answer(tokens, true, arena), condition});
  return out;
}

// Whether the conditions behind two answers can be one: "k ∈ ℤ" may be left out, but not by a range.
bool conditions_agree(const Reading& a, const Reading& b) {
  const std::string &x = a.condition.domain, &y = b.condition.domain;
  if (x == y) return true;
  if (!x.empty() && !y.empty()) return false;
  const std::string& stated = x.empty() ? y : x;
  return stated[0] == 'R' || !(is_region(*a.tree) || is_region(*b.tree));
}

// The tree of `b` with the parameter of its condition under the name that it has in `a`: "2n\pi, n ∈ ℤ"
// beside "2k\pi, k ∈ ℤ".
Node* with_same_parameter(const Reading& a, const Reading& b, Arena& arena) {
  const auto &x = a.condition.names, &y = b.condition.names;
  const bool sets = !a.condition.domain.empty() && a.condition.domain == b.condition.domain;
  if (!sets || x.size() != 1 || y.size() != 1 || x[0] == y[0]) return b.tree;
  return renamed(*renamed(*b.tree, x[0], "\\other", arena), y[0], x[0], arena);
}

char choice_letter(char c) { return c >= 'a' && c <= 'j' ? c : '\0'; }

// The letter of a multiple-choice answer, which may stand before the choice itself: "(B)", "B", "(B) 42",
// "option (B)".
char choice_of(std::string_view key) {
  for (const std::string_view word : {"option", "choice", "answer"})
    if (key.starts_with(word)) key.remove_prefix(word.size());
  if (key.size() == 1) return choice_letter(key[0]);
  if (key.size() < 3 || key[0] != '(' || key[2] != ')') return '\0';
  const std::string_view rest = key.substr(3);  // "(B) or (C)" is no choice
  return rest.starts_with("or") || rest.starts_with("and") || rest.find('(') != std::string_view::npos
             ? '\0'
             : choice_letter(key[1]);
}

// The same for "B) 42", "B. 42", "B: 42": a capital letter and a mark, before white space or at the end.
char marked_choice(std::string_view text) {
  for (bool more = true; more;) {
    more = false;
    for (const std::string_view wrapper : {"\\text{", "\\textbf{", "\\mathbf{", "\\mathrm{", "**", "{", "$"})
      if (text.starts_with(wrapper)) {
        text.remove_prefix(wrapper.size());
        more = true;
      }
  }
  if (text.size() < 2 || text[0] < 'A' || text[0] > 'J') return '\0';
  const char mark = text[1];
  const std::string_view after = text.substr(2), rest = bare(after);
  if (mark == ')' ? rest.find('(') != std::string_view::npos : mark != '.' && mark != ':') return '\0';
  const bool words = std::count_if(rest.begin(), rest.end(), is_letter) > 2 &&
                     rest.find(':') == std::string_view::npos;  // "E: a score", not "A: x, B: y"
  const bool apart = after.empty() || std::string_view(" \t\n\\}*").find(after[0]) != std::string_view::npos;
  const bool value = mark != ':' || words || (!rest.empty() && (is_digit(rest[0]) || rest[0] == '\\'));
  const std::string key = text_key(rest);  // "B. or C." is no choice
  const bool hedged = key.starts_with("or") || key.starts_with("and") || key.find(')') == 1;
  return apart && value && !hedged ? static_cast<char>(text[0] | 0x20) : '\0';
}

char choice_of(std::string_view text, const std::string& key) {
  const char letter = choice_of(key);
  return letter != '\0' ? letter : marked_choice(text);
}

// Words without an article before them, in one spelling.
std::string words_key(std::string_view text) {
  std::string key = text_key(text);
  if (key.starts_with("the") && key.size() > 5 && text.find(' ') != std::string_view::npos) key.erase(0, 3);
  return key == "doesnotexist" ? "dne" : key;
}

bool same_words(std::string_view a, std::string_view b) {
  const std::string x = words_key(a), y = words_key(b);
  if (x.empty() || y.empty()) return false;
  if (x == y) return true;
  if (x.size() != 1 && y.size() != 1) return false;
  const char choice = choice_of(a, x);
  return choice != '\0' && choice == choice_of(b, y);
}

bool is_letter_answer(const Reading& reading) {
  return reading.tree && (reading.tree->is(NodeKind::variable) || reading.tree->is(NodeKind::constant)) &&
         reading.tree->text.size() == 1;
}

// "BADC": an order or the name of a figure, not a product, whatever the letters are.
bool is_letter_sequence(const Reading& reading) {
  if (!reading.tree || !reading.tree->is(NodeKind::product) || reading.tree->children.size() < 3)
    return false;
  return std::all_of(reading.tree->children.begin(), reading.tree->children.end(), [](const Node* n) {
    return n->is(NodeKind::variable) && n->text.size() == 1 && n->text[0] >= 'A' && n->text[0] <= 'Z';
  });
}

bool is_words(const Reading& reading) { return !reading.tree || reading.tree->is(NodeKind::text); }

std::string normal_form(const Reading& reading, std::string_view text, Budget& budget) {
  constexpr std::size_t kShown = 400;
  if (!reading.tree) return "\"" + text_key(text.substr(0, kShown)) + "\"";
  if (!has_variables(*reading.tree) && !reading.tree->is(NodeKind::quantity)) {
    Evaluation at{budget, 64};
    const Value value = evaluate(*reading.tree, at);
    if (value.is_rational() && value.rational().bits() < 1024) {
      char* digits = fmpq_get_str(nullptr, 10, value.rational().get());
      std::string out = digits;
      flint_free(digits);
      return out;
    }
  }
  std::string form = to_text(*reading.tree);
  if (form.size() > kShown) form.resize(kShown);
  return form;
}

// FLINT keeps caches for each thread; they go with it.
struct FlintCaches {
  ~FlintCaches() { flint_cleanup(); }
};

std::string_view ground_text(Ground ground) {
  switch (ground) {
    case Ground::text:
      return "equal: the same form";
    case Ground::exact:
      return "equal: exact values";
    case Ground::algebraic:
      return "equal: algebraic numbers, exactly";
    case Ground::points:
      return "equal: values agree at all points tried";
  }
  return "";
}

void compare_trees(std::string_view gold, std::string_view pred, const AnswerRules& rules, Budget& budget,
                   AnswerComparison& out) {
  Arena arena(budget);
  const std::vector<Reading> golds = readings(gold, arena, budget.limits());
  const std::vector<Reading> preds = readings(pred, arena, budget.limits());
  if (golds.empty() || preds.empty()) {
    out.reason =
        golds.empty() ? "not equal: the reference answer is empty" : "not equal: the answer is empty";
    return;
  }
  out.gold = normal_form(golds[0], gold, budget);
  out.pred = normal_form(preds[0], pred, budget);
  const bool letter_gold = is_letter_answer(golds[0]), letter_pred = is_letter_answer(preds[0]);
  const bool words = is_words(golds[0]) || is_words(preds[0]);
  if ((words || letter_gold || letter_pred) && same_words(gold, pred)) {
    // "n" and "N" are two variables, "b" and "B" are one choice.
    out.equal = !(letter_gold && letter_pred) || golds[0].tree->text == preds[0].tree->text ||
                choice_of(text_key(gold)) != '\0';
    out.reason = out.equal ? "equal: the same words" : "not equal: letters";
    return;
  }
  if (is_words(golds[0]) && is_words(preds[0])) {
    out.reason = "not equal: words";
    return;
  }
  if (is_letter_sequence(golds[0]) && is_letter_sequence(preds[0])) {
    out.equal = text_key(gold) == text_key(pred);
    out.reason = out.equal ? "equal: the same words" : "not equal: letters";
    return;
  }
  bool unknown = false;
  for (const Reading& x : golds) {
    for (const Reading& y : preds) {
      if (!x.tree || !y.tree) continue;
      if (!conditions_agree(x, y)) {
        out.reason = "not equal: conditions";
        continue;
      }
      Matcher matcher(arena, rules);
      const Truth same = matcher.equal(x.tree, with_same_parameter(x, y, arena));
      if (same == Truth::yes) {
        out.equal = true;
        out.reason = ground_text(matcher.ground());
        return;
      }
      unknown = unknown || same == Truth::unknown;
      if (out.reason.empty() && !matcher.difference().empty())
        out.reason = "not equal: " + matcher.difference();
    }
  }
  out.undecided = unknown;
  if (unknown) out.reason = "undecided: no value could be computed for both sides";
  if (out.reason.empty()) out.reason = words ? "not equal: words" : "not equal: values differ";
}

// Of words alone; a short answer is a name, a longer one a sentence that nobody gives word for word.
constexpr std::size_t kMostWords = 6;

bool is_sentence(std::string_view text) {
  std::size_t words = 0;
  for (std::size_t i = 0; i < text.size(); ++i)
    words += is_letter(text[i]) && (i == 0 || text[i - 1] == ' ') ? 1 : 0;
  return words > kMostWords;
}

bool says_no_answer(const std::string& key) {
  constexpr std::array<std::string_view, 14> kNone = {
      "proof",   "proofs", "prove", "notfound", "noanswer",    "noanswerfound", "n/a",
      "unknown", "null",   "nan",   "todo",     "seesolution", "seeproof",      "answernotfound"};
  return std::find(kNone.begin(), kNone.end(), key) != kNone.end();
}

// An answer without what stands around it, a box included.
std::string_view without_box(std::string_view text) {
  text = bare(text);
  const std::optional<std::string_view> inside = only_box(text);
  return inside ? bare(*inside) : text;
}

}  // namespace

std::string reference_fault(std::string_view gold, const Limits& limits) {
  gold = bare(gold);
  if (plain_number(gold)) return "";
  const std::string key = text_key(gold.substr(0, limits.text_bytes));
  if (key.empty()) return "it is empty";
  if (says_no_answer(key)) return "it says \"" + std::string(gold) + "\"";
  if (choice_of(gold, key) != '\0') return "";
  thread_local const FlintCaches caches;
  Budget budget(limits);
  try {
    Arena arena(budget);
    const std::vector<Reading> trees = readings(gold, arena, limits);
    if (trees.empty()) return "it is empty";
    if (!is_words(trees[0])) return "";
  } catch (const OverBudget& over) {
    return std::string("it is over the budget of ") + over.what;
  }
  const bool date = !key.empty() && key.find_first_not_of("0123456789-/") == std::string::npos;
  const bool formula = !date && gold.find_first_of("0123456789=<>^_") != std::string_view::npos;
  if (is_sentence(gold)) return "it is a sentence, compared by its words";
  return formula ? "it is read as no formula, and compared by its words" : "";
}

AnswerComparison compare_answers(std::string_view gold, std::string_view pred, const AnswerRules& rules,
                                 const Limits& limits) {
  AnswerComparison out;
  gold = without_box(gold);
  pred = without_box(pred);
  const std::optional<Plain> x = plain_number(gold), y = plain_number(pred);
  if (x && y) {
    out.equal = *x == *y;
    out.gold = x->text();
    out.pred = y->text();
    out.reason = out.equal ? "equal: exact values" : "not equal: values differ";
    return out;
  }
  if (gold == pred && !text_key(gold.substr(0, 4096)).empty()) {
    out.equal = true;
    out.gold = out.pred = gold.substr(0, 400);
    out.reason = "equal: the same text";
    return out;
  }
  thread_local const FlintCaches caches;
  Budget budget(limits);
  try {
    compare_trees(gold, pred, rules, budget, out);
  } catch (const OverBudget& over) {
    out.equal = false;
    out.undecided = true;
    out.reason = std::string("undecided: over the budget of ") + over.what;
  }
  return out;
}

}  // namespace pope
