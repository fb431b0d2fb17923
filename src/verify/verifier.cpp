// The table of verifiers, and the leak guard they share.
#include "verify/verifier.h"

#include "core/error.h"
#include "verify/equality.h"
#include "verify/extract.h"
#include "verify/kinds.h"

namespace pope {

void VerifyConfig::fields(Options& options) {
  options.add("kind", kind, "how completions are graded: math | registers");
  options.add("last_number", last_number, "math: without a box and an answer line, take the last number");
}

bool Verifier::states_answer(const Problem& problem, std::string_view text) const {
  return mentions_answer(text, problem.answer);
}

std::unique_ptr<Verifier> make_verifier(const VerifyConfig& config) {
  if (config.kind == "math") return make_math_verifier(config);
  if (config.kind == "registers") return make_registers_verifier();
  throw Error("verifier", "expected one of: math, registers; got \"" + config.kind + "\"", "set verify.kind");
}

std::string last_boxed(std::string_view text) { return std::string(find_boxed(text).value_or("")); }

}  // namespace pope
