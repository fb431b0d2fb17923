// See grader_watch.h. What follows a grader's death would be failures that are none.
#include "verify/grader_watch.h"

#include <fmt/format.h>

#include "core/error.h"

namespace pope {
namespace {

constexpr int kEnough = 32;  // completions that say something about a grader

}  // namespace

std::string GraderWatch::add(std::string_view problem, const Verdict& verdict, bool asks_graders) {
  const std::lock_guard lock(mutex_);
  ++completions_;
  ungraded_ += verdict.ungraded;
  if (verdict.ungraded) reason_ = verdict.reason;
  if (!verdict.failed) {
    failed_in_a_row_ = 0;
    other_problems_ = false;
  } else if (failed_in_a_row_++ == 0) {
    problem_ = problem;
  } else {
    other_problems_ = other_problems_ || problem != problem_;
  }
  if (asks_graders) check(verdict);
  if (said_ || completions_ < kEnough || !many_ungraded()) return "";
  said_ = true;
  return warning();
}

void GraderWatch::check(const Verdict& verdict) const {
  const bool none = completions_ == kEnough && ungraded_ == kEnough,
             gone = failed_in_a_row_ >= kEnough && other_problems_;
  if (!none && !gone) return;
  throw Error("grade",
              fmt::format("the {} {} completions could not be judged: {}", none ? "first" : "last",
                          none ? kEnough : failed_in_a_row_, verdict.reason),
              "mend the grader, or see the section \"verify\" of the config, and give the same command "
              "again: a run goes on where it was");
}

bool GraderWatch::many_ungraded() const { return 10 * ungraded_ > completions_; }

std::string GraderWatch::warning() const {
  return fmt::format(
      "warning: {} of {} completions could not be judged, and count as failures; the last one: {}", ungraded_,
      completions_, reason_);
}

bool GraderWatch::in_doubt() const {
  const std::lock_guard lock(mutex_);
  return failed_in_a_row_ > 0;
}

std::string GraderWatch::summary() const {
  const std::lock_guard lock(mutex_);
  return many_ungraded() ? warning() : "";
}

}  // namespace pope
