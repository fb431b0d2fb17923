// See page.h. All text from the store passes through escape().
#include "agent/page.h"

#include <fmt/format.h>

#include <map>

#include "agent/learner.h"
#include "agent/view.h"
#include "report/html.h"
#include "report/style.h"
#include "report/svg_chart.h"

namespace pope {
namespace {

// What a type's outcomes did, in their order.
struct History {
  std::map<std::string, ChartSeries> weights;  // by approach
  ChartSeries guided{.name = "guided", .color = 1}, unguided{.name = "unguided", .color = 2};
  ChartSeries prefix{.name = "steps shown", .color = 1};
};

void add_point(ChartSeries& series, double x, double y) {
  series.x.push_back(x);
  for (auto* values : {&series.mean, &series.low, &series.high}) values->push_back(y);
}

std::map<std::string, History> histories(Database& database) {
  std::map<std::string, History> all;
  std::map<std::string, double> count;
  std::map<std::pair<std::string, bool>, double> average;
  Query query(database,
              "select agent || ': ' || type, mode, prefix_steps, end, weights_after from attempts where end "
              "in ('passed', "
              "'failed') and weights_after is not null order by number");
  while (query.next()) {
    const std::string type = query.text(0), mode = query.text(1);
    const bool passed = query.text(3) == "passed", guided = mode == "guided";
    History& history = all[type];
    const double x = ++count[type];
    for (const auto& [name, one] : Json::parse(query.text(4)).at("approaches").items()) {
      ChartSeries& series = history.weights[name];
      series.name = name;
      add_point(series, x, one.at("half_ticks").get<double>() / kHalfTicks);
    }
    if (mode == "reflected") continue;
    ChartSeries& success = guided ? history.guided : history.unguided;
    double& ema = average[{type, guided}];
    ema = success.x.empty() ? (passed ? 1 : 0) : (1 - kUnguidedEma) * ema + kUnguidedEma * (passed ? 1 : 0);
    add_point(success, x, ema);
    if (guided) add_point(history.prefix, x, query.real(2));
  }
  return all;
}

std::string figure(const std::string& title, const std::string& y, bool percent,
                   std::vector<ChartSeries> series) {
  std::string legend;
  for (const ChartSeries& one : series)
    legend +=
        fmt::format("<li><span class=\"mark {}\"></span>{}</li>", color_class(one.color), escape(one.name));
  const Chart chart{.title = title,
                    .x_label = "outcomes of the type",
                    .y_label = y,
                    .percent = percent,
                    .series = std::move(series)};
  return "<figure><figcaption>" + escape(title) + "</figcaption><ul class=\"legend\">" + legend + "</ul>" +
         line_chart(chart) + "</figure>";
}

std::string charts(const History& history) {
  std::vector<ChartSeries> weights;
  for (const auto& [name, series] : history.weights) {
    weights.push_back(series);
    weights.back().color = static_cast<int>(weights.size());
  }
  std::string html = figure("Weights of the approaches", "weight", false, std::move(weights));
  std::vector<ChartSeries> success;
  for (const ChartSeries* one : {&history.guided, &history.unguided}) {
    if (!one->x.empty()) success.push_back(*one);
  }
  if (!success.empty())
    html += figure("Success, as an exponential average (0.3)", "passed", true, std::move(success));
  if (!history.prefix.x.empty()) html += figure("Length of the prefix", "steps", false, {history.prefix});
  return "<div class=\"charts\">" + html + "</div>";
}

std::string table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows) {
  std::string html = "<div class=\"scroll\"><table class=\"plain\"><thead><tr>";
  for (const std::string& cell : head) html += "<th>" + escape(cell) + "</th>";
  html += "</tr></thead><tbody>";
  for (const auto& row : rows) {
    html += "<tr>";
    for (const std::string& cell : row) html += "<td>" + escape(cell) + "</td>";
    html += "</tr>";
  }
  return html + "</tbody></table></div>";
}

std::string traces_section(Database& database, const TraceLimits& limits) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& trace : trace_rows(database, limits)) {
    const auto number = [&](const char* key) { return std::to_string(trace.at(key).get<std::int64_t>()); };
    rows.push_back({number("trace"), trace.at("type"), trace.at("source"),
                    std::to_string(trace.at("steps").size()), number("uses"), number("guided_wins"),
                    number("retry_wins"), fmt::format("{:.2f}", trace.at("quality").get<double>()),
                    fmt::format("{:.2f}", trace.at("worth").get<double>())});
  }
  if (rows.empty()) return "";
  return "<section id=\"traces\"><h2>Traces</h2>" +
         table({"trace", "type", "source", "steps", "uses", "guided wins", "retry wins", "quality", "worth"},
               rows) +
         "</section>";
}

