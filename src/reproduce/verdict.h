// Whether a claim of the paper held: left − times·right against its bound, with an interval over bases.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/files.h"
#include "core/statistics.h"
#include "reproduce/measure.h"
#include "reproduce/plan.h"
#include "reproduce/power.h"

namespace pope {

struct ClaimVerdict {
  std::string text;            // "held" | "did not hold" | "undecided" | "not testable"
  bool interval = false;       // whether `difference` has one
  Interval difference;         // of left − times·right
  std::int64_t bases_for = 0;  // bases whose own difference is on the claim's side of the bound
  // The same on the logit scale; "" where there is none.
  std::string logit_text;
  Interval logit;
};

// One pair of measurements per base; `right` is empty where the claim is about one arm. A base's difference
// is that of the means over its runs, which where both sides have the same RL seeds is the mean of the paired
// differences. Three bases and more: student_interval over bases; fewer decide nothing, and nothing is
// pooled. The claim held when the whole interval is on its side of the bound, did not hold when none of it
// is, and is undecided otherwise. Where the claim is untestable that is the verdict, whatever the numbers
// say.
//
// Logit: each base's value x of n problems (100 where n is not known) as logit((x n + ½) / (n + 1)), which
// weighs a difference near 0 or 1 as one of odds. For fractions without `within`, and where a bound has a
// counterpart on that scale: 0 between two arms (times 1), any bound for one arm.
ClaimVerdict judge(const Claim& claim, const std::vector<Measurement>& left,
                   const std::vector<Measurement>& right);

// What is known of a claim before the runs: {id, study, title, paper, claim, metric, of, minus, times, above
// | below | within, condition, untestable, expect, noise, power}, null where there is none. `bases`: how many
// are planned.
Json stated(const Study& study, const Claim& claim, int bases);

// All claims of the studies, each on the bases whose runs are complete for both arms. → [{what stated()
// gives, bases, left, right, left_values, right_values, difference, low, high, bases_for,
// logit_low, logit_high, logit_verdict, verdict}]. `left` is the mean over `bases`, left_values has a list
// per base, one value per run. low, high are null without interval ("none", else "bases"); minus, right and
// right_values where the claim is about one arm; left, right and difference without bases. A claim that
// cannot be measured on complete runs is added to `failures`. power is for `planned` bases.
Json judge_all(const std::vector<Study>& studies, const Runs& runs, int planned,
               std::vector<Failure>& failures);

}  // namespace pope
