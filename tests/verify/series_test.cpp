// Sums and products by value; integrals, limits and infinite sums, which are equal or undecided, never
// unequal.
#include <gtest/gtest.h>

#include "verify/answers.h"

namespace pope {
namespace {

enum class Is { equal, unequal, undecided };

void expect(const std::string& a, const std::string& b, Is expected) {
  for (const auto& [gold, pred] : {std::pair(a, b), std::pair(b, a)}) {
    const AnswerComparison verdict = compare_answers(gold, pred);
    const Is is = verdict.undecided ? Is::undecided : verdict.equal ? Is::equal : Is::unequal;
    EXPECT_EQ(is, expected) << gold << " beside " << pred << ": " << verdict.reason;
  }
}

TEST(Series, HaveTheValueOfTheirTerms) {
  expect("55", "\\sum_{k=1}^{10} k", Is::equal);
  expect("56", "\\sum_{k=1}^{10} k", Is::unequal);
  expect("24", "\\prod_{i=1}^4 i", Is::equal);  // i is no imaginary unit there
  expect("7", "\\sum_{k=1}^{3} k + 1", Is::equal);
  expect("12", "\\displaystyle\\sum\\limits_{k=1}^{3} 2 \\cdot k", Is::equal);
  expect("-6", "\\sum^{3}_{k=1} -k", Is::equal);
  expect("6", "∑_{k=1}^{3} k", Is::equal);
  expect("0", "\\sum_{k=1}^{0} k", Is::equal);
  expect("9", "\\sum_{i=1}^{2}\\sum_{j=1}^{i} (i+j)", Is::equal);
  expect("x+x^2", "\\sum_{k=1}^2 x^k", Is::equal);
  expect("\\frac{\\pi}{2}", "\\sum_{k=1}^{2} \\frac{\\pi}{4}", Is::equal);
  expect("\\frac{n(n+1)}{2}", "\\sum_{k=1}^{n} k", Is::equal);  // where n is whole
  expect("\\frac{n(n-1)}{2}", "\\sum_{k=1}^{n} k", Is::unequal);
  expect("n!", "\\prod_{k=1}^{n} k", Is::equal);
  expect("\\frac{n(n+1)}{2}", "\\sum_{k=1}^n k = \\frac{n(n+1)}{2}", Is::equal);
}

TEST(Series, WithoutValueAreNeverUnequal) {
  expect("1", "\\int_0^1 2x\\,dx", Is::undecided);
  expect("1", "∫_0^1 2x dx", Is::undecided);
  expect("\\frac{\\pi^2}{6}", "\\sum_{n=1}^{\\infty} \\frac{1}{n^2}", Is::undecided);
  expect("3", "\\lim_{x \\to 0} \\frac{3\\sin x}{x}", Is::undecided);
  expect("y = 2", "y = \\int_0^2 dx", Is::undecided);
  expect("2", "\\oint f", Is::undecided);
  expect("12", "\\sum_{d|6} d", Is::undecided);
  expect("1", "\\sum_{k=1}^{1000000000} k", Is::undecided);  // over the budget
  expect("\\int_0^1 x^2\\,dx", "\\int_{0}^{1} t^2\\,dt", Is::equal);
  expect("2\\int_0^1 x\\,dx", "\\int_0^1 2x\\,dx", Is::equal);
  expect("\\sum_{n=1}^\\infty \\frac{1}{n^2}", "\\sum_{k=1}^{\\infty} k^{-2}", Is::equal);
  expect("\\frac{1}{2}", "\\int_0^1 x\\,dx = \\frac{1}{2}", Is::equal);
}

// What must not count as equal because the term is only a name, or the operator is not linear.
TEST(Series, TermsThatHideTheirVariable) {
  expect("3a_k", "\\sum_{k=1}^{3} a_k", Is::undecided);
  expect("\\sum_{k=1}^3 a_{k}", "\\sum_{k=1}^{3} a_k", Is::equal);
  expect("x\\int_0^1 x\\,dx", "\\int_0^1 x^2\\,dx", Is::undecided);
  expect("f(x)\\int_0^1 dx", "\\int_0^1 f(x)\\,dx", Is::undecided);
  expect("4\\prod_{k=1}^\\infty x_k", "\\prod_{k=1}^\\infty 2x_k", Is::undecided);
  expect("4\\prod_{k=1}^\\infty k", "\\prod_{k=1}^\\infty 2k", Is::undecided);
  expect("\\sum_{k=1}^\\infty k \\cdot \\sum_{j=1}^\\infty 1",
         "(\\sum_{k=1}^\\infty 1)(\\sum_{k=1}^\\infty k^2)", Is::undecided);
}

}  // namespace
}  // namespace pope
