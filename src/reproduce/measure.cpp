// Names of metrics are parsed here, and their values read from metrics.jsonl and result.json.
#include "reproduce/measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/error.h"
#include "core/statistics.h"
#include "reproduce/entry.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

constexpr auto kOperation = "reproduce";

// `where` begins the message of an error.
double parse_number(const std::string& metric, const std::string& text, const std::string& where) {
  if (const std::optional<double> number = number_in(text)) return *number;
  throw Error(kOperation, fmt::format("{}expected a number, got '{}' in '{}'", where, text, metric));
}

// "final/SET/unguided/pass@32" or "final/SET/unguided/overlap/steps" → its parts.
struct FinalMetric {
  std::string set;
  bool guided = false;
  int k = 0;            // of pass@k
  std::string overlap;  // or the measure of overlap
};

FinalMetric parse_final(const std::string& metric, const std::string& where = "") {
  const auto no_metric = [&] {
    return Error(kOperation,
                 where + "expected final/SET/unguided/pass@K or final/SET/unguided/overlap/MEASURE, got '" +
                     metric + "'");
  };
  for (const std::string mode : {"/guided/", "/unguided/"}) {
    const std::size_t at = metric.find(mode);
    if (at == std::string::npos || at < 6) continue;
    FinalMetric parts{metric.substr(6, at - 6), mode == "/guided/"};
    const std::string value = metric.substr(at + mode.size());
    if (value.starts_with("pass@")) {
      const double k = parse_number(metric, value.substr(5), where);
      if (!(k >= 1 && k <= 1e6) || k != std::floor(k)) throw no_metric();
      parts.k = static_cast<int>(k);
    } else if (value.starts_with("overlap/") && value.size() > 8) {
      parts.overlap = value.substr(8);
    } else {
      throw no_metric();
    }
    return parts;
  }
  throw no_metric();
}

// Of single evaluations three are taken together.
constexpr std::size_t kMeanOf = 3;
double mean_until(const std::vector<double>& values, std::size_t end) {
  const auto last = values.begin() + static_cast<std::ptrdiff_t>(end);
  return std::accumulate(last - kMeanOf, last, 0.0) / kMeanOf;
}

// (low, high]: the part of the run that a window covers.
std::pair<double, double> window_of(const std::string& name) {
  if (name == "start") return {0, 0.1};
  if (name == "early") return {0.15, 0.35};
  if (name == "middle") return {0.4, 0.6};
  if (name == "late") return {0.8, 1};
  return {0, 1};
}

struct Rows {
  std::vector<std::pair<double, double>> points;  // step, value of the key
  double steps = 0;
};

Rows rows_of(const fs::path& run, const std::string& key) {
  Rows rows;
  read_jsonl(run / "metrics.jsonl", [&](Json&& row, std::size_t) {
    const double step = row.value("step", 0.0);
    rows.steps = std::max(rows.steps, step);
    if (row.contains(key) && row[key].is_number()) rows.points.emplace_back(step, row[key]);
  });
  return rows;
}

std::optional<Measurement> window_measurement(const fs::path& run, const Term& term) {
  const Rows rows = rows_of(run, term.metric);
  const auto [low, high] = window_of(term.window);
  Measurement result;
  int count = 0;
  for (const auto& [step, value] : rows.points) {
    if (step <= low * rows.steps || step > high * rows.steps) continue;
    result.value += value;
    ++count;
  }
  if (count == 0) return std::nullopt;
  result.value /= count;
  return result;
}

// "reach/0.5/KEY" or "at/19200/KEY" → its parts.
struct NumberedMetric {
  double number;
  std::string key;
};

NumberedMetric parse_numbered(const std::string& metric, const std::string& where = "") {
  const std::size_t number = metric.find('/') + 1, key = metric.find('/', number);
  if (key == std::string::npos || key + 1 == metric.size())
    throw Error(kOperation,
                fmt::format("{}expected {}X/KEY, got '{}'", where, metric.substr(0, number), metric));
  return {parse_number(metric, metric.substr(number, key - number), where), metric.substr(key + 1)};
}

std::optional<Measurement> reach_measurement(const fs::path& run, const Term& term) {
  const NumberedMetric metric = parse_numbered(term.metric);
  std::vector<double> values;
  double rollouts = 0;
  std::optional<double> reached;
  read_jsonl(run / "metrics.jsonl", [&](Json&& row, std::size_t) {
    rollouts = row.value("rollouts/hard", rollouts);
    if (reached || !row.contains(metric.key) || !row[metric.key].is_number()) return;
    values.push_back(row[metric.key]);
    if (values.size() >= kMeanOf && mean_until(values, values.size()) >= metric.number) reached = rollouts;
  });
  if (values.empty() || rollouts == 0)
    return std::nullopt;  // not evaluated, or of a version that did not count
  return Measurement{reached.value_or(rollouts), {}, 0, rollouts};
}

