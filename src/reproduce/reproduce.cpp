// See reproduce.h.
#include "reproduce/reproduce.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <thread>

#include "core/error.h"
#include "core/progress.h"
#include "report/report.h"
#include "reproduce/figures.h"
#include "reproduce/jobs.h"
#include "reproduce/plan.h"
#include "reproduce/verdict.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

std::vector<Study> chosen(const Plan& plan, const std::vector<std::string>& names) {
  if (std::find(names.begin(), names.end(), "all") != names.end()) return plan.studies;
  std::vector<Study> studies;
  std::set<std::string> taken;  // a name may stand twice
  for (const std::string& name : names) {
    if (taken.insert(name).second) studies.push_back(plan.study(name));
  }
  return studies;
}

// The page: the claims with their charts, and what a report has of the runs with a label.
void write_page(const std::vector<Job>& jobs, const std::vector<Step>& steps, const Json& claims,
                const Json& figures, const fs::path& file) {
  std::vector<fs::path> runs;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const Step& step = steps[i % steps.size()];
    // An arm that is not evaluated is part of another one, or has charts of its own.
    const bool evaluated = std::any_of(steps.begin(), steps.end(),
                                       [&](const Step& other) { return other.name == "eval-" + step.name; });
    if (step.verb == "eval" || evaluated || step.verb == "mine" || step.name == "guide")
      runs.push_back(jobs[i].out);
  }
  ReportConfig config;
  config.title = "The POPE paper, re-run";
  config.rollouts = 120;
  Json report = collect_report(runs, config);
  report["claims"] = claims;
  report["figures"] = figures;
  report["curves"] = Json::array();  // of all arms in one chart: the studies' charts take their place
  write_file(file, render_html(report));
}

}  // namespace

void ReproduceConfig::fields(Options& o) {
  o.add("plan", plan, "folder with arms.yaml and one file per study");
  o.add("seeds", seeds, "seeds, counted from run.seed");
  o.add("workers", workers, "runs at a time, one core each; 0: all cores");
  o.add("quick", quick, "small runs and three seeds, to see that everything works");
}

Json reproduce(const ReproduceConfig& config, const std::vector<std::string>& names, std::uint64_t first_seed,
               const fs::path& program, const fs::path& out) {
  if (config.seeds < 1 || config.workers < 0) {
    throw Error("reproduce",
                fmt::format("expected reproduce.seeds >= 1 and reproduce.workers >= 0, got {} and {}",
                            config.seeds, config.workers));
  }
  const Plan plan = read_plan(config.plan, config.quick);
  const std::vector<Study> studies = chosen(plan, names);
  const std::vector<Step> steps = plan.needed(studies);
  std::vector<std::uint64_t> seeds;
  for (int i = 0; i < (config.quick ? std::min(3, config.seeds) : config.seeds); ++i)
    seeds.push_back(first_seed + static_cast<std::uint64_t>(i));
  const std::vector<Job> jobs = jobs_of(steps, seeds, out, {"run.threads=1"});
  const int workers = config.workers > 0 ? config.workers : std::max(1U, std::thread::hardware_concurrency());
  {
    double all = 0;
    for (const Job& job : jobs) all += job.weight;
    Progress progress("reproduce", all);
    run_jobs(program, jobs, workers,
             [&](double complete, const std::string& running) { progress.update(complete, running); });
  }
  const Json claims = judge_all(studies, seeds, out);
  write_page(jobs, steps, claims, figures_of(plan, studies, seeds, out), out / "report.html");
  Json result = {{"studies", names},
                 {"seeds", seeds},
                 {"quick", config.quick},
                 {"jobs", jobs.size()},
                 {"claims", claims}};
  for (const char* verdict : {"held", "did not hold", "not decidable"}) {
    std::string key = verdict;
    std::replace(key.begin(), key.end(), ' ', '_');
    result[key] =
        std::count_if(claims.begin(), claims.end(), [&](const Json& c) { return c["verdict"] == verdict; });
  }
  result["report"] = (out / "report.html").string();
  write_file(out / "claims.json", dump(result, 2) + "\n");
  return result;
}

}  // namespace pope
