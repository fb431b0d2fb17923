// The formulas of the text and their parts, one by one.
#include "verify/mentions_value.h"

#include <algorithm>
#include <string>
#include <unordered_set>

#include "core/chars.h"
#include "verify/formulas.h"
#include "verify/normalize.h"
#include "verify/number.h"

namespace pope {
namespace {

// For one comparison about a hundredth of what a reward may cost: there are hundreds in a solution.
constexpr Limits kLimits = {
    .text_bytes = 512, .nodes = 1000, .depth = 40, .bits = 1 << 13, .precision = 1 << 10, .work = 1 << 14};
constexpr std::size_t kMostComparisons = 4096;

// A number: whole, decimal, a quotient of two, maybe of opposite sign; with a unit or sign around it.
bool is_literal(std::string_view text) {
  const Normal normal = normalize(text);
  NumberReader reader(normal, 0);
  return reader.number() && reader.at_end();
}

class Search {
 public:
  Search(std::string_view answer, const AnswerRules& rules) : answer_(trim(answer)), rules_(rules) {
    literal_ = is_literal(answer_);
    for (const std::string_view joint :
         {",", " and ", " or ", "\\text{and}", "\\text{ and }", ";", "\\pm", "±"})
      many_ = many_ || answer_.find(joint) != std::string_view::npos;
    values_ = 1 + static_cast<std::size_t>(std::count(answer_.begin(), answer_.end(), ','));
  }

  bool run(std::string_view text) {
    text_ = text;
    for_each_formula(text, [&](const Formula& formula) { visit(formula); });
    return found_;
  }

 private:
  void visit(const Formula& formula) {
    if (found_) return;
    try_parts(formula.content);
    if (many_) join(formula);
  }

  // The whole, and what stands between signs that separate: "a = b", "a, b", "a \implies b".
  void try_parts(std::string_view content) {
    try_value(content);
    std::size_t start = 0, parts = 0;
    int depth = 0;
    const auto part = [&](std::size_t end, std::size_t next) {
      if (end < content.size() || parts > 0) try_value(content.substr(start, end - start));
      ++parts;
      start = next;
    };
    for (std::size_t i = 0; i < content.size(); ++i) {
      const char c = content[i];
      const std::string_view rest = content.substr(i);
      depth += c == '{' || c == '(' || c == '[' ? 1 : c == '}' || c == ')' || c == ']' ? -1 : 0;
      if (c == '\\') {
        std::size_t sign = 0;
        for (const std::string_view word :
             {"\\\\", "\\approx", "\\implies", "\\Rightarrow", "\\quad", "\\qquad", "\\equiv"})
          if (rest.starts_with(word)) sign = word.size();
        if (sign > 0 && depth <= 0) part(i, i + sign);
        i += sign > 0 ? sign - 1 : 1;
      } else if (depth <= 0 && (c == '=' || c == ',' || c == ';' || c == ':' || c == '&')) {
        part(i, i + 1);
      }
    }
    part(content.size(), content.size());
  }

  // "$2$ and $3$", "2, 3": the formulas that this one goes on with, and the last ones of them, as many as the
  // answer has values.
  void join(const Formula& formula) {
    if (!starts_.empty() && !is_joint(text_.substr(end_, formula.begin - end_))) starts_.clear();
    starts_.push_back(formula.begin);
    end_ = formula.end;
    if (starts_.size() < 2) return;
    try_value(text_.substr(starts_.front(), end_ - starts_.front()));
    if (starts_.size() > values_ && values_ > 1) {
      const std::size_t from = starts_[starts_.size() - values_];
      try_value(text_.substr(from, end_ - from));
    }
  }

  // Between two formulas; the comma may belong to the first one.
  bool is_joint(std::string_view between) const {
    between = trim(between);
    const bool comma = between.starts_with(',') || text_[end_ - 1] == ',';
    if (between.starts_with(',')) between = trim(between.substr(1));
    return between == "and" || between == "or" || (between.empty() && comma);
  }

  void try_value(std::string_view value) {
    value = trim(value);
    if (found_ || value.empty() || value.size() > kLimits.text_bytes || tried_.size() >= kMostComparisons)
      return;
    if (literal_ && !is_literal(value)) return;
    if (!tried_.insert(value).second) return;
    found_ = compare_answers(answer_, value, rules_, kLimits).equal;
  }

  std::string_view answer_, text_;
  AnswerRules rules_;
  bool literal_ = false, many_ = false, found_ = false;
  std::size_t values_ = 1;
  std::vector<std::size_t> starts_;  // of formulas that are joined
  std::size_t end_ = 0;              // of the last one
  std::unordered_set<std::string_view> tried_;
};

}  // namespace

bool mentions_value(std::string_view text, std::string_view answer, const AnswerRules& rules) {
  return Search(answer, rules).run(text);
}

}  // namespace pope
