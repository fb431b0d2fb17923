// See svg_chart.h.
#include "report/svg_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/html.h"

namespace pope {
namespace {

// The drawing, in SVG units; the page scales it to the column's width.
constexpr double kWidth = 440, kHeight = 250, kLeft = 54, kRight = 14, kTop = 12, kBottom = 40;

struct Axis {
  double low = 0, high = 1, from = 0, to = 1;  // values, and where they are drawn
  double at(double value) const { return from + (value - low) / (high - low) * (to - from); }
};

struct Range {
  double low = 0, high = 0;
  bool empty = true;
  void add(double value) {
    if (!std::isfinite(value)) return;
    low = empty ? value : std::min(low, value);
    high = empty ? value : std::max(high, value);
    empty = false;
  }
};

std::string point(const Axis& x, const Axis& y, double a, double b) {
  return fmt::format("{:.1f},{:.1f}", x.at(a), y.at(b));
}

std::string draw_series(const ChartSeries& s, const Axis& x, const Axis& y) {
  std::string line, above, below, svg;
  bool band = false;
  for (std::size_t i = 0; i < s.x.size(); ++i) {
    line += (i ? " " : "") + point(x, y, s.x[i], s.mean[i]);
    above += point(x, y, s.x[i], s.high[i]) + " ";
    below.insert(0, point(x, y, s.x[i], s.low[i]) + " ");
    band = band || s.high[i] > s.low[i];
  }
  if (band) svg += fmt::format("<polygon class=\"band c{}\" points=\"{}{}\"/>", s.color, above, below);
  if (s.x.size() == 1) {
    svg += fmt::format("<circle class=\"dot c{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\"/>", s.color,
                       x.at(s.x[0]), y.at(s.mean[0]));
  } else {
    svg += fmt::format("<polyline class=\"line c{}\" points=\"{}\"/>", s.color, line);
  }
  return svg;
}

std::string draw_axes(const Chart& chart, const Axis& x, const Axis& y, const std::vector<double>& x_ticks,
                      const std::vector<double>& y_ticks) {
  std::string svg;
  for (const double value : y_ticks) {
    const double at = y.at(value);
    svg += fmt::format("<line class=\"{}\" x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>",
                       value == y_ticks.front() ? "axis" : "grid", kLeft, kWidth - kRight, at, at);
    svg += fmt::format("<text class=\"tick end\" x=\"{}\" y=\"{:.1f}\">{}</text>", kLeft - 6, at + 4,
                       short_number(chart.percent ? 100 * value : value));
  }
  for (const double value : x_ticks) {
    if (value < x.low || value > x.high) continue;
    svg += fmt::format("<text class=\"tick mid\" x=\"{:.1f}\" y=\"{}\">{}</text>", x.at(value),
                       kHeight - kBottom + 16, short_number(value));
  }
  svg += fmt::format("<text class=\"label mid\" x=\"{}\" y=\"{}\">{}</text>", (kLeft + kWidth - kRight) / 2,
                     kHeight - 6, escape(chart.x_label));
  svg += fmt::format("<text class=\"label mid\" transform=\"translate(13 {}) rotate(-90)\">{}</text>",
                     (kTop + kHeight - kBottom) / 2, escape(chart.y_label));
  return svg;
}

// What a reader who does not see the chart hears.
std::string spoken(const Chart& chart) {
  std::string text = chart.title + ".";
  for (const ChartSeries& s : chart.series) {
    if (s.x.empty()) continue;
    const double last = chart.percent ? 100 * s.mean.back() : s.mean.back();
    text += fmt::format(" {}: {}{} at step {}.", s.name, short_number(last), chart.percent ? " %" : "",
                        s.x.back());
  }
  return text;
}

}  // namespace

std::vector<double> axis_ticks(double low, double high, int wanted) {
  if (high <= low) high = low + (low == 0 ? 1 : std::abs(low) * 0.5);
  const double raw = (high - low) / wanted, power = std::pow(10, std::floor(std::log10(raw)));
  double step = 10 * power;
  for (const double nice : {1.0, 2.0, 2.5, 5.0}) {
    if (nice * power >= raw * 0.999) {
      step = nice * power;
      break;
    }
  }
  std::vector<double> ticks;
  const auto first = static_cast<long>(std::floor(low / step + 1e-9)),
             last = static_cast<long>(std::ceil(high / step - 1e-9));
  for (long i = first; i <= last; ++i) ticks.push_back(static_cast<double>(i) * step);
  return ticks;
}

std::string line_chart(const Chart& chart) {
  Range xs, ys;
  for (const ChartSeries& s : chart.series) {
    for (const double value : s.x) xs.add(value);
    for (const double value : s.low) ys.add(value);
    for (const double value : s.high) ys.add(value);
  }
  if (xs.empty || ys.empty) return "<p class=\"muted\">No finite values.</p>";
  const bool from_zero = chart.percent || (ys.low >= 0 && ys.low < 0.6 * ys.high);
  const std::vector<double> y_ticks = axis_ticks(from_zero ? std::min(0.0, ys.low) : ys.low, ys.high, 4);
  const double x_low = xs.low <= 0.1 * xs.high ? std::min(0.0, xs.low) : xs.low;
  const std::vector<double> x_ticks = axis_ticks(x_low, xs.high, 5);
  const double x_high = x_ticks.back() - xs.high < 0.03 * (xs.high - x_low) ? x_ticks.back() : xs.high;
  const Axis x{x_low, std::max(x_high, x_low + 1), kLeft, kWidth - kRight};
  const Axis y{y_ticks.front(), y_ticks.back(), kHeight - kBottom, kTop};

  std::string svg = fmt::format(
      "<svg class=\"chart\" viewBox=\"0 0 {} {}\" role=\"img\" tabindex=\"0\" aria-label=\"{}\" "
      "data-x=\"{} {} {} {}\" data-y=\"{} {}\">",
      kWidth, kHeight, escape(spoken(chart)), x.low, x.high, x.from, x.to, kTop, kHeight - kBottom);
  svg += draw_axes(chart, x, y, x_ticks, y_ticks);
  for (const ChartSeries& s : chart.series) svg += draw_series(s, x, y);
  return svg + "</svg>";
}

}  // namespace pope
