// From the rows of metrics.jsonl to series: averaged over windows of a run, then over runs, then over bases.
#include "reproduce/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "reproduce/measure.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPoints = 30;
constexpr int kColors = 7;  // of the page's style, beside the base model's grey

struct Point {
  double step, x, y;
};

// The rows of a run that have both metrics, averaged into at most kPoints.
std::vector<Point> points_of(const fs::path& run, const Figure& figure) {
  std::vector<Point> rows;
  read_jsonl(run / "metrics.jsonl", [&](Json&& row, std::size_t) {
    const auto has = [&](const std::string& key) { return row.contains(key) && row[key].is_number(); };
    if (!has("step") || !has(figure.y) || (!figure.x.empty() && !has(figure.x))) return;
    const double step = row["step"];
    rows.push_back({step, figure.x.empty() ? step : row[figure.x].get<double>(), row[figure.y]});
  });
  const std::size_t window = (rows.size() + kPoints - 1) / kPoints;
  std::vector<Point> points;
  for (std::size_t begin = 0; begin < rows.size(); begin += window) {
    const std::size_t end = std::min(rows.size(), begin + window);
    Point mean{rows[end - 1].step, 0, 0};
    for (std::size_t i = begin; i < end; ++i) {
      mean.x += rows[i].x / static_cast<double>(end - begin);
      mean.y += rows[i].y / static_cast<double>(end - begin);
    }
    points.push_back(mean);
  }
  return points;
}

// The points of a base: the mean over its runs, at the steps that all of them have.
std::vector<Point> points_of(const Figure& figure, const std::vector<fs::path>& runs) {
  std::map<double, std::vector<Point>> by_step;
  for (const fs::path& run : runs) {
    for (const Point& point : points_of(run, figure)) by_step[point.step].push_back(point);
  }
  std::vector<Point> means;
  for (const auto& [step, points] : by_step) {
    if (points.size() != runs.size()) continue;
    Point mean{step, 0, 0};
    for (const Point& point : points) {
      mean.x += point.x / static_cast<double>(points.size());
      mean.y += point.y / static_cast<double>(points.size());
    }
    means.push_back(mean);
  }
  return means;
}

Json series_of(const Figure& figure, const Term& arm, const Runs& runs) {
  std::map<double, std::vector<Point>> by_step;
  std::size_t bases = 0;
  for (const std::uint64_t base : runs.bases) {
    if (!complete(runs, base, arm)) continue;
    ++bases;
    for (const Point& point : points_of(figure, folders_of(runs, base, arm)))
      by_step[point.step].push_back(point);
  }
  Json x = Json::array(), mean = Json::array(), low = Json::array(), high = Json::array();
  for (const auto& [step, points] : by_step) {
    if (points.size() != bases) continue;
    double sum_x = 0, sum_y = 0, least = points[0].y, most = points[0].y;
    for (const Point& point : points) {
      sum_x += point.x;
      sum_y += point.y;
      least = std::min(least, point.y);
      most = std::max(most, point.y);
    }
    const double y = sum_y / static_cast<double>(bases);
    x.push_back(sum_x / static_cast<double>(bases));
    mean.push_back(y);
    const bool band = figure.x.empty() || figure.x == "rollouts/hard";
    low.push_back(band ? least : y);
    high.push_back(band ? most : y);
  }
  return {{"bases", bases}, {"x", x}, {"mean", mean}, {"low", low}, {"high", high}};
}

}  // namespace

Json figures_of(const Plan& plan, const std::vector<Study>& studies, const Runs& runs) {
  Json figures = Json::array();
  for (const Study& study : studies) {
    for (const Figure& figure : study.figures) {
      Json all = Json::array();
      for (const Term& arm : figure.arms) {
        Json series = series_of(figure, arm, runs);
        if (series["x"].empty()) continue;
        series["name"] = plan.arms.at(arm.arm).label;
        series["color"] = 1 + static_cast<int>(all.size()) % kColors;
        all.push_back(std::move(series));
      }
      if (all.empty()) continue;
      figures.push_back({{"study", study.name},
                         {"title", figure.title},
                         {"x", figure.x.empty() ? "training step" : figure.x},
                         {"y", figure.y},
                         {"percent", is_fraction(figure.y)},
                         {"series", std::move(all)}});
    }
  }
  return figures;
}

}  // namespace pope
