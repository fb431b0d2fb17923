// The page: head, contents, sections, data and script. The content security policy forbids every network
// access, so that the page stays self-contained whatever the data say.
#include "report/page.h"

#include <fmt/format.h>

#include "report/html.h"
#include "report/page_claims.h"
#include "report/page_curves.h"
#include "report/page_evolve.h"
#include "report/page_explore.h"
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

std::string contents(const std::string& body) {
  std::string html;
  const std::pair<const char*, const char*> sections[] = {{"claims", "Claims"},
                                                          {"results", "Results"},
                                                          {"curves", "Curves"},
                                                          {"explore", "Mining and guidance"},
                                                          {"evolve", "Evolved templates"},
                                                          {"rollouts", "Rollouts"},
                                                          {"runs", "Runs"}};
  for (const auto& [id, name] : sections) {
    if (body.find(fmt::format("<section id=\"{}\"", id)) != std::string::npos) {
      html += fmt::format("<a href=\"#{}\">{}</a>", id, name);
    }
  }
  return "<nav aria-label=\"Contents\">" + html + "</nav>";
}

// What the script shows, and what it offers to save.
std::string data_block(const Json& report) {
  Json data = Json::object();
  for (const char* part : {"methods", "table", "curves", "mining", "guiding", "evolving", "differences",
                           "runs", "rollouts", "claims", "figures", "watch", "written"}) {
    if (report.contains(part)) data[part] = report[part];
  }
  for (Json& method : data["methods"]) method["classes"] = color_class(method["color"]);
  if (data.contains("evolving")) {  // replies are on the page already
    for (Json& run : data["evolving"]) {
      for (Json& proposal : run["proposals"]) proposal.erase("reply");
    }
  }
  return "<script type=\"application/json\" id=\"data\">" + embed(data) + "</script>";
}

// Of a page that is written anew while runs go on.
std::string watched(const Json& report) {
  if (!report.contains("watch")) return "";
  return fmt::format(
      "<p class=\"watch\"><label><input type=\"checkbox\" id=\"reload\"> Load anew every {} s</label> <span "
      "id=\"written\"></span></p>",
      report["watch"].get<int>());
}

}  // namespace

std::string render_html(const Json& report) {
  const std::string body = claims_section(report) + results_section(report) + curves_section(report) +
                           explore_section(report) + evolve_section(report) + rollouts_section(report) +
                           runs_section(report);
  const std::string title = text_of(report["title"]);
  return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
         "'unsafe-inline'; "
         "script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n<title>" +
         title + "</title>\n<style>" + kStyle + "</style>\n</head>\n<body>\n<header><h1>" + title + "</h1>" +
         paragraphs(report["notes"].get<std::string>()) + watched(report) + contents(body) +
         "</header>\n<main>\n" + body + "\n</main>\n" + data_block(report) + "\n<script>" + page_script() +
         "</script>\n</body>\n</html>\n";
}

}  // namespace pope
