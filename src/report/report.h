// The report on run directories: curves with bands over seeds, the table in the shape of the paper's Table 2,
// and rollouts to read; page.h makes a page of it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/files.h"
#include "core/options.h"

namespace pope {

struct ReportConfig {
  static constexpr auto kSection = "report";
  std::string title = "pope report";
  int rollouts = 200;  // most rollouts embedded, over all runs
  std::string notes;   // plain text shown at the top: what a reader must know; an empty line parts paragraphs
  std::string baseline;  // label of the method that gains are against; "": no gains
  int watch = 0;         // the page loads itself anew every so many seconds; 0 = never
  void fields(Options& options);
};

// Reads train, eval, mine, guide, evolve and sft run directories (verb from environment.json), and those in
// folders of them (run_list.h). Runs with the same label are seeds of one method. Errors: a path that is no
// run directory and holds none, a baseline that is no method's label; optional files that are missing or torn
// are noted. → {"title", "notes", "headline": {…}, "methods": [{label, color, runs}], "baseline",
//    "table": [{method, set, guided, metric, value, low, high, runs, interval, gain, clear}],
//    "curves": [{key, title, unit, main, window, series: [{method, runs, x, mean, low, high}]}],
//    "mining": […], "guiding": […], "evolving": […], "rollouts": […], "differences": […], "runs": […],
//    "warnings": […], "watch", "written"}
// interval: "seeds and problems" | "seeds" | "problems" | "none" (then low and high are null); gain: value /
// baseline − 1, or null; clear: the interval does not touch the baseline's. watch, and written, the time in
// seconds since 1970: only where config.watch is set.
Json collect_report(const std::vector<std::filesystem::path>& runs, const ReportConfig& config);

// The same for a page that follows the runs (page_update() of page.h), with "live", of build_live(), and with
// the newest rollouts among the others.
Json collect_live_report(const std::vector<std::filesystem::path>& runs, const ReportConfig& config);
}  // namespace pope
