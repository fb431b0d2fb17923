// Where the answer stands, then whether it is right.
#include "verify/math.h"

#include <utility>

#include "text/boxes.h"
#include "verify/answers.h"
#include "verify/extract.h"
#include "verify/last_number.h"
#include "verify/mentions.h"
#include "verify/mentions_value.h"

namespace pope {
namespace {

void compare(const Problem& problem, const VerifyConfig& config, Verdict& verdict) {
  AnswerComparison comparison =
      compare_answers(problem.answer, verdict.extracted, {.units_optional = config.units_optional});
  verdict.correct = comparison.equal;
  verdict.ungraded = comparison.undecided;
  verdict.reason = std::move(comparison.reason);
  verdict.gold_form = std::move(comparison.gold);
  verdict.answer_form = std::move(comparison.pred);
}

// What both verifiers share.
class ComparesAnswers : public Verifier {
 public:
  explicit ComparesAnswers(const VerifyConfig& config) : config_(config) {}

  bool same_answer(const Problem&, const Verdict& a, const Verdict& b) const override {
    return compare_answers(a.extracted, b.extracted, {.units_optional = config_.units_optional}).equal;
  }

  std::string reference_fault(const Problem& problem) const override {
    return pope::reference_fault(problem.answer);
  }

 protected:
  const VerifyConfig config_;
};

class AnswerVerifier : public ComparesAnswers {
 public:
  using ComparesAnswers::ComparesAnswers;

  Verdict verify(const Problem& problem, std::string_view completion) const override {
    Verdict verdict;
    verdict.extracted = std::string(completion);
    compare(problem, config_, verdict);
    return verdict;
  }
};

class MathVerifier : public ComparesAnswers {
 public:
  using ComparesAnswers::ComparesAnswers;

  Verdict verify(const Problem& problem, std::string_view completion) const override {
    Verdict verdict;
    verdict.reason = extract(without_thinking(completion), verdict.extracted);
    if (verdict.reason.empty()) compare(problem, config_, verdict);
    return verdict;
  }

  bool states_answer(const Problem& problem, std::string_view text) const override {
    return mentions_answer(text, problem.answer) ||
           mentions_value(text, problem.answer, {.units_optional = config_.units_optional});
  }

 private:
  // Why there is no answer, "" when there is one. A box decides alone: an empty one, or one that a truncated
  // completion leaves open, is no answer.
  std::string extract(std::string_view text, std::string& answer) const {
    if (const std::optional<std::string_view> box = find_boxed(text)) {
      answer = std::string(*box);
      return is_blank(answer) ? "no answer found: the box is empty" : "";
    }
    if (text.find("\\boxed{") != std::string_view::npos) return "no answer found: the box is not closed";
    if (config_.marker) answer = marker_line(text);
    if (answer.empty() && config_.answer_line) answer = answer_line(text);
    if (answer.empty() && config_.answer_phrase) answer = answer_phrase(text);
    if (answer.empty() && config_.last_number) answer = last_number(text);
    return is_blank(answer) ? "no answer found: no box" : "";
  }

  static bool is_blank(const std::string& text) {
    return text.find_first_not_of(" \t\r\n$") == std::string::npos;
  }
};

}  // namespace

std::unique_ptr<Verifier> make_answer_verifier(const VerifyConfig& config) {
  return std::make_unique<AnswerVerifier>(config);
}

std::unique_ptr<Verifier> make_math_verifier(const VerifyConfig& config) {
  return std::make_unique<MathVerifier>(config);
}

}  // namespace pope
