// A verifier decides whether a completion is correct. The reward is 1 or 0, nothing else.
// A new verifier is one file, a line in kinds.h and one in the table in verifier.cpp. Thread-safe; no state.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/options.h"
#include "data/problem.h"

namespace pope {

struct VerifyConfig {
  std::string kind = "math";  // math | registers
  bool last_number = true;    // math: fall back to the last number when there is no \boxed{}
  void fields(Options& options);
};

struct Verdict {
  bool correct = false;
  std::string extracted;  // the answer found in the completion, "" when none
  std::string reason;     // one short line a person can read: "equal", "not equal", "no answer found", …
};

class Verifier {
 public:
  virtual ~Verifier() = default;
  // `completion` is the model's own text: never the prompt, never the guidance. `problem` must be as the
  // prompt showed it (as_prompted in data/problem.h): under a guidance whose instruction is "silent" the
  // completion is judged as its continuation (registers), so guidance that was not shown must not be there.
  virtual Verdict verify(const Problem& problem, std::string_view completion) const = 0;
  // True when `text` states the reference answer; the leak guard of the prefix search. The default looks for
  // the normalised answer as a separate token.
  virtual bool states_answer(const Problem& problem, std::string_view text) const;
};

std::unique_ptr<Verifier> make_verifier(const VerifyConfig& config);

// The last balanced \boxed{…} (or \fbox{…}) of `text`, without the box; "" when none.
std::string last_boxed(std::string_view text);

}  // namespace pope
