// libFuzzer target: two answers on two lines, a completion, and a prefix. Nothing may crash, run over its
// budget, or depend on which side an answer stands. Build and run: see docs/fuzzing.md.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "text/boxes.h"
#include "verify/answers.h"
#include "verify/extract.h"
#include "verify/last_number.h"
#include "verify/mentions.h"
#include "verify/mentions_value.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = text.find('\n');
  const std::string_view gold = text.substr(0, line);
  const std::string_view pred = line == std::string_view::npos ? text : text.substr(line + 1);
  const pope::AnswerComparison there = pope::compare_answers(gold, pred),
                               back = pope::compare_answers(pred, gold);
  if (there.equal && there.undecided) std::abort();
  if (there.equal != back.equal && !there.undecided && !back.undecided) std::abort();
  const std::string_view answer = pope::without_thinking(text);
  pope::find_boxed(answer);
  pope::marker_line(answer);
  pope::answer_line(answer);
  pope::answer_phrase(answer);
  pope::last_number(answer);
  pope::mentions_value(pred, gold);
  return 0;
}