// All rollouts are counted: those before training, of training, and of evolutions.
std::optional<Measurement> at_measurement(const fs::path& run, const Term& term) {
  constexpr double kEnough = 0.95;  // of the rollouts asked for
  const NumberedMetric metric = parse_numbered(term.metric);
  double rollouts = 0;
  std::optional<double> value;
  read_jsonl(run / "metrics.jsonl", [&](Json&& row, std::size_t) {
    rollouts = term.spent + row.value("rollouts/total", 0.0) + row.value("p2o/rollouts", 0.0);
    if (rollouts <= metric.number && row.contains(metric.key) && row[metric.key].is_number())
      value = row[metric.key].get<double>();
  });
  if (!value || rollouts < kEnough * metric.number) return std::nullopt;
  return Measurement{*value};
}

std::optional<Measurement> drop_measurement(const fs::path& run, const Term& term) {
  std::vector<double> values;
  for (const auto& [step, value] : rows_of(run, term.metric.substr(term.metric.find('/') + 1)).points)
    values.push_back(value);
  if (values.size() < kMeanOf) return std::nullopt;
  double best = 0;
  for (std::size_t end = kMeanOf; end <= values.size(); ++end) best = std::max(best, mean_until(values, end));
  return Measurement{best - mean_until(values, values.size())};
}

// The families of metrics that are told by how they begin; all others are keys of metrics.jsonl.
struct MetricFamily {
  const char* begins;
  std::optional<Measurement> (*measure)(const fs::path& run, const Term& term);
};
constexpr MetricFamily kFamilies[] = {
    {"final/", [](const fs::path& run, const Term& term) { return measure_final(run, term.metric); }},
    {"reach/", reach_measurement},
    {"at/", at_measurement},
    {"drop/", drop_measurement}};

}  // namespace

void check_metric(const std::string& where, const std::string& metric) {
  if (metric.starts_with("final/")) parse_final(metric, where + ": ");
  if (metric.starts_with("reach/") || metric.starts_with("at/")) parse_numbered(metric, where + ": ");
  if (metric == "drop/") throw Error(kOperation, where + ": expected drop/KEY, got '" + metric + "'");
}

bool has_window(const std::string& metric) {
  return std::none_of(std::begin(kFamilies), std::end(kFamilies),
                      [&](const MetricFamily& family) { return metric.starts_with(family.begins); });
}

bool is_fraction(const std::string& metric) {
  return metric.starts_with("reward/") || metric.starts_with("solvable/") ||
         (metric.find("/pass@") != std::string::npos && !metric.starts_with("reach/") &&
          !metric.starts_with("drop/"));
}

std::vector<fs::path> folders_of(const Runs& runs, std::uint64_t base, const Term& term) {
  std::vector<fs::path> folders;
  const std::string prefix = term.metric.starts_with("final/") ? "eval-" : "";
  for (int seed = 1; seed <= (term.all_rl ? runs.rl_seeds : 1); ++seed) {
    for (const std::string& name : term.runs) folders.push_back(runs.rl(base, seed) / (prefix + name));
  }
  return folders;
}

bool complete(const Runs& runs, std::uint64_t base, const Term& term) {
  const std::vector<fs::path> folders = folders_of(runs, base, term);
  return std::all_of(folders.begin(), folders.end(),
                     [](const fs::path& run) { return fs::exists(run / "result.json"); });
}

std::optional<Measurement> measure(const Runs& runs, std::uint64_t base, const Term& term) {
  const auto family = std::find_if(std::begin(kFamilies), std::end(kFamilies), [&](const MetricFamily& one) {
    return term.metric.starts_with(one.begins);
  });
  const auto measure_run = family == std::end(kFamilies) ? &window_measurement : family->measure;
  Measurement result;
  for (const fs::path& run : folders_of(runs, base, term)) {
    if (!fs::exists(run / "result.json")) throw Error(kOperation, run.string() + " is no complete run");
    const auto one = measure_run(run, term);
    if (!one) return std::nullopt;
    if (!result.runs.empty() && one->budget != result.budget)
      throw Error(kOperation,
                  fmt::format("the runs of {} have different numbers of hard rollouts", term.arm));
    result.budget = one->budget;
    result.problems = one->problems;
    result.runs.push_back(one->value);
  }
  result.value =
      std::accumulate(result.runs.begin(), result.runs.end(), 0.0) / static_cast<double>(result.runs.size());
  return result;
}

std::optional<Measurement> measure_final(const fs::path& run, const std::string& name) {
  const FinalMetric metric = parse_final(name);
  const Json evaluation = read_json(run / "result.json");
  for (const Json& set : evaluation.at("sets")) {
    if (set.at("set") != metric.set || set.at("guided") != metric.guided) continue;
    const int samples = set.at("samples");
    const Json overlap = set.value("overlap", Json::object());
    if (metric.overlap.empty() ? metric.k > samples : !overlap.contains(metric.overlap)) return std::nullopt;
    Measurement result;
    result.problems = static_cast<int>(set.at("ids").size());
    if (result.problems == 0) return std::nullopt;
    for (int i = 0; i < result.problems; ++i) {
      const auto at = static_cast<std::size_t>(i);
      result.value += metric.overlap.empty() ? pass_at_k(samples, set.at("correct")[at], metric.k)
                                             : overlap[metric.overlap].at("values")[at].get<double>();
    }
    result.value /= result.problems;
    return result;
  }
  return std::nullopt;
}

}  // namespace pope
