// See measure.h.
#include "reproduce/measure.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/statistics.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

constexpr auto kOperation = "reproduce";

// "final/SET/unguided/pass@32" → its parts.
struct FinalMetric {
  std::string set;
  bool guided;
  int k;
};

FinalMetric parse_final(const std::string& metric) {
  const std::string rest = metric.substr(std::string("final/").size());
  const std::size_t pass = rest.rfind("/pass@"),
                    kind = pass == std::string::npos ? pass : rest.rfind('/', pass - 1);
  if (kind == std::string::npos)
    throw Error(kOperation, "expected final/SET/unguided/pass@K, got '" + metric + "'");
  const std::string prompt = rest.substr(kind + 1, pass - kind - 1);
  if (prompt != "guided" && prompt != "unguided")
    throw Error(kOperation, "expected guided or unguided in '" + metric + "', got '" + prompt + "'");
  return {rest.substr(0, kind), prompt == "guided", std::atoi(rest.c_str() + pass + 6)};
}

std::optional<Measurement> final_measurement(const fs::path& run, const std::string& name) {
  const FinalMetric metric = parse_final(name);
  const Json evaluation = read_json(run / "result.json");
  for (const Json& set : evaluation.at("sets")) {
    if (set.at("set") != metric.set || set.at("guided") != metric.guided) continue;
    const int samples = set.at("samples");
    if (metric.k < 1 || metric.k > samples) return std::nullopt;
    Measurement result;
    for (std::size_t i = 0; i < set.at("ids").size(); ++i) {
      result.by_problem[set["ids"][i]] = pass_at_k(samples, set.at("correct")[i], metric.k);
    }
    for (const auto& [id, value] : result.by_problem)
      result.value += value / static_cast<double>(result.by_problem.size());
    return result;
  }
  return std::nullopt;
}

// (low, high]: the part of the run that a window covers.
std::pair<double, double> window_of(const std::string& name) {
  if (name == "start") return {0, 0.1};
  if (name == "early") return {0.15, 0.35};
  if (name == "middle") return {0.4, 0.6};
  if (name == "late") return {0.8, 1};
  return {0, 1};
}

std::optional<Measurement> training_measurement(const fs::path& run, const Term& term) {
  std::vector<std::pair<double, double>> points;  // step, value
  double steps = 0;
  read_jsonl(run / "metrics.jsonl", [&](Json&& row, std::size_t) {
    const double step = row.value("step", 0.0);
    steps = std::max(steps, step);
    if (row.contains(term.metric) && row[term.metric].is_number())
      points.emplace_back(step, row[term.metric]);
  });
  const auto [low, high] = window_of(term.window);
  Measurement result;
  int count = 0;
  for (const auto& [step, value] : points) {
    if (step <= low * steps || step > high * steps) continue;
    result.value += value;
    ++count;
  }
  if (count == 0) return std::nullopt;
  result.value /= count;
  return result;
}

}  // namespace

std::optional<Measurement> measure(const fs::path& seed, const Term& term) {
  const bool final = term.metric.starts_with("final/");
  const fs::path run = seed / (final ? "eval-" + term.arm : term.arm);
  if (!fs::exists(run / "result.json")) throw Error(kOperation, run.string() + " is no complete run");
  return final ? final_measurement(run, term.metric) : training_measurement(run, term);
}

}  // namespace pope