std::string text_block(const char* title, const std::string& text) {
  return std::string("<h4>") + title + "</h4><pre class=\"text\">" + escape(text) + "</pre>";
}

std::string attempt_block(const Json& record) {
  const std::string end = record.at("end");
  std::string how = record.at("mode").get<std::string>();
  if (how == "guided")
    how += fmt::format(" by {} steps of trace {}", record.at("prefix_steps").get<int>(),
                       record.at("trace").get<int>());
  std::string html = fmt::format(
      "<details class=\"rollout\"><summary><b>{}</b><span class=\"chip {}\">{}</span><span "
      "class=\"muted\">{} · {} · {} "
      "· {} calls · {} tokens · {:.1f} s</span><span class=\"what\">{}</span></summary><div class=\"body\">",
      escape(record.at("task").get<std::string>()),
      end == "passed"   ? "correct"
      : end == "failed" ? "incorrect"
                        : "",
      escape(end), escape(record.at("type").get<std::string>()),
      escape(record.at("approach").get<std::string>()), escape(how), record.at("calls").get<std::int64_t>(),
      record.at("tokens").get<std::int64_t>(), record.at("seconds").get<double>(),
      escape(record.at("cause").get<std::string>()));
  html += text_block("Task", record.at("instruction"));
  if (record.at("lesson").is_object())
    html += text_block("Reflection that it followed", dump(record["lesson"], 1));
  if (record.at("steps").is_array()) {
    int number = 0;
    for (const Json& step : record["steps"]) {
      html += text_block(fmt::format("Step {}", ++number).c_str(), step.at("reply"));
      if (step.contains("seen")) html += text_block("Seen", step["seen"]);
    }
  }
  html += text_block("Check", record.at("evidence"));
  return html + "</div></details>";
}

}  // namespace

std::string agent_page(Database& database, const TraceLimits& limits, int most) {
  const Json status = agent_status(database);
  const Json& tasks = status.at("tasks");
  std::string body = fmt::format(
      "<section id=\"tasks\"><h2>Tasks</h2><p class=\"headline\">{} succeeded, {} wait, {} run, {} are dead "
      "letters.</p>",
      tasks.at("succeeded").get<int>(), tasks.at("waiting").get<int>(), tasks.at("running").get<int>(),
      tasks.at("dead").get<int>());
  if (!status.at("dead_letters").empty()) {
    std::vector<std::vector<std::string>> rows;
    for (const Json& one : status["dead_letters"]) rows.push_back({one.at("task"), one.at("reason")});
    body += "<details><summary>Dead letters</summary>" + table({"task", "reason"}, rows) + "</details>";
  }
  body += "</section>";
  for (const auto& [type, history] : histories(database))
    body += "<section><h2>" + escape(type) + "</h2>" + charts(history) + "</section>";
  body += traces_section(database, limits);
  body += "<section id=\"attempts\"><h2>Attempts</h2>";
  for (const Json& row : attempt_rows(database, most))
    body += attempt_block(attempt_record(database, row.at("attempt").get<std::int64_t>()));
  body += "</section>";
  return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
         "content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light "
         "dark\">\n<meta "
         "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
         "base-uri "
         "'none'; form-action 'none'\">\n<title>Agent</title>\n<style>" +
         std::string(kStyle) + "</style>\n</head>\n<body>\n<header><h1>Agent</h1></header>\n<main>\n" + body +
         "\n</main>\n</body>\n</html>\n";
}

}  // namespace pope
