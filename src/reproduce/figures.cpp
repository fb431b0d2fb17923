// See figures.h.
#include "reproduce/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

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

Json series_of(const Figure& figure, const Term& arm, const std::vector<std::uint64_t>& seeds,
               const fs::path& out) {
  std::map<double, std::vector<Point>> by_step;
  std::size_t runs = 0;
  for (const std::uint64_t seed : seeds) {
    for (const std::string& name : arm.runs) {
      ++runs;
      for (const Point& point : points_of(out / fmt::format("seed-{}", seed) / name, figure))
        by_step[point.step].push_back(point);
    }
  }
  Json x = Json::array(), mean = Json::array(), low = Json::array(), high = Json::array();
  for (const auto& [step, points] : by_step) {
    if (points.size() != runs) continue;
    double sum_x = 0, sum_y = 0, least = points[0].y, most = points[0].y;
    for (const Point& point : points) {
      sum_x += point.x;
      sum_y += point.y;
      least = std::min(least, point.y);
      most = std::max(most, point.y);
    }
    const double y = sum_y / static_cast<double>(runs);
    x.push_back(sum_x / static_cast<double>(runs));
    mean.push_back(y);
    const bool band = figure.x.empty() || figure.x == "rollouts/hard";
    low.push_back(band ? least : y);
    high.push_back(band ? most : y);
  }
  return {{"runs", runs}, {"x", x}, {"mean", mean}, {"low", low}, {"high", high}};
}

bool is_fraction(const std::string& key) {
  return key.starts_with("reward/") || key.starts_with("solvable/") ||
         key.find("/pass@") != std::string::npos;
}

}  // namespace

Json figures_of(const Plan& plan, const std::vector<Study>& studies, const std::vector<std::uint64_t>& seeds,
                const fs::path& out) {
  Json figures = Json::array();
  for (const Study& study : studies) {
    for (const Figure& figure : study.figures) {
      Json all = Json::array();
      for (const Term& arm : figure.arms) {
        Json series = series_of(figure, arm, seeds, out);
        if (series["x"].empty()) continue;
        series["name"] = plan.step(arm.runs.front()).label;
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
