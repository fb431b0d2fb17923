// The "math" verifier: the last box, else an answer line, else the last number; compared exactly.
#include "verify/equality.h"
#include "verify/extract.h"
#include "verify/kinds.h"
#include "verify/normalize.h"

namespace pope {
namespace {

class MathVerifier : public Verifier {
 public:
  explicit MathVerifier(const VerifyConfig& config) : last_number_(config.last_number) {}

  Verdict verify(const Problem& problem, std::string_view completion) const override {
    Verdict verdict;
    verdict.extracted = extract(completion);
    if (normalize(verdict.extracted).text.empty()) {
      verdict.reason = "no answer found";
      return verdict;
    }
    verdict.correct = answers_equal(problem.answer, verdict.extracted);
    verdict.reason = verdict.correct ? "equal" : "not equal";
    return verdict;
  }

 private:
  // A box decides alone: an empty one, or one that a truncated completion leaves open, is no answer.
  std::string extract(std::string_view completion) const {
    if (const std::optional<std::string_view> box = find_boxed(completion)) return std::string(*box);
    if (completion.find("\\boxed{") != std::string_view::npos) return "";
    std::string answer = answer_line(completion);
    return answer.empty() && last_number_ ? last_number(completion) : answer;
  }

  bool last_number_;
};

}  // namespace

std::unique_ptr<Verifier> make_math_verifier(const VerifyConfig& config) {
  return std::make_unique<MathVerifier>(config);
}

}  // namespace pope
