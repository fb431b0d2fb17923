// What the completion reaches, by the rules of data/walks.h.
#include "verify/walks.h"

#include "data/walks.h"

namespace pope {
namespace {

class WalksVerifier : public Verifier {
 public:
  Verdict verify(const Problem& problem, std::string_view completion) const override {
    // Where the wording says so, a completion goes on where the guidance ends. One that restates it all the
    // same is read alike: the last attempt at each target counts.
    std::string text(completion);
    if (problem.guidance && problem.guidance->continues) text = problem.guidance->text + " " + text;
    Verdict verdict;
    verdict.extracted = text;
    verdict.reason = walks_fault(parse_walks(problem), text);
    verdict.correct = verdict.reason.empty();
    if (verdict.correct) verdict.reason = "all targets met";
    return verdict;
  }

  bool same_answer(const Problem& problem, const Verdict& a, const Verdict& b) const override {
    const Walks walks = parse_walks(problem);
    const std::string answer = walks_answer(walks, a.extracted);
    return !answer.empty() && answer == walks_answer(walks, b.extracted);
  }

  // A text states the answer where it is a solution: all that a prefix lacks is then the end.
  bool states_answer(const Problem& problem, std::string_view text) const override {
    return walks_fault(parse_walks(problem), text).empty();
  }
};

}  // namespace

std::unique_ptr<Verifier> make_walks_verifier(const VerifyConfig&) {
  return std::make_unique<WalksVerifier>();
}

}  // namespace pope
