// See report.h. Reads the runs, then builds each part from them.
#include "report/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>

#include "core/error.h"
#include "report/curves.h"
#include "report/evolution.h"
#include "report/live.h"
#include "report/rollout_sample.h"
#include "report/run_data.h"
#include "report/run_list.h"
#include "report/summary.h"
#include "report/table.h"

namespace pope {

void ReportConfig::fields(Options& o) {
  o.add("title", title, "title of the page");
  o.add("rollouts", rollouts, "most rollouts embedded, over all runs").at_least(0);
  o.add("notes", notes, "plain text shown at the top: what a reader must know");
  o.add("baseline", baseline, "label of the method that gains are against; empty: no gains");
  o.add("watch", watch, "write the page anew every so many seconds; 0 = once").range(0, 86400);
}

namespace {

void check_baseline(const std::string& baseline, const std::vector<std::string>& methods) {
  if (baseline.empty() || std::find(methods.begin(), methods.end(), baseline) != methods.end()) return;
  throw Error("report", fmt::format("report.baseline: expected the label of a method, got '{}'", baseline),
              methods.empty() ? "none of the runs is of a method"
                              : fmt::format("there are: '{}'", fmt::join(methods, "', '")));
}

Json build_methods(const std::vector<RunData>& runs, const std::vector<std::string>& methods,
                   const std::string& baseline) {
  Json rows = Json::array();
  int color = 0;
  for (const std::string& label : methods) {
    int trained = 0, evaluated = 0;
    for (const RunData& run : runs) {
      trained += run.label == label && run.trains();
      evaluated += run.label == label && run.verb == "eval";
    }
    rows.push_back({{"label", label},
                    {"color", label == baseline ? 0 : 1 + color++},
                    {"runs", std::max(trained, evaluated)}});
  }
  return rows;
}

constexpr int kNewest = 40;  // rollouts of a page that follows runs

Json collect(const std::vector<std::filesystem::path>& paths, const ReportConfig& config, bool live) {
  auto [runs, warnings] = read_runs(paths);
  const std::vector<std::string> methods = method_labels(runs);
  check_baseline(config.baseline, methods);

  RolloutSample sample(config.rollouts, live ? kNewest : 0);
  for (RunData& run : runs) sample.add(run);

  const Json guiding = build_guiding(runs);
  Json evolving = build_evolving(runs);
  for (std::string& warning : doubtful_seeds(runs)) warnings.push_back(std::move(warning));
  for (const RunData& run : runs) {
    for (const std::string& note : run.notes) warnings.push_back(run.name + ": " + note);
  }
  const Json table = build_table(runs, methods, config.baseline);
  Json report = {{"title", config.title},
                 {"notes", config.notes},
                 {"headline", build_headline(table, methods, config.baseline)},
                 {"methods", build_methods(runs, methods, config.baseline)},
                 {"baseline", config.baseline},
                 {"table", table},
                 {"curves", build_curves(runs, methods)},
                 {"step_cost", step_cost(runs)},
                 {"mining", build_mining(runs)},
                 {"guiding", guiding},
                 {"evolving", std::move(evolving)},
                 {"rollouts", sample.take(methods)},
                 {"differences", build_differences(runs)},
                 {"runs", build_runs(runs)},
                 {"warnings", warnings}};
  if (config.watch > 0) {
    report["watch"] = config.watch;
    report["written"] =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
  }
  if (live) report["live"] = build_live(runs);
  return report;
}

}  // namespace

Json collect_report(const std::vector<std::filesystem::path>& paths, const ReportConfig& config) {
  return collect(paths, config, /*live=*/false);
}

Json collect_live_report(const std::vector<std::filesystem::path>& paths, const ReportConfig& config) {
  return collect(paths, config, /*live=*/true);
}

}  // namespace pope
