// Differences per base, their interval, and its place beside the bound; then the same on the logit scale.
#include "reproduce/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"

namespace pope {
namespace {

constexpr auto kHeld = "held", kNot = "did not hold", kOpen = "undecided", kUntestable = "not testable";

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

bool on_side(Side side, double difference, double bound) {
  if (side == Side::within) return std::abs(difference) <= bound;
  return side == Side::above ? difference > bound : difference < bound;
}

std::string verdict_of(Side side, const Interval& d, double bound) {
  if (side == Side::within) {
    if (d.low >= -bound && d.high <= bound) return kHeld;
    return d.low > bound || d.high < -bound ? kNot : kOpen;
  }
  const bool surely_above = d.low > bound, surely_below = d.high < bound;
  if (!surely_above && !surely_below) return kOpen;
  return surely_above == (side == Side::above) ? kHeld : kNot;
}

double logit(double value, int problems) {
  const double n = problems > 0 ? problems : 100, p = (value * n + 0.5) / (n + 1);
  return std::log(p / (1 - p));
}

// Per base, against 0; empty where the claim has no counterpart on the logit scale.
std::vector<double> logit_differences(const Claim& claim, const std::vector<Measurement>& left,
                                      const std::vector<Measurement>& right) {
  const bool two = claim.right.has_value();
  if (!is_fraction(claim.left.metric) || claim.side == Side::within || claim.times != 1 ||
      (two ? claim.bound != 0 : claim.bound < 0 || claim.bound > 1))
    return {};
  std::vector<double> differences;
  for (std::size_t b = 0; b < left.size(); ++b) {
    const int n = left[b].problems;
    differences.push_back(logit(left[b].value, n) -
                          (two ? logit(right[b].value, right[b].problems) : logit(claim.bound, n)));
  }
  return differences;
}

struct Sides {
  std::vector<std::uint64_t> bases;
  std::vector<Measurement> left, right;  // right is empty where the claim is about one arm
};

// The claim's sides on the bases whose runs are complete.
Sides sides_of(const Study& study, const Claim& claim, const Runs& runs) {
  Sides sides;
  const auto checked = [&](std::uint64_t base, const Term& term) {
    const auto measured = measure(runs, base, term);
    if (!measured) {
      throw Error("reproduce",
                  fmt::format("{}: '{}': no row of {} has {}", study.name, claim.text,
                              folders_of(runs, base, term).front().string(), term.metric),
                  "the claim names a metric that these runs do not log");
    }
    return *measured;
  };
  for (const std::uint64_t base : runs.bases) {
    if (!complete(runs, base, claim.left) || (claim.right && !complete(runs, base, *claim.right))) continue;
    const Measurement left = checked(base, claim.left);
    if (claim.right) {
      const Measurement right = checked(base, *claim.right);
      if (left.budget != right.budget) {
        throw Error("reproduce",
                    fmt::format("{}: '{}': {} has {} hard rollouts and {} has {}", study.name, claim.text,
                                claim.left.arm, left.budget, claim.right->arm, right.budget),
                    "reach/… compares arms with the same number of them");
      }
      sides.right.push_back(right);
    }
    sides.left.push_back(left);
    sides.bases.push_back(base);
  }
  return sides;
}

Json mean_of(const std::vector<Measurement>& side) {
  if (side.empty()) return Json();
  std::vector<double> values;
  for (const Measurement& one : side) values.push_back(one.value);
  return mean(values);
}

Json runs_of(const std::vector<Measurement>& side) {
  Json all = Json::array();
  for (const Measurement& one : side) all.push_back(one.runs);
  return all;
}

Json judged(const Study& study, const Claim& claim, const Sides& sides, int planned) {
  const ClaimVerdict verdict = judge(claim, sides.left, sides.right);
  const bool logit = !verdict.logit_text.empty();
  Json json = stated(study, claim, planned);
  json["bases"] = sides.bases;
  json["left"] = mean_of(sides.left);
  json["right"] = mean_of(sides.right);
  json["left_values"] = runs_of(sides.left);
  json["right_values"] = claim.right ? runs_of(sides.right) : Json();
  json["difference"] = sides.bases.empty() ? Json() : Json(verdict.difference.value);
  json["low"] = verdict.interval ? Json(verdict.difference.low) : Json();
  json["high"] = verdict.interval ? Json(verdict.difference.high) : Json();
  json["bases_for"] = verdict.bases_for;
  json["logit_low"] = logit ? Json(verdict.logit.low) : Json();
  json["logit_high"] = logit ? Json(verdict.logit.high) : Json();
  json["logit_verdict"] = logit ? Json(verdict.logit_text) : Json();
  json["verdict"] = verdict.text;
  return json;
}

}  // namespace

ClaimVerdict judge(const Claim& claim, const std::vector<Measurement>& left,
                   const std::vector<Measurement>& right) {
  ClaimVerdict verdict{claim.untestable.empty() ? kOpen : kUntestable};
  std::vector<double> differences;
  for (std::size_t b = 0; b < left.size(); ++b)
    differences.push_back(left[b].value - (claim.right ? claim.times * right[b].value : 0));
  if (differences.empty()) return verdict;
  verdict.difference.value = mean(differences);
  verdict.bases_for = std::count_if(differences.begin(), differences.end(), [&](double difference) {
    return on_side(claim.side, difference, claim.bound);
  });
  if (differences.size() < 3) return verdict;
  verdict.interval = true;
  verdict.difference = student_interval(differences);
  if (!claim.untestable.empty()) return verdict;
  verdict.text = verdict_of(claim.side, verdict.difference, claim.bound);
  if (const auto logits = logit_differences(claim, left, right); !logits.empty()) {
    verdict.logit = student_interval(logits);
    verdict.logit_text = verdict_of(claim.side, verdict.logit, 0);
  }
  return verdict;
}

Json stated(const Study& study, const Claim& claim, int bases) {
  const auto name = [](const Term& term) {
    return term.window.empty() ? term.arm : term.arm + "@" + term.window;
  };
  const auto optional = [](const std::optional<double>& value) { return value ? Json(*value) : Json(); };
  static constexpr const char* kSides[] = {"above", "below", "within"};
  return {{"id", study.name + "/" + claim.id},
          {"study", study.name},
          {"title", study.title},
          {"paper", study.paper},
          {"claim", claim.text},
          {"metric", claim.left.metric},
          {"of", name(claim.left)},
          {"minus", claim.right ? Json(name(*claim.right)) : Json()},
          {"times", claim.times},
          {kSides[static_cast<int>(claim.side)], claim.bound},
          {"condition", claim.condition},
          {"untestable", claim.untestable.empty() ? Json() : Json(claim.untestable)},
          {"expect", optional(claim.expect)},
          {"noise", optional(claim.noise)},
          {"power", optional(power_of(claim, bases))}};
}

Json judge_all(const std::vector<Study>& studies, const Runs& runs, int planned,
               std::vector<Failure>& failures) {
  Json claims = Json::array();
  for (const Study& study : studies) {
    for (const Claim& claim : study.claims) {
      // What cannot be measured costs its own verdict, not the page.
      Sides sides;
      try {
        sides = sides_of(study, claim, runs);
      } catch (const Error& error) {
        failures.push_back({"claim " + study.name + "/" + claim.id, error.what()});
      }
      claims.push_back(judged(study, claim, sides, planned));
    }
  }
  return claims;
}

}  // namespace pope
