// A line chart with bands as inline SVG. Colours come from the page's style (color_class() of html.h); no
// script needed to see it, though the page's script adds a readout on hover.
#pragma once

#include <string>
#include <vector>

namespace pope {

struct ChartSeries {
  std::string name;
  int color = 0;
  std::vector<double> x, mean, low, high;
};

struct Chart {
  std::string title;
  std::string x_label, y_label;
  bool percent = false;  // values are fractions, shown in percent
  std::vector<ChartSeries> series;
};

// Round numbers that cover [low, high]: about `wanted` of them, the first ≤ low and the last ≥ high, at
// least `apart` from each other.
std::vector<double> axis_ticks(double low, double high, int wanted, double apart = 0);

std::string line_chart(const Chart& chart);

}  // namespace pope
