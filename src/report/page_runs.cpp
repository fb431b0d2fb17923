// See page_runs.h.
#include "report/page_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/progress.h"
#include "report/html.h"

namespace pope {
namespace {

std::string select(const char* id, const char* label) {
  return fmt::format("<label>{}<select id=\"{}\"></select></label>", label, id);
}

// A table whose columns are sorted by a click. `part`: of the report, for saving it.
std::string plain_table(const std::string& title, const std::vector<std::string>& heads,
                        const std::string& body, const std::string& part) {
  std::string head;
  for (std::size_t i = 0; i < heads.size(); ++i) head += sort_head(i, heads[i]);
  return fmt::format(
      "<h3>{0}</h3><div class=\"scroll\" role=\"region\" aria-label=\"{0}\" tabindex=\"0\"><table "
      "class=\"plain\"><thead><tr>{1}</tr></thead><tbody>{2}</tbody></table></div>{3}",
      escape(title), head, body, save_links(part));
}

// The first names, and how many more.
std::string names_html(const Json& names) {
  constexpr std::size_t kShown = 3;
  std::string html;
  for (std::size_t i = 0; i < std::min(kShown, names.size()); ++i)
    html += (i > 0 ? ", " : "") + text_of(names[i]);
  return html + (names.size() > kShown ? fmt::format(" and {} more", names.size() - kShown) : "");
}

std::string differences_html(const Json& report) {
  std::string html;
  for (std::size_t i = 0; i < report["differences"].size(); ++i) {
    const Json& table = report["differences"][i];
    std::vector<std::string> heads = {"Label", "Runs"};
    for (const auto& [key, value] : table["rows"][0]["settings"].items())
      heads.push_back("<code>" + escape(key) + "</code>");
    std::string body;
    for (const Json& row : table["rows"]) {
      body +=
          "<tr><th scope=\"row\">" + text_of(row["label"]) + "</th><td>" + names_html(row["runs"]) + "</td>";
      for (const Json& value : row["settings"]) body += "<td class=\"setting\">" + text_of(value) + "</td>";
      body += "</tr>";
    }
    html +=
        plain_table(fmt::format("Settings that differ between the {} runs", table["verb"].get<std::string>()),
                    heads, body, fmt::format("differences/{}/rows", i));
  }
  return html;
}

std::string run_list(const Json& report) {
  std::string body;
  for (const Json& run : report["runs"]) {
    const int resumed = run["starts"].get<int>() - 1;
    std::string state = run["complete"] == true ? "complete" : "not complete";
    if (resumed > 0) state += fmt::format(", resumed {}×", resumed);
    const bool timed = run["seconds"].is_number();
    body += fmt::format(
        "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td data-v=\"{}\">{}</td>"
        "<td>{}</td><td>{}</td><td>{}</td></tr>",
        text_of(run["name"]), text_of(run["verb"]), text_of(run["label"]), text_of(run["seed"]), state,
        timed ? dump(run["seconds"]) : "", timed ? duration(run["seconds"]) : "–", text_of(run["started"]),
        text_of(run["version"]), text_of(run["system"]));
  }
  return plain_table("Runs", {"Run", "Verb", "Label", "Seed", "State", "Time", "Started", "pope", "System"},
                     body, "runs");
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
         select("f-verdict", "Verdict") + (report.contains("live") ? select("f-order", "Order") : "") +
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
