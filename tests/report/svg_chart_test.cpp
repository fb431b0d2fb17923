// Charts: axes by hand, points where they belong, odd data.
#include "report/svg_chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/html.h"

namespace pope {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(AxisTicks, RoundNumbersThatCover) {
  EXPECT_THAT(axis_ticks(0, 1, 4), ElementsAre(0, 0.25, 0.5, 0.75, 1));
  EXPECT_THAT(axis_ticks(0, 0.31, 4),
              ElementsAre(0, DoubleEq(0.1), DoubleEq(0.2), DoubleEq(0.1 * 3), DoubleEq(0.4)));
  EXPECT_THAT(axis_ticks(0, 300, 5), ElementsAre(0, 100, 200, 300));
  EXPECT_THAT(axis_ticks(-3, 4, 4), ElementsAre(-4, -2, 0, 2, 4));
  EXPECT_EQ(axis_ticks(2, 2, 4).front(), 2);
  EXPECT_GT(axis_ticks(2, 2, 4).back(), 2);
}

TEST(TickLabels, AsManyDigitsAsTellThemApart) {
  EXPECT_THAT(tick_labels({14.9, 14.925, 14.95, 14.975, 15}),
              ElementsAre("14.9", "14.925", "14.95", "14.975", "15"));
  EXPECT_THAT(tick_labels({0, 0.25, 0.5, 0.75, 1}), ElementsAre("0", "0.25", "0.5", "0.75", "1"));
  EXPECT_THAT(tick_labels({0, 500, 1000, 1500}), ElementsAre("0", "500", "1000", "1500"));
  EXPECT_THAT(tick_labels({0, 5000, 10000}), ElementsAre("0", "5k", "10k"));
  EXPECT_THAT(tick_labels({1e6, 1000500, 1001000}), ElementsAre("1M", "1.0005M", "1.001M"));
  EXPECT_THAT(tick_labels({0, 2.5e-9, 5e-9}), ElementsAre("0", "2.5e-09", "5e-09"));
  EXPECT_THAT(tick_labels({-0.1, 0, 0.1}), ElementsAre("-0.1", "0", "0.1"));
}

TEST(LineChart, TickLabelsAreApartAndHaveRoom) {
  Chart chart;
  chart.series = {{"narrow", 1, {0, 1, 2}, {14.9, 14.95, 14.99}, {14.9, 14.95, 14.99}, {14.9, 14.95, 14.99}}};
  const std::string svg = line_chart(chart);
  for (const char* label : {">14.9<", ">14.925<", ">14.95<", ">14.975<", ">15<"})
    EXPECT_THAT(svg, HasSubstr(label));
  // Six characters of 7 beside the axis' name; and steps are whole.
  EXPECT_THAT(svg, HasSubstr("<polyline class=\"line c1\" points=\"68.0,"));
  for (const char* label : {">0<", ">1<", ">2<"}) EXPECT_THAT(svg, HasSubstr(label));
  EXPECT_THAT(svg, Not(HasSubstr(">0.5<")));
}

TEST(LineChart, PointsStandWhereTheValuesAre) {
  Chart chart;
  chart.title = "Reward <1>";
  chart.x_label = "step";
  chart.percent = true;
  chart.series = {{"A", 3, {0, 50, 100}, {0, 0.5, 1}, {0, 0.25, 1}, {0, 0.75, 1}}};
  const std::string svg = line_chart(chart);
  // x: 0 … 100 on 54 … 426; y: 0 … 1 on 210 … 12.
  EXPECT_THAT(svg, HasSubstr("<polyline class=\"line c3\" points=\"54.0,210.0 240.0,111.0 426.0,12.0\"/>"));
  EXPECT_THAT(svg,
              HasSubstr("points=\"54.0,210.0 240.0,61.5 426.0,12.0 426.0,12.0 240.0,160.5 54.0,210.0 \""));
  EXPECT_THAT(svg, HasSubstr(">100</text>"));
  EXPECT_THAT(svg, HasSubstr("Reward &lt;1&gt;. A: 100 % at step 100."));
}

TEST(LineChart, OddData) {
  Chart chart;
  chart.series = {{"one point", 1, {7}, {2}, {2}, {2}}};
  EXPECT_THAT(line_chart(chart), HasSubstr("<circle class=\"dot c1\""));
  chart.series = {{"flat", 1, {1, 2}, {0, 0}, {0, 0}, {0, 0}}};
  EXPECT_THAT(line_chart(chart), Not(HasSubstr("nan")));
  chart.series = {{"empty", 1, {}, {}, {}, {}}};
  EXPECT_THAT(line_chart(chart), HasSubstr("No finite values"));
}

}  // namespace
}  // namespace pope
