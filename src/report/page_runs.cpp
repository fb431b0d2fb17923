// See page_runs.h.
#include "report/page_runs.h"

#include <fmt/format.h>

#include "core/progress.h"
#include "report/html.h"

namespace pope {
namespace {

std::string select(const char* id, const char* label) {
  return fmt::format("<label>{}<select id=\"{}\"></select></label>", label, id);
}

std::string differences_html(const Json& report) {
  const Json& rows = report["differences"];
  if (rows.empty()) return "";
  std::string head, body;
  for (const auto& [method, value] : rows[0]["values"].items()) {
    head += "<th scope=\"col\">" + method_tag(report, method) + "</th>";
  }
  for (const Json& row : rows) {
    body += "<tr><th scope=\"row\"><code>" + text_of(row["key"]) + "</code></th>";
    for (const Json& value : row["values"]) body += "<td>" + text_of(value) + "</td>";
    body += "</tr>";
  }
  return "<h3>Settings that differ between the methods</h3><div class=\"scroll\" role=\"region\" "
         "aria-label=\"Settings that differ\" tabindex=\"0\"><table class=\"plain\"><thead><tr><th "
         "scope=\"col\">Setting</th>" +
         head + "</tr></thead><tbody>" + body + "</tbody></table></div>";
}

std::string run_list(const Json& report) {
  std::string body;
  for (const Json& run : report["runs"]) {
    const int resumed = run["starts"].get<int>() - 1;
    std::string state = run["complete"] == true ? "complete" : "not complete";
    if (resumed > 0) state += fmt::format(", resumed {}×", resumed);
    body += fmt::format(
        "<tr><th "
        "scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</"
        "td><td>{}</td></tr>",
        text_of(run["name"]), text_of(run["verb"]), text_of(run["label"]), text_of(run["seed"]), state,
        run["seconds"].is_number() ? duration(run["seconds"]) : "–", text_of(run["started"]),
        text_of(run["version"]), text_of(run["system"]));
  }
  return "<h3>Runs</h3><div class=\"scroll\" role=\"region\" aria-label=\"Runs\" tabindex=\"0\"><table "
         "class=\"plain\"><thead><tr>"
         "<th scope=\"col\">Run</th><th scope=\"col\">Verb</th><th scope=\"col\">Label</th><th "
         "scope=\"col\">Seed</th>"
         "<th scope=\"col\">State</th><th scope=\"col\">Time</th><th scope=\"col\">Started</th><th "
         "scope=\"col\">pope</th>"
         "<th scope=\"col\">System</th></tr></thead><tbody>" +
         body + "</tbody></table></div>";
}

std::string warnings_html(const Json& report) {
  if (report["warnings"].empty()) return "";
  std::string items;
  for (const Json& warning : report["warnings"]) items += "<li>" + text_of(warning) + "</li>";
  return "<h3>What to know about these runs</h3><ul class=\"warnings\">" + items + "</ul>";
}

}  // namespace

std::string rollouts_section(const Json& report) {
  if (report["rollouts"].empty()) return "";
  return "<section id=\"rollouts\"><h2>Rollouts</h2>"
         "<p class=\"note\">A selection, spread evenly over methods, sets, prompts and verdicts: what is "
         "seen here says "
         "nothing about frequencies.</p><form class=\"filters\" role=\"search\">" +
         select("f-method", "Method") + select("f-set", "Set") + select("f-guided", "Prompt") +
         select("f-verdict", "Verdict") +
         "<label class=\"wide\">Search<input id=\"f-text\" type=\"search\" placeholder=\"words in problem or "
         "completion\"></label></form>"
         "<p id=\"count\" role=\"status\"></p><div id=\"list\"></div><button id=\"more\" type=\"button\" "
         "hidden>Show more</button>"
         "<noscript><p>Reading rollouts needs JavaScript; nothing is loaded from "
         "elsewhere.</p></noscript></section>";
}

std::string runs_section(const Json& report) {
  return "<section id=\"runs\"><h2>Runs</h2>" + warnings_html(report) + differences_html(report) +
         run_list(report) + "</section>";
}

}  // namespace pope
