// See page_curves.h.
#include "report/page_curves.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/metrics.h"
#include "report/html.h"
#include "report/svg_chart.h"

namespace pope {
namespace {

constexpr std::size_t kFew = 8;  // methods whose values stand on a line or two

std::string y_label(const std::string& unit) {
  if (unit == "nats") return "nats per token";
  if (unit == "s") return "seconds";
  return unit;
}

std::vector<double> numbers(const Json& list) {
  std::vector<double> values;
  for (const Json& value : list) values.push_back(value.get<double>());
  return values;
}

std::string figure(const Json& report, const Json& curve, std::size_t index, const std::string& x_label) {
  Chart chart;
  chart.title = curve["title"];
  chart.percent = curve["unit"] == "%";
  chart.x_label = x_label;
  chart.y_label = y_label(curve["unit"]);
  for (const Json& s : curve["series"]) {
    const std::string method = s["method"];
    chart.series.push_back({method, color_of(report, method), numbers(s["x"]), numbers(s["mean"]),
                            numbers(s["low"]), numbers(s["high"])});
  }
  const int window = curve["window"];
  const std::string averaged = window > 1 ? fmt::format(" <small>mean of {} steps</small>", window) : "";
  return fmt::format(
      "<figure data-curve=\"{}\"><figcaption>{}{}</figcaption>{}<output "
      "class=\"readout\"></output>{}</figure>",
      index, escape(chart.title), averaged, line_chart(chart), save_links(fmt::format("curves/{}", index)));
}

// The text between backquotes as code.
std::string with_code(std::string_view markdown) {
  std::string html;
  for (bool code = false;; code = !code) {
    const std::size_t end = markdown.find('`');
    const std::string text = escape(markdown.substr(0, end));
    html += code ? "<code>" + text + "</code>" : text;
    if (end == std::string_view::npos) return html;
    markdown.remove_prefix(end + 1);
  }
}

// The metrics that the curves show, each once, with its definition.
std::string definitions(const Json& curves) {
  std::vector<const Metric*> shown;
  for (const Json& curve : curves) {
    const std::optional<NamedMetric> named = find_metric(curve["key"].get<std::string>());
    if (named && std::find(shown.begin(), shown.end(), named->metric) == shown.end())
      shown.push_back(named->metric);
  }
  if (shown.empty()) return "";
  std::string html;
  for (const Metric* metric : shown)
    html += fmt::format("<dt><code>{}</code></dt><dd>{}</dd>", escape(metric->key),
                        with_code(metric->definition));
  return "<details><summary>What these metrics are</summary><dl>" + html + "</dl></details>";
}

// The methods that have curves, with their runs.
MethodRuns drawn(const Json& report) {
  MethodRuns methods;
  for (const Json& method : report["methods"]) {
    int runs = 0;
    for (const Json& curve : report["curves"]) {
      for (const Json& series : curve["series"])
        runs = series["method"] == method["label"] ? std::max(runs, series["runs"].get<int>()) : runs;
    }
    if (runs > 0) methods.emplace_back(method["label"], runs);
  }
  return methods;
}

}  // namespace

std::string curves_section(const Json& report) {
  const Json& curves = report["curves"];
  if (curves.empty()) return "";
  const std::string cost = report["step_cost"];
  const std::string x_label = cost.empty() ? "training step" : "training step (" + cost + ")";
  std::string main, more;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    (curves[i]["main"] == true ? main : more) += figure(report, curves[i], i, x_label);
  }
  const MethodRuns methods = drawn(report);
  std::string html = fmt::format(
      "<section id=\"curves\"{}><h2>Curves</h2>{}<p class=\"note\">Lines: mean over the runs of a method. "
      "Bands: "
      "from its lowest to its highest run.{}</p><div class=\"charts\">{}</div>",
      methods.size() > kFew ? " class=\"many\"" : "", legend(report, methods),
      methods.size() > 1 ? " A click on a method hides it." : "", main);
  if (!more.empty())
    html += "<details><summary>More curves</summary><div class=\"charts\">" + more + "</div></details>";
  return html + definitions(curves) + "</section>";
}

}  // namespace pope
