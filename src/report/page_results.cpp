// See page_results.h.
#include "report/page_results.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/html.h"
#include "report/svg_chart.h"

namespace pope {
namespace {

struct Column {
  std::string set, metric;
  bool guided = false;
  bool operator==(const Column&) const = default;
};

Column column_of(const Json& row) { return {row["set"], row["metric"], row["guided"]}; }

// Columns in the order of the table's rows, kept together by set and prompt.
std::vector<Column> columns_of(const Json& table) {
  std::vector<Column> columns;
  for (const Json& row : table) {
    const Column column = column_of(row);
    if (std::find(columns.begin(), columns.end(), column) == columns.end()) columns.push_back(column);
  }
  std::vector<std::string> sets;
  for (const Column& column : columns) {
    if (std::find(sets.begin(), sets.end(), column.set) == sets.end()) sets.push_back(column.set);
  }
  const auto place = [&](const Column& column) {
    return std::tuple(std::find(sets.begin(), sets.end(), column.set) - sets.begin(), column.guided,
                      std::stoi(column.metric.substr(5)));
  };
  std::stable_sort(columns.begin(), columns.end(),
                   [&](const Column& a, const Column& b) { return place(a) < place(b); });
  return columns;
}

const Json* find_cell(const Json& table, const std::string& method, const Column& column) {
  for (const Json& row : table) {
    if (row["method"] == method && column_of(row) == column) return &row;
  }
  return nullptr;
}

std::string percent(const Json& value) { return fmt::format("{:.1f}", 100 * value.get<double>()); }

std::string gain_text(const Json& cell) {
  if (!cell["gain"].is_number()) return "";
  const double gain = cell["gain"];
  const char* sign = gain > 0 ? "+" : gain < 0 ? "−" : "±";
  const std::string text = gain < 9 ? fmt::format("{}{:.0f}\u00a0%", sign, 100 * std::abs(gain))
                                    : fmt::format("{:.0f}×", gain + 1);
  return fmt::format("<span class=\"gain{}{}\">{}</span>",
                     gain > 0   ? " up"
                     : gain < 0 ? " down"
                                : "",
                     cell["clear"] == true ? " clear" : "", text);
}

std::string cell_html(const Json* cell, bool best) {
  if (!cell) return "<td class=\"muted\" data-v=\"\">–</td>";
  std::string html =
      fmt::format("<td{} data-v=\"{}\"><span class=\"value\">{}</span>", best ? " class=\"best\"" : "",
                  (*cell)["value"].get<double>(), percent((*cell)["value"]));
  if ((*cell)["low"].is_number()) {
    html += fmt::format("<small>{}–{}</small>", percent((*cell)["low"]), percent((*cell)["high"]));
  }
  return html + gain_text(*cell) + "</td>";
}

// The three header rows: sets, guided or not, metric.
std::string table_head(const std::vector<Column>& columns) {
  std::string sets, prompts, metrics;
  for (std::size_t i = 0; i < columns.size();) {
    std::size_t end = i;
    while (end < columns.size() && columns[end].set == columns[i].set) ++end;
    sets += fmt::format("<th class=\"group\" scope=\"colgroup\" colspan=\"{}\">{}</th>", end - i,
                        escape(columns[i].set));
    for (std::size_t j = i; j < end;) {
      std::size_t stop = j;
      while (stop < end && columns[stop].guided == columns[j].guided) ++stop;
      prompts += fmt::format("<th class=\"group\" scope=\"colgroup\" colspan=\"{}\">{}</th>", stop - j,
                             columns[j].guided ? "guided" : "unguided");
      for (std::size_t k = j; k < stop; ++k) {
        metrics += sort_head(k + 1, escape(columns[k].metric), k == j ? "first" : "");
      }
      j = stop;
    }
    i = end;
  }
  return fmt::format(
      "<thead><tr><th rowspan=\"3\" scope=\"col\" data-col=\"0\" "
      "class=\"corner\">Method</th>{}</tr><tr>{}</tr><tr>{}</tr></thead>",
      sets, prompts, metrics);
}

std::string table_html(const Json& report, const MethodRuns& methods) {
  const Json& table = report["table"];
  const std::vector<Column> columns = columns_of(table);
  std::string rows;
  for (const auto& [label, runs] : methods) {
    rows += fmt::format("<tr data-m=\"{}\"><th scope=\"row\" data-v=\"{}\">{}<small>{}</small></th>",
                        color_of(report, label), escape(label), method_tag(report, label), runs_text(runs));
    for (const Column& column : columns) {
      const Json* cell = find_cell(table, label, column);
      bool best = cell != nullptr;
      for (const Json& row : table)
        best = best && !(column_of(row) == column && row["value"] > (*cell)["value"]);
      best = best && (*cell)["value"] > 0.0;
      rows += cell_html(cell, best);
    }
    rows += "</tr>";
  }
  return "<div class=\"scroll\" role=\"region\" aria-label=\"Table of pass@k\" tabindex=\"0\"><table "
         "class=\"results\">" +
         table_head(columns) + "<tbody>" + rows + "</tbody></table></div>";
}

// What the numbers and intervals are.
std::string table_note(const Json& report) {
  bool seeds = false, problems = false, none = false, others = false;
  for (const Json& row : report["table"]) {
    others = others || row["method"] != report["table"][0]["method"];
    seeds = seeds || row["interval"].get<std::string>().starts_with("seeds");
    problems = problems || row["interval"] == "problems";
    none = none || row["interval"] == "none";
  }
  std::string text = "Percent of problems solved within k attempts (unbiased pass@k). ";
  if (seeds)
    text +=
        "Methods with several runs: mean over runs (seeds) and 95 % bootstrap interval over runs and the "
        "problems in them; few runs make it narrow. ";
  if (problems) text += "Methods with one run: interval over problems. ";
  if (none) text += "Values without interval come from the last evaluation while training. ";
  const std::string baseline = report["baseline"];
  if (!baseline.empty()) {
    text +=
        "Coloured: relative gain or loss against " + baseline + ", filled where the intervals do not touch. ";
  } else if (others) {
    text += "No gains are shown: name the method to compare with by pope report --baseline LABEL. ";
  }
  text += "Bold: the best of the column.";
  return "<p class=\"note\">" + escape(text) + "</p>";
}

// The scale that all dot plots share: from 0 to the last of its ticks.
struct Scale {
  std::vector<double> ticks;
  std::string left(double value) const { return fmt::format("left:{:.2f}%", 100 * value / ticks.back()); }
};

std::string scale_row(const Scale& scale) {
  std::vector<double> percents;
  for (const double tick : scale.ticks) percents.push_back(100 * tick);
  const std::vector<std::string> labels = tick_labels(percents);
  std::string html;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    html += fmt::format("<span style=\"{}\">{}{}</span>", scale.left(scale.ticks[i]), labels[i],
                        i + 1 == labels.size() ? "\u00a0%" : "");
  }
  return "<div class=\"dotrow scale\" aria-hidden=\"true\"><span class=\"name\"></span><span "
         "class=\"axis\">" +
         html + "</span></div>";
}

// One row per method: a dot at the value and a bar over its interval; a line where the baseline's dot is.
std::string dot_plot(const Json& report, const Column& column, const Scale& scale) {
  const std::string baseline = report["baseline"];
  const Json* reference = find_cell(report["table"], baseline, column);
  const std::string line =
      reference ? fmt::format("<i class=\"ref\" style=\"{}\"></i>", scale.left((*reference)["value"])) : "";
  std::string rows;
  for (const Json& method : report["methods"]) {
    const Json* cell = find_cell(report["table"], method["label"], column);
    if (!cell) continue;
    const int color = method["color"];
    const double value = (*cell)["value"];
    std::string bar;
    if ((*cell)["low"].is_number()) {
      const double low = (*cell)["low"], high = (*cell)["high"];
      bar = fmt::format("<i class=\"whisker {}\" style=\"{};width:{:.2f}%\"></i>", color_class(color),
                        scale.left(low), 100 * (high - low) / scale.ticks.back());
    }
    rows += fmt::format(
        "<div class=\"dotrow\" data-m=\"{}\" data-v=\"{}\"><span class=\"name\">{}{}</span><span "
        "class=\"track\" "
        "aria-hidden=\"true\">{}{}<i class=\"point {}\" style=\"{}\"></i></span><span "
        "class=\"value\">{}\u00a0%</span></div>",
        color, value, text_of(method["label"]),
        method["label"] == baseline ? " <small class=\"base\">baseline</small>" : "", line, bar,
        color_class(color), scale.left(value), percent((*cell)["value"]));
  }
  return fmt::format(
      "<figure class=\"dots\" style=\"--step:{:.3f}%\"><figcaption>{}: {}, unguided</figcaption><div "
      "class=\"rows\">{}</div>{}{}</figure>",
      100 * scale.ticks[1] / scale.ticks.back(), escape(column.set), escape(column.metric), rows,
      scale_row(scale),
      save_links("table", fmt::format(" data-set=\"{}\" data-metric=\"{}\" data-guided=\"false\"",
                                      escape(column.set), escape(column.metric))));
}

// A plot per set at the headline's metric, unguided, all on one scale; the headline's set first.
std::string dot_plots(const Json& report) {
  const Json& headline = report["headline"];
  std::vector<Column> columns;
  double most = 0.01;
  for (const Json& row : report["table"]) {
    const Column column = column_of(row);
    if (column.guided || column.metric != headline["metric"]) continue;
    most = std::max(most, row[row["high"].is_number() ? "high" : "value"].get<double>());
    if (std::find(columns.begin(), columns.end(), column) == columns.end()) columns.push_back(column);
  }
  std::stable_partition(columns.begin(), columns.end(),
                        [&](const Column& c) { return c.set == headline["set"]; });
  const Scale scale{axis_ticks(0, most, 4)};
  std::string html;
  for (const Column& column : columns) html += dot_plot(report, column, scale);
  return "<div class=\"plots\">" + html + "</div>";
}

// The methods of the table, with their runs.
MethodRuns listed(const Json& report) {
  MethodRuns methods;
  for (const Json& method : report["methods"]) {
    int runs = 0;
    for (const Json& row : report["table"])
      runs = row["method"] == method["label"] ? std::max(runs, row["runs"].get<int>()) : runs;
    if (runs > 0) methods.emplace_back(method["label"], runs);
  }
  return methods;
}

}  // namespace

std::string results_section(const Json& report) {
  std::string html = "<section id=\"results\"><h2>Results</h2><p class=\"headline\">" +
                     text_of(report["headline"]["text"]) + "</p>";
  if (report["table"].empty()) return html + "</section>";
  const MethodRuns methods = listed(report);
  if (methods.size() > 1) html += legend(report, methods);
  html += dot_plots(report) + table_html(report, methods) + save_links("table") + table_note(report);
  return html + "</section>";
}

}  // namespace pope
