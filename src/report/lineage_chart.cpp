// See lineage_chart.h.
#include "report/lineage_chart.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/html.h"
#include "report/svg_chart.h"

namespace pope {
namespace {

// In SVG units; the page scales the drawing.
constexpr double kWidth = 640, kHeight = 260, kLeft = 56, kRight = 16, kTop = 28, kBottom = 42;
constexpr std::size_t kNumbered = 12;  // up to so many candidates each has its number beside it

struct Place {
  double x = 0, y = 0;
};

class Drawing {
 public:
  explicit Drawing(const Json& candidates) : candidates_(candidates) {
    double most = 0, low = 1, high = 0;
    for (const Json& one : candidates) {
      most = std::max(most, one["metric_calls"].get<double>());
      low = std::min(low, one["mean"].get<double>());
      high = std::max(high, one["mean"].get<double>());
    }
    x_ticks_ = axis_ticks(0, std::max(1.0, most), 6, 1);
    y_ticks_ = axis_ticks(low < 0.6 * high ? std::min(0.0, low) : low, high, 4);
  }

  Place at(double calls, double mean) const {
    const auto part = [](double value, const std::vector<double>& ticks) {
      return (value - ticks.front()) / (ticks.back() - ticks.front());
    };
    return {kLeft + part(calls, x_ticks_) * (kWidth - kRight - kLeft),
            kHeight - kBottom - part(mean, y_ticks_) * (kHeight - kBottom - kTop)};
  }
  Place of(int candidate) const {
    const Json& one = candidates_[static_cast<std::size_t>(candidate)];
    return at(one["metric_calls"], one["mean"]);
  }

  std::string axes() const {
    std::vector<double> percent = y_ticks_;
    for (double& tick : percent) tick *= 100;
    const std::vector<std::string> y_labels = tick_labels(percent), x_labels = tick_labels(x_ticks_);
    std::string svg;
    for (std::size_t i = 0; i < y_ticks_.size(); ++i) {
      const double y = at(0, y_ticks_[i]).y;
      svg += fmt::format(
          "<line class=\"{}\" x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/><text class=\"end\" x=\"{}\" "
          "y=\"{:.1f}\">{}</text>",
          i == 0 ? "axis" : "grid", kLeft, kWidth - kRight, y, y, kLeft - 6, y + 4, y_labels[i]);
    }
    for (std::size_t i = 0; i < x_ticks_.size(); ++i)
      svg += fmt::format("<text class=\"mid\" x=\"{:.1f}\" y=\"{}\">{}</text>", at(x_ticks_[i], 0).x,
                         kHeight - kBottom + 17, x_labels[i]);
    return svg +
           fmt::format("<text class=\"mid\" x=\"{}\" y=\"{}\">metric calls</text>", (kLeft + kWidth) / 2,
                       kHeight - 6) +
           fmt::format("<text class=\"mid\" transform=\"translate(13 {}) rotate(-90)\">mean score, %</text>",
                       (kTop + kHeight - kBottom) / 2);
  }

 private:
  const Json& candidates_;
  std::vector<double> x_ticks_, y_ticks_;
};

}  // namespace

std::string lineage_chart(const Json& run, int best, const std::string& prefix) {
  const Json& candidates = run["candidates"];
  const Drawing drawing(candidates);
  std::string links, points;
  for (int i = 0; i < static_cast<int>(candidates.size()); ++i) {
    const Json& one = candidates[static_cast<std::size_t>(i)];
    const Place place = drawing.of(i);
    for (const Json& parent : one["parents"]) {
      const Place from = drawing.of(parent);
      links += fmt::format("<path class=\"edge{}\" d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\"/>",
                           one["parents"].size() > 1 ? " merge" : "", from.x, from.y, place.x, place.y);
    }
    const bool drawn = one["weight"].get<int>() > 0;
    const bool numbered = i == best || candidates.size() <= kNumbered;
    points += fmt::format(
        "<a href=\"#{}{}\"><title>candidate {}: {:.1f} %</title><circle class=\"node{}{}\" cx=\"{:.1f}\" "
        "cy=\"{:.1f}\" r=\"{}\"/>{}</a>",
        prefix, i, i, 100 * one["mean"].get<double>(), drawn ? " drawn" : "", i == best ? " top" : "",
        place.x, place.y, i == best ? 7 : 5,
        numbered
            ? fmt::format("<text class=\"mid\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", place.x, place.y - 10, i)
            : "");
  }
  return fmt::format(
             "<svg class=\"chart lineage\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{} candidates by "
             "metric calls and mean score; the best has {:.1f} %\">",
             kWidth, kHeight, candidates.size(),
             100 * candidates[static_cast<std::size_t>(best)]["mean"].get<double>()) +
         drawing.axes() + links + points + "</svg>";
}

}  // namespace pope
