// Notices a grader that judges nothing, in every verb that grades. Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "verify/verifier.h"

namespace pope {

class GraderWatch {
 public:
  // Counts the verdict on a completion for a problem (its id, or what else tells problems apart). Error,
  // where the verifier asks graders of the user's own (Verifier::parallel()): it judged none of the first 32
  // completions, or gave no verdict (Verdict::failed) on 32 in a row, of more than one problem, as a grader
  // may well fail on each completion of one. The line to show, once: when at least 32 have come and more than
  // a tenth of all that have come could not be judged. "" at any other time.
  std::string add(std::string_view problem, const Verdict& verdict, bool asks_graders);
  // Whether the grader has given no verdict since the last one that it gave: it may be gone.
  bool in_doubt() const;
  // The line to show at the end, where more than a tenth could not be judged; else "".
  std::string summary() const;

 private:
  void check(const Verdict& verdict) const;
  bool many_ungraded() const;
  std::string warning() const;

  mutable std::mutex mutex_;
  std::int64_t completions_ = 0, ungraded_ = 0;
  int failed_in_a_row_ = 0;
  std::string problem_;          // of the first of these
  bool other_problems_ = false;  // among these
  std::string reason_;           // of the last one that could not be judged
  bool said_ = false;
};

}  // namespace pope
