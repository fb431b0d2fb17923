// See svg_chart.h.
#include "report/svg_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/html.h"

namespace pope {
namespace {

// The drawing, in SVG units; the page scales it to the column's width.
// Left of the axis stand its labels, kDigit wide a character, and beside them its name.
constexpr double kWidth = 440, kHeight = 250, kRight = 14, kTop = 12, kBottom = 40;
constexpr double kName = 26, kDigit = 7;
constexpr std::size_t kFewest = 4;

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
  const std::string color = color_class(s.color);
  if (band) svg += fmt::format("<polygon class=\"band {}\" points=\"{}{}\"/>", color, above, below);
  if (s.x.size() == 1) {
    svg += fmt::format("<circle class=\"dot {}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\"/>", color, x.at(s.x[0]),
                       y.at(s.mean[0]));
  } else {
    svg += fmt::format("<polyline class=\"line {}\" points=\"{}\"/>", color, line);
  }
  return fmt::format("<g data-m=\"{}\">{}</g>", s.color, svg);
}

std::vector<std::string> y_labels_of(const Chart& chart, std::vector<double> ticks) {
  for (double& tick : ticks) tick *= chart.percent ? 100 : 1;
  return tick_labels(ticks);
}

std::string draw_axes(const Chart& chart, const Axis& x, const Axis& y, const std::vector<double>& x_ticks,
                      const std::vector<double>& y_ticks) {
  std::string svg;
  const std::vector<std::string> y_labels = y_labels_of(chart, y_ticks), x_labels = tick_labels(x_ticks);
  for (std::size_t i = 0; i < y_ticks.size(); ++i) {
    const double at = y.at(y_ticks[i]);
    svg += fmt::format("<line class=\"{}\" x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>",
                       i == 0 ? "axis" : "grid", x.from, x.to, at, at);
    svg += fmt::format("<text class=\"tick end\" x=\"{}\" y=\"{:.1f}\">{}</text>", x.from - 6, at + 4,
                       y_labels[i]);
  }
  for (std::size_t i = 0; i < x_ticks.size(); ++i) {
    if (x_ticks[i] < x.low || x_ticks[i] > x.high) continue;
    svg += fmt::format("<text class=\"tick mid\" x=\"{:.1f}\" y=\"{}\">{}</text>", x.at(x_ticks[i]),
                       kHeight - kBottom + 16, x_labels[i]);
  }
  svg += fmt::format("<text class=\"label mid\" x=\"{}\" y=\"{}\">{}</text>", (x.from + x.to) / 2,
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

std::vector<double> axis_ticks(double low, double high, int wanted, double apart) {
  if (high <= low) high = low + (low == 0 ? 1 : std::abs(low) * 0.5);
  const double raw = std::max((high - low) / wanted, apart),
               power = std::pow(10, std::floor(std::log10(raw)));
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
  bool whole = true;  // steps, not parts of them
  for (const ChartSeries& s : chart.series) {
    for (const double value : s.x) {
      xs.add(value);
      whole = whole && value == std::floor(value);
    }
    for (const double value : s.low) ys.add(value);
    for (const double value : s.high) ys.add(value);
  }
  if (xs.empty || ys.empty) return "<p class=\"muted\">No finite values.</p>";
  const bool from_zero = chart.percent || (ys.low >= 0 && ys.low < 0.6 * ys.high);
  const std::vector<double> y_ticks = axis_ticks(from_zero ? std::min(0.0, ys.low) : ys.low, ys.high, 4);
  const double x_low = xs.low <= 0.1 * xs.high ? std::min(0.0, xs.low) : xs.low;
  const std::vector<double> x_ticks = axis_ticks(x_low, xs.high, 5, whole ? 1 : 0);
  const double x_high = x_ticks.back() - xs.high < 0.03 * (xs.high - x_low) ? x_ticks.back() : xs.high;
  std::size_t widest = kFewest;
  for (const std::string& label : y_labels_of(chart, y_ticks)) widest = std::max(widest, label.size());
  const double left = kName + kDigit * static_cast<double>(widest);
  const Axis x{x_low, std::max(x_high, x_low + 1), left, kWidth - kRight};
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
