// pope report: run directories → one HTML page.
#include "report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>
#include <thread>

#include "core/error.h"
#include "core/files.h"
#include "core/progress.h"
#include "pope/table.h"
#include "pope/verb.h"
#include "report/page.h"
#include "report/run_list.h"

namespace pope {
namespace {

using Paths = std::vector<std::filesystem::path>;

// Says what a reader should know, once where it stays so.
class Warnings {
 public:
  void log(const Json& report) {
    for (const Json& warning : report["warnings"]) {
      if (said_.insert(warning).second) log_line("warning: " + warning.get<std::string>());
    }
  }

 private:
  std::set<std::string> said_;
};

// Whether the page can still change: a run goes on, or a folder may get another one.
bool goes_on(const Paths& paths, const Json& report) {
  return !std::all_of(paths.begin(), paths.end(), is_run) ||
         std::any_of(report["runs"].begin(), report["runs"].end(),
                     [](const Json& run) { return run["complete"] == false; });
}

// Writes the page of now, and returns its report; "watch" is gone from the last one, which does not load
// itself anew.
Json write_page(const Paths& paths, const ReportConfig& config, const std::filesystem::path& out,
                Warnings& warnings) {
  Json report = collect_report(paths, config);
  warnings.log(report);
  if (!goes_on(paths, report)) {
    for (const char* key : {"watch", "written"}) report.erase(key);
  }
  write_file(out, render_html(report));
  return report;
}

// Writes the page until nothing more can change. Once there is one, an error may pass (a run that is just
// being written, a disk that is full): it is said, and the page stays as it was until the next time.
Json watch(const Paths& paths, const ReportConfig& config, const std::filesystem::path& out) {
  Warnings warnings;
  log_line(fmt::format("writing {} every {} s: Ctrl-C ends it", out.string(), config.watch));
  Json report = write_page(paths, config, out, warnings);
  std::string said;  // of the last time
  while (report.contains("watch")) {
    std::this_thread::sleep_for(std::chrono::seconds(config.watch));
    std::string problem;
    try {
      report = write_page(paths, config, out, warnings);
    } catch (const Error& error) {
      problem = error.what();
    } catch (const std::filesystem::filesystem_error& error) {  // a folder that went while it was read
      problem = error.what();
    }
    if (!problem.empty() && problem != said) log_line("warning: the page stays as it was: " + problem);
    said = problem;
  }
  log_line("all runs are complete: wrote " + out.string());
  return report;
}

Json run_report(const Invocation& invocation) {
  const Paths paths(invocation.arguments.begin(), invocation.arguments.end());
  const ReportConfig& config = invocation.settings.report;
  if (config.watch > 0) return watch(paths, config, invocation.out);
  Json report = collect_report(paths, config);
  Warnings().log(report);
  if (!invocation.out.empty()) {
    write_file(invocation.out, render_html(report));
    log_line("wrote " + invocation.out.string());
  }
  return report;
}

void check_report(const Invocation& invocation) {
  if (invocation.settings.report.watch > 0 && invocation.out.empty())
    refuse_setting("report.watch", "0 without --out", std::to_string(invocation.settings.report.watch),
                   "--out FILE.html names the page that is written anew");
}

// "" where the runs give none (evaluations while training, one run).
std::string interval_of(const Json& row) {
  if (!row.at("low").is_number()) return "";
  return fmt::format("{:.3f} - {:.3f}", row.at("low").get<double>(), row.at("high").get<double>());
}

std::string show_report(const Json& report) {
  std::vector<std::vector<std::string>> rows = {
      {"method", "set", "prompt", "metric", "value", "interval", "runs"}};
  for (const Json& row : report.at("table")) {
    rows.push_back({row.at("method"), row.at("set"), row.at("guided") ? "guided" : "unguided",
                    row.at("metric"), fmt::format("{:.3f}", row.at("value").get<double>()), interval_of(row),
                    std::to_string(row.at("runs").get<int>())});
  }
  if (rows.size() == 1) return "No eval run among these: the table is empty.\n";
  const bool one_method =
      std::all_of(rows.begin() + 1, rows.end(), [&](const auto& row) { return row[0] == rows[1][0]; });
  if (one_method || report.at("baseline") != "") return table(rows);
  return table(rows) + "\nNo gains are shown: --baseline LABEL names the method to compare with.\n";
}

}  // namespace

const Verb report_verb = {
    .name = "report",
    .group = VerbGroup::workflow,
    .summary = "make one HTML page from runs: table, curves, rollouts to read",
    .description =
        "Reads run directories of any verb, and folders of them, three levels deep; what is no run there is "
        "left out.\n"
        "Runs with the same label are seeds of one method; one without label has its folder's name.\n"
        "Prints the table; with --out, writes a page that needs no network, with the gains over --baseline.\n"
        "With --watch the page is written anew, and loads itself anew, until all the runs are complete; "
        "where a "
        "folder\n"
        "of runs was given, until Ctrl-C, as there may be more.\n"
        "\n"
        "  pope report runs/ --out report.html\n"
        "  pope report runs/pope runs/eval-* --baseline GRPO --out report.html\n"
        "  pope report runs/pope --watch 30 --out report.html",
    .arguments = "RUN...",
    .shortcuts = {{"--baseline", "report.baseline", "LABEL"}, {"--watch", "report.watch", "SECONDS"}},
    .keys = {"report.*"},
    .out = "FILE.html",
    .needs_out = false,
    .check = check_report,
    .run = run_report,
    .show = show_report};

}  // namespace pope
