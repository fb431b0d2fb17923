// See verdict.h.
#include "reproduce/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"

namespace pope {
namespace {

constexpr auto kHeld = "held", kNot = "did not hold", kOpen = "not decidable";

// Quantile 0.975 of Student's t distribution by degrees of freedom 1 … 30; beyond, its expansion about the
// normal one, z + (z³ + z)/4ν (Abramowitz & Stegun 26.7.5).
double t_quantile(std::size_t degrees) {
  static constexpr double kTable[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
                                      2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
                                      2.080,  2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042};
  constexpr double z = 1.959964;
  return degrees <= std::size(kTable) ? kTable[degrees - 1]
                                      : z + (z * z * z + z) / (4 * static_cast<double>(degrees));
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::vector<double> values_of(const std::vector<Measurement>& measurements) {
  std::vector<double> values;
  for (const Measurement& one : measurements) values.push_back(one.value);
  return values;
}

// left − times·right, problem by problem (or run by run); empty unless both sides have the same ones.
std::vector<double> by_problem(const Claim& claim, const std::vector<Measurement>& left,
                               const std::vector<Measurement>& right) {
  std::vector<double> differences;
  for (std::size_t s = 0; s < left.size(); ++s) {
    if (!claim.right) {
      if (left[s].by_problem.empty()) return {};
      for (const auto& [id, value] : left[s].by_problem) differences.push_back(value);
      continue;
    }
    if (left[s].by_problem.empty() || left[s].by_problem.size() != right[s].by_problem.size()) return {};
    for (const auto& [id, value] : left[s].by_problem) {
      const auto other = right[s].by_problem.find(id);
      if (other == right[s].by_problem.end()) return {};
      differences.push_back(value - claim.times * other->second);
    }
  }
  return differences;
}

Json judged(const Study& study, const Claim& claim, const std::vector<std::uint64_t>& seeds,
            const std::filesystem::path& out) {
  std::vector<Measurement> left, right;
  for (const std::uint64_t seed : seeds) {
    const auto folder = out / fmt::format("seed-{}", seed);
    const auto a = measure(folder, claim.left),
               b = claim.right ? measure(folder, *claim.right) : std::optional(Measurement());
    if (!a || !b) {
      throw Error("reproduce",
                  fmt::format("{}: '{}': no row of {} has {}", study.name, claim.text,
                              (folder / (a ? *claim.right : claim.left).arm).string(), claim.left.metric),
                  "the claim names a metric that these runs do not log");
    }
    if (claim.right && a->budget != b->budget) {
      throw Error("reproduce",
                  fmt::format("{}: '{}': {} has {} hard rollouts and {} has {}", study.name, claim.text,
                              claim.left.arm, a->budget, claim.right->arm, b->budget),
                  "reach/… compares arms with the same number of them");
    }
    left.push_back(*a);
    right.push_back(*b);
  }
  const ClaimVerdict verdict = judge(claim, left, right);
  const auto name = [](const Term& term) {
    return term.window.empty() ? term.arm : term.arm + "@" + term.window;
  };
  const bool open = verdict.interval == "none";
  // The value of each seed; where the arm is repeated, a list of those of its runs.
  const auto each = [](const Term& term, const std::vector<Measurement>& by_seed) {
    Json all = Json::array();
    for (const Measurement& one : by_seed) {
      Json runs = Json::array();
      for (const std::string& run : term.runs) {
        if (term.runs.size() > 1) runs.push_back(one.by_problem.at(run.substr(term.arm.size())));
      }
      all.push_back(runs.empty() ? Json(one.value) : runs);
    }
    return all;
  };
  return {{"id", study.name + "/" + claim.id},
          {"study", study.name},
          {"title", study.title},
          {"claim", claim.text},
          {"metric", claim.left.metric},
          {"of", name(claim.left)},
          {"minus", claim.right ? Json(name(*claim.right)) : Json()},
          {"times", claim.times},
          {claim.above ? "above" : "below", claim.bound},
          {"left", mean(values_of(left))},
          {"right", claim.right ? Json(mean(values_of(right))) : Json()},
          {"left_values", each(claim.left, left)},
          {"right_values", claim.right ? each(*claim.right, right) : Json()},
          {"difference", verdict.difference.value},
          {"low", open ? Json() : Json(verdict.difference.low)},
          {"high", open ? Json() : Json(verdict.difference.high)},
          {"interval", verdict.interval},
          {"seeds", seeds.size()},
          {"seeds_for", verdict.seeds_for},
          {"verdict", verdict.text}};
}

}  // namespace

Interval student_interval(const std::vector<double>& values) {
  if (values.size() < 2) throw Error("student_interval", "expected at least two values");
  const double center = mean(values), n = static_cast<double>(values.size());
  double squares = 0;
  for (const double value : values) squares += (value - center) * (value - center);
  const double half = t_quantile(values.size() - 1) * std::sqrt(squares / (n - 1) / n);
  return {center, center - half, center + half};
}

ClaimVerdict judge(const Claim& claim, const std::vector<Measurement>& left,
                   const std::vector<Measurement>& right) {
  std::vector<double> by_seed;
  for (std::size_t s = 0; s < left.size(); ++s)
    by_seed.push_back(left[s].value - claim.times * right[s].value);
  ClaimVerdict verdict{kOpen, "none", {mean(by_seed), 0, 0}, 0};
  verdict.seeds_for = std::count_if(by_seed.begin(), by_seed.end(), [&](double difference) {
    return claim.above ? difference > claim.bound : difference < claim.bound;
  });
  if (by_seed.size() >= 3) {
    verdict.interval = "seeds";
    verdict.difference = student_interval(by_seed);
  } else if (const auto differences = by_problem(claim, left, right); differences.size() >= 2) {
    verdict.interval = "problems";
    verdict.difference = bootstrap_mean(differences);
  } else {
    return verdict;
  }
  const Interval& d = verdict.difference;
  const bool surely_above = d.low > claim.bound, surely_below = d.high < claim.bound;
  if (surely_above || surely_below) verdict.text = surely_above == claim.above ? kHeld : kNot;
  return verdict;
}

Json judge_all(const std::vector<Study>& studies, const std::vector<std::uint64_t>& seeds,
               const std::filesystem::path& out) {
  Json claims = Json::array();
  for (const Study& study : studies) {
    for (const Claim& claim : study.claims) claims.push_back(judged(study, claim, seeds, out));
  }
  return claims;
}

}  // namespace pope
