// pope report: run directories → one HTML page.
#include "report/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/files.h"
#include "core/progress.h"
#include "pope/table.h"
#include "pope/verb.h"
#include "report/page.h"

namespace pope {
namespace {

Json run_report(const Invocation& invocation) {
  const std::vector<std::filesystem::path> runs(invocation.arguments.begin(), invocation.arguments.end());
  Json report = collect_report(runs, invocation.settings.report);
  for (const Json& warning : report["warnings"]) log_line("warning: " + warning.get<std::string>());
  if (!invocation.out.empty()) {
    write_file(invocation.out, render_html(report));
    log_line("wrote " + invocation.out.string());
  }
  return report;
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
        "Reads run directories of any verb. Runs with the same label are seeds of one method.\n"
        "Prints the table; with --out, writes a page that needs no network, with the gains over --baseline.\n"
        "\n"
        "  pope report runs/pope runs/eval-* --baseline GRPO --out report.html",
    .arguments = "RUN...",
    .shortcuts = {{"--baseline", "report.baseline", "LABEL"}},
    .keys = {"report.*"},
    .out = "FILE.html",
    .needs_out = false,
    .run = run_report,
    .show = show_report};

}  // namespace pope
