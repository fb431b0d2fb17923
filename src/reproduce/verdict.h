// Whether a claim of the paper held: left − times·right against its bound, with an interval.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/files.h"
#include "core/statistics.h"
#include "reproduce/measure.h"
#include "reproduce/plan.h"

namespace pope {

// Student's t interval for the mean of `values` (two and more) at level 0.95: mean ± t_{n−1} s/√n. The
// bootstrap is too narrow for the handful of seeds that an experiment has.
Interval student_interval(const std::vector<double>& values);

struct ClaimVerdict {
  std::string text;            // "held" | "did not hold" | "not decidable"
  std::string interval;        // "seeds" | "problems" | "none"
  Interval difference;         // of left − times·right
  std::int64_t seeds_for = 0;  // seeds whose own difference is on the claim's side of the bound
};

// One pair of measurements per seed; `right` holds zeros where the claim is about one arm. Three seeds and
// more: student_interval over seeds. Fewer: bootstrap over the problems of all seeds, where both sides have
// them, else none, which decides nothing. The claim held when the whole interval is on its side of the bound,
// did not hold when none of it is, and is not decidable otherwise.
ClaimVerdict judge(const Claim& claim, const std::vector<Measurement>& left,
                   const std::vector<Measurement>& right);

// All claims of the studies on the runs in OUT/seed-N. → [{id, study, title, claim, metric, of, minus, times,
// above | below, left, right, left_values, right_values, difference, low, high, interval, seeds, seeds_for,
// verdict}]. `left` is the mean of `left_values`, which has one value per seed (of a repeated arm a list, one
// per run); low and high are null without interval, minus, right and right_values where the claim is about
// one arm.
Json judge_all(const std::vector<Study>& studies, const std::vector<std::uint64_t>& seeds,
               const std::filesystem::path& out);

}  // namespace pope
