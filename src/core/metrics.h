// The metrics of training, each declared once: key, unit, title and definition. Run directories refuse rows
// with other keys, the report names its charts by them, and docs/metrics.md is made from them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/files.h"
#include "core/options.h"

namespace pope {

struct Metric {
  // "{set}" and the like stand for any text, "{k}" for a number: "eval/{set}/{prompt}/pass@{k}".
  std::string_view key;
  std::string_view unit;        // "0 … 1", "count", "tokens", "nats", "s", "versions", or "–"
  std::string_view title;       // of its chart; the key's braces may stand in it
  std::string_view definition;  // Markdown
  int chart = 0;                // place among the charts that a report shows first; 0: folded away
};

struct MetricGroup {
  std::string_view title, about;  // heading and paragraphs of docs/metrics.md
  std::vector<Metric> metrics;
};

// All metrics, in the order of docs/metrics.md.
const std::vector<MetricGroup>& metric_groups();

// What a key of a row is.
struct NamedMetric {
  const Metric* metric = nullptr;
  std::map<std::string, std::string> values;  // of the braces: {"set": "hard", …}

  std::string title() const;  // with the values
};
// Nothing where no metric has this key.
std::optional<NamedMetric> find_metric(std::string_view key);
// Error naming the first key of `row` that no metric has.
void check_metrics(const Json& row);

// docs/metrics.md.
std::string metrics_page();

// Where metrics go besides metrics.jsonl.
struct MetricsConfig {
  static constexpr auto kSection = "metrics";
  bool tensorboard = true;
  void fields(Options& options);
};

}  // namespace pope
