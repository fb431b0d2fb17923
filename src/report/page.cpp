// The page: head, contents, sections, data and script. The content security policy forbids every network
// access, so that the page stays self-contained whatever the data say.
#include "report/page.h"

#include <fmt/format.h>

#include "report/html.h"
#include "report/page_claims.h"
#include "report/page_curves.h"
#include "report/page_evolve.h"
#include "report/page_explore.h"
#include "report/page_live.h"
#include "report/page_results.h"
#include "report/page_runs.h"
#include "report/script.h"
#include "report/style.h"

namespace pope {
namespace {

// Paragraphs, parted by empty lines.
std::string paragraphs(const std::string& text) {
  std::string html;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = text.find("\n\n", begin);
    if (end == std::string::npos) end = text.size();
    if (end > begin) html += "<p>" + escape(text.substr(begin, end - begin)) + "</p>";
    begin = end + 2;
  }
  return html;
}

struct Section {
  const char *id, *name;
  std::string html;  // "": there is none
};

std::vector<Section> sections_of(const Json& report) {
  return {{"live", "Now", live_section(report)},
          {"claims", "Claims", claims_section(report)},
          {"results", "Results", results_section(report)},
          {"curves", "Curves", curves_section(report)},
          {"explore", "Mining and guidance", explore_section(report)},
          {"evolve", "Evolved templates", evolve_section(report)},
          {"rollouts", "Rollouts", rollouts_section(report)},
          {"runs", "Runs", runs_section(report)}};
}

std::string contents(const std::vector<Section>& sections) {
  std::string html;
  for (const Section& one : sections) {
    if (!one.html.empty()) html += fmt::format("<a href=\"#{}\">{}</a>", one.id, one.name);
  }
  return html;
}

// What the script shows, and what it offers to save.
Json data_of(const Json& report) {
  Json data = Json::object();
  for (const char* part : {"methods", "table", "curves", "mining", "guiding", "evolving", "differences",
                           "runs", "rollouts", "claims", "figures", "watch", "written", "every_s"}) {
    if (report.contains(part)) data[part] = report[part];
  }
  for (Json& method : data["methods"]) method["classes"] = color_class(method["color"]);
  if (data.contains("evolving")) {  // replies are on the page already
    for (Json& run : data["evolving"]) {
      for (Json& proposal : run["proposals"]) proposal.erase("reply");
    }
  }
  return data;
}

// Of a page that follows runs, or is written anew while they go on.
std::string watched(const Json& report) {
  if (report.contains("live"))
    return "<p class=\"watch\"><label><input type=\"checkbox\" id=\"follow\" checked> Follow</label> <span "
           "id=\"heard\" role=\"status\"></span></p>";
  if (!report.contains("watch")) return "";
  return fmt::format(
      "<p class=\"watch\"><label><input type=\"checkbox\" id=\"reload\"> Load anew every {} s</label> <span "
      "id=\"written\"></span></p>",
      report["watch"].get<int>());
}

}  // namespace

std::string render_html(const Json& report) {
  const std::vector<Section> sections = sections_of(report);
  std::string body;
  for (const Section& one : sections) body += one.html;
  const std::string title = text_of(report["title"]);
  const std::string connect = report.contains("live") ? "connect-src 'self'; " : "";
  return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
         "'unsafe-inline'; script-src 'unsafe-inline'; " +
         connect + "base-uri 'none'; form-action 'none'\">\n<title>" + title + "</title>\n<style>" + kStyle +
         "</style>\n</head>\n<body>\n<header><h1>" + title + "</h1>" +
         paragraphs(report["notes"].get<std::string>()) + watched(report) + "<nav aria-label=\"Contents\">" +
         contents(sections) + "</nav></header>\n<main>" + body +
         "</main>\n<script type=\"application/json\" id=\"data\">" + embed(data_of(report)) +
         "</script>\n<script>" + page_script() + "</script>\n</body>\n</html>\n";
}

Json page_update(const Json& report) {
  const std::vector<Section> sections = sections_of(report);
  Json shown = Json::array();
  for (const Section& one : sections) {
    if (!one.html.empty()) shown.push_back({{"id", one.id}, {"html", one.html}});
  }
  return {{"nav", contents(sections)}, {"sections", std::move(shown)}, {"data", data_of(report)}};
}

}  // namespace pope
