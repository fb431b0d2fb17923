// libFuzzer target: one answer, read into tokens, trees and their normal forms. No values are computed, so it
// gets through far more answers than verify_answers, whose corpus it shares. What is a formula has a normal
// form.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "verify/parser.h"
#include "verify/words.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  pope::Budget budget;
  pope::Arena arena(budget);
  try {
    const std::vector<pope::Token> tokens = pope::tokenize(text, budget.limits());
    for (const bool split_groups : {false, true}) {
      if (split_groups && !pope::has_groups_in_brackets(tokens)) continue;
      const pope::Node* tree = pope::parse_answer(tokens, split_groups, arena);
      if (tree && pope::to_text(*tree).empty()) std::abort();
    }
  } catch (const pope::OverBudget&) {
  }
  pope::text_key(text);
  return 0;
}
