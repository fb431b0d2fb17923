// Classes by thresholds; pass@k by counting the ways in which mining can stop.
#include "explore/difficulty.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/rng.h"

namespace pope {

void MineConfig::fields(Options& o) {
  o.add("samples", samples, "most samples per problem (n)").range(1, 10000);
  o.add("chunk", chunk, "samples asked for at once, per problem").at_least(1);
  o.add("adaptive", adaptive, "stop a problem when its class is settled; false: always n samples");
  o.add(
       "error", error,
       "adaptive: part of the problems that may leave early with another class than all n samples would give "
       "them, if success rates are spread as Beta(1/2, 1/2); near a threshold it is about twice as much")
      .at_least(0)
      .below(0.5);
  o.add("hard_max", hard_max, "hard: at most this many correct of n").at_least(0);
  o.add("easier_min", easier_min, "easier: success rate from here up to easier_max").range(0, 1);
  o.add("easy_min", easy_min, "easy: success rate from here up to easier_min; below it: medium").range(0, 1);
  o.add("easier_max", easier_max, "solved: success rate above this").range(0, 1);
  o.add("pass_at", pass_at, "k of the reported pass@k").at_least(1).distinct().may_change();
  o.add("heldout", heldout, "fraction of the hard set put aside for evaluation, by hash of the id")
      .at_least(0)
      .below(1)
      .may_change();
}

void MineConfig::check_together() const {
  if (easy_min > easier_min)
    refuse_setting("mine.easy_min", fmt::format("at most mine.easier_min ({})", easier_min),
                   fmt::to_string(easy_min));
  if (easier_min > easier_max)
    refuse_setting("mine.easier_min", fmt::format("at most mine.easier_max ({})", easier_max),
                   fmt::to_string(easier_min));
}

std::string difficulty_class(const MineConfig& config, int n, int c) {
  if (n < 1 || c < 0 || c > n) {
    throw Error("difficulty class",
                "expected 0 <= correct <= samples, got " + std::to_string(c) + " of " + std::to_string(n));
  }
  if (c <= config.hard_max) return "hard";
  const double rate = static_cast<double>(c) / n;
  if (rate > config.easier_max) return "solved";
  if (rate >= config.easier_min) return "easier";
  if (rate >= config.easy_min) return "easy";
  return "medium";
}

bool StoppingRule::stops(int drawn, int correct) const {
  return drawn == config_.samples ||
         (config_.adaptive && drawn % config_.chunk == 0 && class_at(drawn, correct).has_value());
}

std::optional<std::string> StoppingRule::class_at(int drawn, int correct) const {
  // Classes are intervals of c, so the two extreme outcomes decide.
  const int n = config_.samples;
  const std::string lowest = difficulty_class(config_, n, correct);
  if (lowest == difficulty_class(config_, n, correct + n - drawn)) return lowest;
  if (config_.error == 0) return std::nullopt;
  const std::pair at(drawn, correct);
  if (!likely_.contains(at)) likely_.emplace(at, likely_class(drawn, correct));
  return likely_.at(at);
}

std::optional<std::string> StoppingRule::likely_class(int drawn, int correct) const {
  // Beta-binomial: the chance of x correct ones among those left, each from the one before it; up to a
  // factor.
  const int left = config_.samples - drawn;
  const double a = correct + 0.5, b = drawn - correct + 0.5;
  std::vector<double> log_chance(left + 1, 0);
  for (int x = 0; x < left; ++x)
    log_chance[x + 1] = log_chance[x] + std::log((left - x) * (a + x) / ((x + 1) * (b + left - x - 1)));
  const double highest = *std::max_element(log_chance.begin(), log_chance.end());
  double sum = 0;
  std::map<std::string, double> of_class;
  for (int x = 0; x <= left; ++x) {
    const double chance = std::exp(log_chance[x] - highest);
    of_class[difficulty_class(config_, config_.samples, correct + x)] += chance;
    sum += chance;
  }
  for (const auto& [name, part] : of_class) {
    if (part >= (1 - config_.error) * sum) return name;
  }
  return std::nullopt;
}

std::optional<double> StoppingRule::pass_at_k(int drawn, int correct, int k) const {
  if (k < 1 || k > config_.samples) return std::nullopt;
  const std::tuple at(drawn, correct, k);
  if (!part_not_failing_.contains(at)) part_not_failing_.emplace(at, part_not_failing(drawn, correct, k));
  return part_not_failing_.at(at);
}

std::optional<double> StoppingRule::part_not_failing(int drawn, int correct, int k) const {
  const Error impossible(
      "pass@k of a mined problem",
      "mining cannot stop at " + std::to_string(correct) + " correct of " + std::to_string(drawn),
      "use the mining settings under which the samples were drawn");
  if (drawn < 1 || drawn > config_.samples || correct < 0 || correct > drawn) throw impossible;
  // all[c]: sequences of t samples with c correct that have not stopped before; failing: of these those whose
  // first k samples fail. Each success and each failure has a weight, the same for all sequences that end
  // here, so that the part does not depend on it; chosen so that the sum stays far from underflow.
  const long double success = (correct + 0.5L) / (drawn + 1), failure = 1 - success;
  std::vector<long double> all(config_.samples + 1, 0), failing(config_.samples + 1, 0);
  all[0] = failing[0] = 1;
  for (int t = 1; t <= drawn; ++t) {
    for (int c = t; c >= 0; --c) {
      all[c] = failure * all[c] + (c > 0 ? success * all[c - 1] : 0);
      failing[c] = failure * failing[c] + (c > 0 && t > k ? success * failing[c - 1] : 0);
    }
    if (t == drawn) break;
    for (int c = 0; c <= t; ++c) {
      if (all[c] > 0 && stops(t, c)) all[c] = failing[c] = 0;
    }
  }
  if (all[correct] == 0 || !stops(drawn, correct)) throw impossible;
  for (int t = 1; t < k; ++t) {
    if (stops(t, 0)) return std::nullopt;
  }
  return static_cast<double>(1 - failing[correct] / all[correct]);
}

std::set<std::string> put_aside(const MineConfig& config, const std::vector<std::string>& hard) {
  const auto place = [](const std::string& id) {
    return RngStream(key_of("heldout"), {key_of(id)}).uniform();
  };
  std::set<std::string> aside;
  for (const std::string& id : hard) {
    if (place(id) < config.heldout) aside.insert(id);
  }
  if (!aside.empty() && aside.size() == hard.size())
    aside.erase(std::max_element(aside.begin(), aside.end(), [&](const std::string& a, const std::string& b) {
      return place(a) < place(b);
    }));
  return aside;
}

}  // namespace pope
