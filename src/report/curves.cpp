// See curves.h.
#include "report/curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/metrics.h"

namespace pope {
namespace {

constexpr int kMostPoints = 80;  // of a curve; longer ones are averaged over windows

constexpr int kFolded = 1000;  // place of a chart that is not among those to read first

// How a metric is shown.
struct Look {
  std::string key, title, unit;
  std::pair<int, int> place = {kFolded, 0};  // of its chart: unguided, guided and easy prompts in this order
  bool folded() const { return place.first == kFolded; }
};

std::string chart_unit(std::string_view unit) {
  if (unit == "0 … 1") return "%";
  return unit == "–" || unit == "count" ? "" : std::string(unit);
}

Look look_of(const std::string& key) {
  const std::optional<NamedMetric> named = find_metric(key);
  if (!named) return {key, key};
  Look look{key, named->title(), chart_unit(named->metric->unit)};
  if (named->metric->chart == 0) return look;
  const auto prompt = named->values.find("prompt"), set = named->values.find("set");
  const std::string prompts = prompt != named->values.end() ? prompt->second
                              : set != named->values.end()  ? set->second
                                                            : "";
  look.place = {named->metric->chart, prompts == "guided" ? 1 : prompts == "easy" ? 2 : 0};
  return look;
}

// One run's points, averaged over windows: window number → (mean step, mean value).
struct Point {
  double step = 0, value = 0;
  int count = 0;
};
using Points = std::map<std::int64_t, Point>;

Points points_of(const RunData& run, const std::string& key, std::int64_t window) {
  Points points;
  for (const Json& row : run.metrics) {
    const auto step = row.find("step"), value = row.find(key);
    if (step == row.end() || value == row.end() || !step->is_number() || !value->is_number()) continue;
    // Steps count from 1, so that a window of 5 holds steps 1 … 5.
    Point& point = points[(step->get<std::int64_t>() + window - 1) / window];
    point.step += step->get<double>();
    point.value += value->get<double>();
    ++point.count;
  }
  for (auto& [number, point] : points) {
    point.step /= point.count;
    point.value /= point.count;
  }
  return points;
}

Json series_of(const std::string& method, const std::vector<Points>& runs) {
  std::map<std::int64_t, std::vector<Point>> columns;
  for (const Points& points : runs) {
    for (const auto& [number, point] : points) columns[number].push_back(point);
  }
  Json series = {{"method", method}, {"runs", runs.size()}};
  for (const char* name : {"x", "mean", "low", "high"}) series[name] = Json::array();
  for (const auto& [number, column] : columns) {
    double mean = 0, low = column[0].value, high = column[0].value;
    for (const Point& point : column) {
      mean += point.value / static_cast<double>(column.size());
      low = std::min(low, point.value);
      high = std::max(high, point.value);
    }
    series["x"].push_back(column[0].step);
    series["mean"].push_back(mean);
    series["low"].push_back(low);
    series["high"].push_back(high);
  }
  return series;
}

std::int64_t window_of(const std::vector<RunData>& runs, const std::string& key) {
  std::size_t most = 0;
  double span = 1;
  for (const RunData& run : runs) {
    const Points points = points_of(run, key, 1);
    if (points.size() <= most) continue;
    most = points.size();
    span = points.rbegin()->second.step - points.begin()->second.step + 1;
  }
  if (most <= kMostPoints) return 1;
  return static_cast<std::int64_t>(std::ceil(span / (kMostPoints * 0.75)));
}

// Of the evaluations of one set and prompt only the largest k is read first.
void keep_largest_k(std::vector<Look>& looks) {
  std::map<std::pair<std::string, bool>, int> largest;
  for (const Look& look : looks) {
    if (const auto pass = pass_metric(look.key)) {
      int& k = largest[{pass->set, pass->guided}];
      k = std::max(k, pass->k);
    }
  }
  for (Look& look : looks) {
    const auto pass = pass_metric(look.key);
    if (pass && pass->k < largest[{pass->set, pass->guided}]) look.place = {kFolded, 0};
  }
}

}  // namespace

Json build_curves(const std::vector<RunData>& runs, const std::vector<std::string>& methods) {
  std::vector<Look> looks;
  std::set<std::string> seen = {"step"};
  bool supervised = true;  // a page of supervised runs alone has only what is folded away elsewhere
  for (const RunData& run : runs) {
    if (!run.trains()) continue;
    supervised = supervised && run.verb == "sft";
    for (const Json& row : run.metrics) {
      for (const auto& [key, value] : row.items()) {
        if (value.is_number() && seen.insert(key).second) looks.push_back(look_of(key));
      }
    }
  }
  keep_largest_k(looks);
  std::stable_sort(looks.begin(), looks.end(),
                   [](const Look& a, const Look& b) { return a.place < b.place; });

  Json curves = Json::array();
  for (const Look& look : looks) {
    const std::string& key = look.key;
    const std::int64_t window = window_of(runs, key);
    Json series = Json::array();
    for (const std::string& method : methods) {
      std::vector<Points> of_method;
      for (const RunData& run : runs) {
        if (!run.trains() || run.label != method) continue;
        Points points = points_of(run, key, window);
        if (!points.empty()) of_method.push_back(std::move(points));
      }
      if (!of_method.empty()) series.push_back(series_of(method, of_method));
    }
    if (series.empty()) continue;
    curves.push_back({{"key", key},
                      {"title", look.title},
                      {"unit", look.unit},
                      {"main", supervised || !look.folded()},
                      {"window", window},
                      {"series", series}});
  }
  return curves;
}

std::string step_cost(const std::vector<RunData>& runs) {
  std::optional<std::int64_t> cost;
  for (const RunData& run : runs) {
    const Json *first = nullptr, *last = nullptr;
    for (const Json& row : run.metrics) {
      if (!row.contains("rollouts/total") || !row.contains("step")) continue;
      if (!first) first = &row;
      last = &row;
    }
    if (!first || (*first)["step"] == (*last)["step"]) continue;
    const double steps = (*last)["step"].get<double>() - (*first)["step"].get<double>();
    const double rollouts =
        (*last)["rollouts/total"].get<double>() - (*first)["rollouts/total"].get<double>();
    const std::int64_t each = std::llround(rollouts / steps);
    if (cost && *cost != each) return "";
    cost = each;
  }
  return cost ? fmt::format("{} rollouts each", *cost) : "";
}

}  // namespace pope
