// See curves.h.
#include "report/curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace pope {
namespace {

constexpr int kMostPoints = 80;  // of a curve; longer ones are averaged over windows

// How a metric is shown. order < 100: among the curves to read first.
struct Look {
  int order = 200;
  std::string title, unit;
};

std::string after(const std::string& text, const std::string& prefix) { return text.substr(prefix.size()); }

Look look_of(const std::string& key) {
  const std::size_t pass = key.rfind("/pass@");
  if (key.starts_with("eval/") && pass != std::string::npos) {
    const std::size_t kind = key.rfind('/', pass - 1);
    const std::string set = kind > 5 ? key.substr(5, kind - 5) : "",
                      prompt = key.substr(kind + 1, pass - kind - 1);
    return {prompt == "guided" ? 1 : 0, fmt::format("{} on {}, {}", key.substr(pass + 1), set, prompt), "%"};
  }
  struct Rule {
    const char* prefix;
    int order;
    const char* title;
    const char* unit;
  };
  static const Rule kRules[] = {
      {"reward/", 10, "Reward, {} prompts", "%"},
      {"solvable/", 20, "Solvable prompts, {}", "%"},
      {"groups/no_signal", 30, "Groups without signal", ""},
      {"entropy/", 40, "Entropy, {} prompts", "nats"},
      {"length/", 50, "Completion length, {} prompts", "tokens"},
      {"truncated/", 55, "Truncated rollouts, {} prompts", "%"},
      {"grad_norm", 60, "Gradient norm", ""},
      {"loss", 110, "Loss", ""},
      {"time/", 210, "Time, {}", "s"},
  };
  for (const Rule& rule : kRules) {
    if (!key.starts_with(rule.prefix)) continue;
    std::string rest = after(key, rule.prefix);
    if (rest.ends_with("_s")) rest.resize(rest.size() - 2);  // the unit says it
    const std::string title =
        rest.empty() || key == rule.prefix ? rule.title : fmt::format(fmt::runtime(rule.title), rest);
    return {rule.order + (rest == "guided" ? 1 : rest == "easy" ? 2 : 0), title, rule.unit};
  }
  return {200, key, ""};
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
void keep_largest_k(std::vector<std::pair<Look, std::string>>& keys) {
  std::map<std::string, int> largest;
  const auto split = [](const std::string& key) {
    const std::size_t pass = key.rfind("/pass@");
    return std::pair(key.substr(0, pass), std::atoi(key.c_str() + pass + 6));
  };
  for (const auto& [look, key] : keys) {
    if (look.order > 1) continue;
    const auto [set, k] = split(key);
    largest[set] = std::max(largest[set], k);
  }
  for (auto& [look, key] : keys) {
    if (look.order > 1) continue;
    const auto [set, k] = split(key);
    if (k < largest[set]) look.order = 100;
  }
}

}  // namespace

Json build_curves(const std::vector<RunData>& runs, const std::vector<std::string>& methods) {
  std::vector<std::pair<Look, std::string>> keys;
  std::set<std::string> seen = {"step"};
  for (const RunData& run : runs) {
    if (!run.trains()) continue;
    for (const Json& row : run.metrics) {
      for (const auto& [key, value] : row.items()) {
        if (value.is_number() && seen.insert(key).second) keys.emplace_back(look_of(key), key);
      }
    }
  }
  keep_largest_k(keys);
  // A page of supervised runs alone has only what is secondary elsewhere.
  const bool supervised =
      std::none_of(keys.begin(), keys.end(), [](const auto& k) { return k.first.order < 60; });
  std::stable_sort(keys.begin(), keys.end(),
                   [](const auto& a, const auto& b) { return a.first.order < b.first.order; });

  Json curves = Json::array();
  for (const auto& [look, key] : keys) {
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
                      {"main", supervised || look.order < 100},
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
