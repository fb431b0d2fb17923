// A verifier decides whether a completion is correct. The reward is 1 or 0, nothing else.
// A new verifier is a file with its header, and a line in the table in verifier.cpp. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/options.h"
#include "data/problem.h"

namespace pope {

struct VerifyConfig {
  static constexpr auto kSection = "verify";
  std::string kind = "math";  // math | walks | command | http
  // math: where the answer stands when there is no box, in this order.
  bool marker = true;         // "#### 5"
  bool answer_line = true;    // "Answer: 5", "Answer $5$"
  bool answer_phrase = true;  // "the answer is 5"
  bool last_number = true;
  bool units_optional = true;  // math: "5 cm" is "5", "50%" is "50"
  std::string command;         // command: the grader's command line, run by sh
  std::string url;             // http: the grader's endpoint
  double timeout_s = 10;       // command, http: per completion, all tries together
  int workers = 4;             // command: processes; http: connections
  void fields(Options& options);
  void check_together() const;
};

struct Verdict {
  bool correct = false;
  std::string extracted;  // the answer found in the completion, "" when none
  std::string reason;     // one short line a person can read: "equal: exact values", "no answer found", …
  bool ungraded = false;  // the verifier could not tell (over its budget, grader failed); `correct` is false
  bool failed = false;    // ungraded, as the grader gave no verdict: it died, was too slow, replied nonsense
  std::string gold_form, answer_form;  // math: the normal forms compared
};

class Verifier {
 public:
  virtual ~Verifier() = default;
  // `completion` is the model's own text: never the prompt, never the guidance. `problem` is that of the
  // prompt (Prompt::problem), which carries guidance only where it was shown: where its wording says so
  // (Guidance::continues), the completion is judged as its continuation (walks). May be called from many
  // threads at once.
  virtual Verdict verify(const Problem& problem, std::string_view completion) const = 0;
  // How many calls are worth making at once, each on a thread that waits for it; 0: so quick that the
  // caller's own thread does.
  virtual int parallel() const { return 0; }
  // True when `text` states the reference answer; the leak guard of the prefix search. The default looks for
  // the normalised answer as a separate token.
  virtual bool states_answer(const Problem& problem, std::string_view text) const;
  // Whether two completions of the problem, right or wrong, have the same answer; none is the same as
  // nothing. Symmetric. The default compares what was extracted, to the letter.
  virtual bool same_answer(const Problem& problem, const Verdict& a, const Verdict& b) const;
  // Why hardly any completion can be correct, whatever it says: the problem's reference answer is none that
  // answers can be judged by. "" where they can, or where the verifier cannot tell.
  virtual std::string reference_fault(const Problem& problem) const;
};

using MakeVerifier = std::unique_ptr<Verifier> (*)(const VerifyConfig& config);
// By VerifyConfig::kind. A program of your own may add to it before it is used.
std::map<std::string, MakeVerifier>& verifiers();
// Error: unknown kind (lists the known).
std::unique_ptr<Verifier> make_verifier(const VerifyConfig& config);

// How the answer stands in a text that is graded: it is the answer itself, it is in the last box of a
// response, or it is where verify's fall-backs find it.
enum class AnswerForm { answer, response, freetext };
std::unique_ptr<Verifier> make_verifier(VerifyConfig config, AnswerForm form);

}  // namespace pope
