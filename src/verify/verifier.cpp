// The table of verifiers, and the leak guard they share.
#include "verify/verifier.h"

#include "core/nearest.h"
#include "verify/command.h"
#include "verify/http.h"
#include "verify/math.h"
#include "verify/mentions.h"
#include "verify/walks.h"

namespace pope {

void VerifyConfig::fields(Options& options) {
  options.add("kind", kind, "how completions are graded").choices(names_of(verifiers()));
  options.add("marker", marker, "math: without a box, take what follows the last \"####\"");
  options.add("answer_line", answer_line, "math: else what follows the last \"Answer:\"");
  options.add("answer_phrase", answer_phrase, "math: else what follows the last \"answer is\"");
  options.add("last_number", last_number, "math: else the last number");
  options.add("units_optional", units_optional, "math: a unit, %, ° or $ may be missing on one side");
  options.add("command", command, "command: the grader's command line; JSON Lines on its stdin and stdout")
      .may_change();
  options.add("url", url, "http: the grader's endpoint, http://host:port/path").may_change();
  constexpr double kDay = 86400;
  options
      .add("timeout_s", timeout_s,
           "command, http: seconds a grader may take for one completion, all tries together")
      .range(0.001, kDay)
      .may_change();
  options.add("workers", workers, "command, http: graders at work at once").range(1, 1024).may_change();
}

void VerifyConfig::check_together() const {
  const char* needed = kind == "command" && command.empty() ? "command"
                       : kind == "http" && url.empty()      ? "url"
                                                            : nullptr;
  if (needed != nullptr)
    refuse_setting(std::string("verify.") + needed, "a value with verify.kind=" + kind, "none");
}

bool Verifier::states_answer(const Problem& problem, std::string_view text) const {
  return mentions_answer(text, problem.answer);
}

bool Verifier::same_answer(const Problem&, const Verdict& a, const Verdict& b) const {
  return !a.extracted.empty() && a.extracted == b.extracted;
}

std::string Verifier::reference_fault(const Problem&) const { return ""; }

std::map<std::string, MakeVerifier>& verifiers() {
  static std::map<std::string, MakeVerifier> table = {{"math", make_math_verifier},
                                                      {"walks", make_walks_verifier},
                                                      {"command", make_command_verifier},
                                                      {"http", make_http_verifier}};
  return table;
}

std::unique_ptr<Verifier> make_verifier(const VerifyConfig& config) {
  check(config);
  return verifiers().at(config.kind)(config);
}

std::unique_ptr<Verifier> make_verifier(VerifyConfig config, AnswerForm form) {
  if (config.kind == "math" && form == AnswerForm::answer) return make_answer_verifier(config);
  if (form == AnswerForm::response)
    config.marker = config.answer_line = config.answer_phrase = config.last_number = false;
  return make_verifier(config);
}

}  // namespace pope
