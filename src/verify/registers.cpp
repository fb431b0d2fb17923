// The "registers" verifier: any legal walk that ends on every target is correct, not just the planted one.
#include "data/registers.h"

#include <fmt/format.h>

#include <algorithm>

#include "verify/kinds.h"

namespace pope {
namespace {

// "" when `words` is a solution, else what is wrong with it.
std::string fault(const Registers& registers, const std::vector<std::string_view>& words) {
  if (words.size() != registers.solution_words())
    return fmt::format("expected {} words, got {}", registers.solution_words(), words.size());
  const std::size_t m = registers.start.size();
  std::vector<int> values = registers.start;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::optional<int> next = register_value(words[i], registers.modulus);
    if (!next) return fmt::format("no value at word {}", i + 1);
    if (!registers.is_move(values[i % m], *next))
      return fmt::format("illegal move at word {}: {} to {}", i + 1, values[i % m], *next);
    values[i % m] = *next;
  }
  for (std::size_t i = 0; i < m; ++i)
    if (registers.targets[i] && *registers.targets[i] != values[i])
      return fmt::format("target {} missed: {} instead of {}", i + 1, values[i], *registers.targets[i]);
  return "";
}

class RegistersVerifier : public Verifier {
 public:
  Verdict verify(const Problem& problem, std::string_view completion) const override {
    const Registers registers = parse_registers(problem);
    std::vector<std::string_view> words = split_words(completion);
    // A silent completion goes on where the guidance ends.
    if (words.size() < registers.solution_words() && problem.guidance &&
        problem.guidance->instruction == "silent") {
      const std::vector<std::string_view> guidance = split_words(problem.guidance->text);
      words.insert(words.begin(), guidance.begin(), guidance.end());
    }
    Verdict verdict;
    if (words.size() == registers.solution_words()) {
      const std::vector<std::string_view> finals(
          words.end() - static_cast<std::ptrdiff_t>(registers.start.size()), words.end());
      verdict.extracted = fmt::format("{}", fmt::join(finals, " "));
    }
    verdict.reason = fault(registers, words);
    verdict.correct = verdict.reason.empty();
    if (verdict.correct) verdict.reason = "all targets met";
    return verdict;
  }

  // The answer is stated where all final values follow one another; a prefix that lacks one does not state
  // it.
  bool states_answer(const Problem& problem, std::string_view text) const override {
    const std::vector<std::string_view> words = split_words(text), answer = split_words(problem.answer);
    return std::search(words.begin(), words.end(), answer.begin(), answer.end()) != words.end();
  }
};

}  // namespace

std::unique_ptr<Verifier> make_registers_verifier() { return std::make_unique<RegistersVerifier>(); }

}  // namespace pope
