// The order of things: plan, gate, jobs, verdicts, figures, then claims.json and the two pages.
#include "reproduce/reproduce.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <thread>

#include "core/error.h"
#include "core/progress.h"
#include "core/yaml.h"
#include "report/page.h"
#include "report/report.h"
#include "reproduce/figures.h"
#include "reproduce/gate.h"
#include "reproduce/jobs.h"
#include "reproduce/paper_page.h"
#include "reproduce/plan.h"
#include "reproduce/rates.h"
#include "reproduce/verdict.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

constexpr auto kOperation = "reproduce";

bool is_grid(const std::vector<std::string>& names) {
  const bool grid = std::find(names.begin(), names.end(), "rates") != names.end();
  if (grid && names.size() > 1)
    throw Error(kOperation, "expected rates alone, or studies, got both", "run it once for each");
  return grid;
}

std::vector<Study> chosen(const Plan& plan, const std::vector<std::string>& names) {
  if (std::find(names.begin(), names.end(), "all") != names.end()) return plan.studies;
  std::vector<Study> studies;
  std::set<std::string> taken;  // a name may stand twice
  for (const std::string& name : names) {
    if (taken.insert(name).second) studies.push_back(plan.study(name));
  }
  return studies;
}

Runs runs_of(const ReproduceConfig& config, std::uint64_t first_base, const fs::path& out) {
  Runs runs{out, {}, config.quick ? 1 : config.rl_seeds, {"run.threads=1"}};
  for (int i = 0; i < (config.quick ? std::min(3, config.bases) : config.bases); ++i)
    runs.bases.push_back(first_base + static_cast<std::uint64_t>(i));
  return runs;
}

bool reads_gate(const Plan& plan, const std::vector<Step>& steps) {
  return plan.gate && std::any_of(steps.begin(), steps.end(), [&](const Step& step) {
           const std::vector<std::string> read = references(step);
           return !step.literal &&
                  std::find(read.begin(), read.end(), plan.gate->attempts.front()) != read.end();
         });
}

// The jobs of the bases that have passed the gate; where there is none, of all.
std::vector<Job> jobs_after_gate(const Plan& plan, const std::vector<Step>& steps, const Runs& runs,
                                 const GateOutcome& gate) {
  std::vector<Job> jobs;
  for (const std::uint64_t base : runs.bases) {
    const auto passed = gate.passed.find(base);
    if (passed == gate.passed.end()) {
      add_jobs(jobs, steps, runs, base);
      continue;
    }
    // What the gate ran, complete by now, comes first.
    std::vector<std::string> names;
    for (const std::string& attempt : plan.gate->attempts) {
      names.push_back(attempt);
      if (attempt == passed->second) break;
    }
    std::vector<Step> all = plan.with_inputs(names);
    const auto before = all;
    std::copy_if(steps.begin(), steps.end(), std::back_inserter(all), [&](const Step& step) {
      return std::none_of(before.begin(), before.end(),
                          [&](const Step& other) { return other.name == step.name; });
    });
    add_jobs(jobs, all, runs, base, {{plan.gate->attempts.front(), passed->second}});
  }
  return jobs;
}

struct Execution {
  Runs runs;  // its bases are those that have passed the gate
  GateOutcome gate;
  std::vector<Job> jobs;
  Outcome outcome;  // of the gate's jobs as well
};

// Everything there is to run.
Execution execute(const Plan& plan, const std::vector<Step>& steps, const Runs& runs, int workers,
                  const fs::path& program) {
  const auto run = [&](const std::string& title, const std::vector<Job>& jobs) {
    double all = 0;
    for (const Job& job : jobs) all += job.weight;
    Progress progress(title, all);
    return run_jobs(program, jobs, workers,
                    [&](double complete, const std::string& running) { progress.update(complete, running); });
  };
  Execution done{runs, {}, {}, {}};
  if (reads_gate(plan, steps)) {
    done.gate =
        run_gate(plan, runs, [&](const std::vector<Job>& jobs) { return run("reproduce, gate", jobs); });
    done.outcome = done.gate.jobs;
    std::erase_if(done.runs.bases, [&](std::uint64_t base) { return !done.gate.passed.contains(base); });
  }
  done.jobs = jobs_after_gate(plan, steps, done.runs, done.gate);
  done.outcome.add(run("reproduce", done.jobs));
  return done;
}

// [{arm, label, verb, lr, runs}] of the arms that are trained; lr from the first run that left its settings.
Json arms_of(const Plan& plan, const Execution& done) {
  Json arms = Json::array();
  for (const auto& [name, arm] : plan.arms) {
    Json row = {{"arm", name}, {"label", arm.label}, {"verb", Json()}, {"lr", Json()}, {"runs", 0}};
    std::set<std::pair<std::string, int>> runs;
    for (const Job& job : done.jobs) {
      if (std::find(arm.runs.begin(), arm.runs.end(), job.step) == arm.runs.end()) continue;
      runs.insert({job.step, job.rl});
      row["verb"] = job.command.front();
      const fs::path config = job.out / "config.yaml";
      if (!row["lr"].is_null() || !fs::exists(config)) continue;
      for (const auto& [key, value] : flatten_yaml(read_file(config), config.string())) {
        if (key == "optimizer.lr") row["lr"] = value;
      }
    }
    row["runs"] = runs.size();
    if (!runs.empty()) arms.push_back(row);
  }
  return arms;
}

// The page: the claims with their charts, and what a report has of the runs with a label. Of an arm with
// several RL seeds the first run stands in its tables, so that these are over bases alone.
bool write_page(const Plan& plan, const std::vector<Study>& studies, const Execution& done,
                const Json& result, const fs::path& file) {
  std::vector<fs::path> runs;
  ReportConfig config;
  for (const Job& job : done.jobs) {
    const std::string& verb = job.command.front();
    // An arm that is not evaluated is part of another one, or has charts of its own.
    const bool shown = (verb == "eval" || plan.evaluated(job.step) || verb == "mine" || job.step == "guide");
    if (!shown || job.rl > 1 || !job.complete()) continue;
    runs.push_back(job.out);
    if (const Step& step = plan.step(job.step); step.arm == plan.baseline) config.baseline = step.label;
  }
  if (runs.empty()) return false;  // no page without a run
  config.title = "The POPE paper, re-run";
  config.rollouts = 120;
  config.notes =
      "Claims and their charts are over base models, each the mean of its RL seeds. The other tables "
      "show the first RL seed of each base model.";
  Json report = collect_report(runs, config);
  for (const char* key : {"claims", "rejected", "failures"}) report[key] = result[key];
  report["figures"] = figures_of(plan, studies, done.runs);
  report["curves"] = Json::array();  // of all arms in one chart: the studies' charts take their place
  write_file(file, render_html(report));
  return true;
}

Json begun(const std::vector<std::string>& names, const Runs& runs, const ReproduceConfig& config) {
  return {{"studies", names}, {"bases", runs.bases}, {"rl_seeds", runs.rl_seeds}, {"quick", config.quick}};
}

void add_outcome(Json& result, const Execution& done) {
  result["jobs"] = done.jobs.size();
  result["gates"] = done.gate.gates;
  result["rejected"] = done.gate.rejected;
  result["failures"] = Json::array();
  for (const Failure& failure : done.outcome.failures)
    result["failures"].push_back({{"job", failure.job}, {"log", failure.log}});
  result["skipped"] = done.outcome.skipped;
}

Json plan_of(const std::vector<Study>& studies, const std::vector<Step>& steps, Json result) {
  int jobs = 0;
  const int bases = static_cast<int>(result["bases"].size());
  for (const Step& step : steps) jobs += bases * (step.all_rl ? result["rl_seeds"].get<int>() : 1);
  result["jobs"] = jobs;
  result["plan"] = Json::array();
  for (const Study& study : studies) {
    for (const Claim& claim : study.claims) result["plan"].push_back(stated(study, claim, bases));
  }
  return result;
}

}  // namespace

void ReproduceConfig::fields(Options& o) {
  o.add("plan", plan, "folder with arms.yaml and one file per study");
  o.add("bases", bases, "base models, seeded from run.seed on: what intervals are over")
      .range(1, 999)
      .renamed_from("reproduce.seeds");
  o.add("rl_seeds", rl_seeds, "RL seeds per base model, of arms that say rl_seeds: all")
      .range(1, 999)
      .renamed_from("reproduce.seeds");
  o.add("workers", workers, "runs at a time, one core each; 0: all cores").range(0, 1024);
  o.add("quick", quick, "small runs, three base models, one RL seed, to see that everything works");
  o.add("plan_only", plan_only, "print what would run and be judged, with its power; run nothing");
}

Json reproduce(const ReproduceConfig& config, const std::vector<std::string>& names, std::uint64_t first_base,
               const fs::path& program, const fs::path& out) {
  check(config);
  const Runs runs = runs_of(config, first_base, out);
  const Plan plan = read_plan(config.plan, config.quick);
  const bool grid = is_grid(names);
  const std::vector<Study> studies = grid ? std::vector<Study>() : chosen(plan, names);
  const std::vector<Step> steps = grid ? rate_grid(plan) : plan.needed(studies);
  Json result = begun(names, runs, config);
  if (config.plan_only) return plan_of(studies, steps, result);
  const int workers = config.workers > 0 ? config.workers : std::max(1U, std::thread::hardware_concurrency());
  Execution done = execute(plan, steps, runs, workers, program);
  if (grid) {
    add_outcome(result, done);
    result["rates"] = rate_table(plan, done.runs);
    write_file(out / "rates.json", dump(result, 2) + "\n");
    return result;
  }
  const Json claims =
      judge_all(studies, done.runs, static_cast<int>(runs.bases.size()), done.outcome.failures);
  add_outcome(result, done);
  result["arms"] = arms_of(plan, done);
  result["claims"] = claims;
  for (const char* verdict : {"held", "did not hold", "undecided", "not testable"}) {
    std::string key = verdict;
    std::replace(key.begin(), key.end(), ' ', '_');
    result[key] = std::count_if(claims.begin(), claims.end(),
                                [&](const Json& c) { return !c["condition"] && c["verdict"] == verdict; });
  }
  result["conditions"] =
      std::count_if(claims.begin(), claims.end(), [](const Json& c) { return c["condition"] == true; });
  result["conditions_held"] = std::count_if(claims.begin(), claims.end(), [](const Json& c) {
    return c["condition"] == true && c["verdict"] == "held";
  });
  const bool page = write_page(plan, studies, done, result, out / "report.html");
  result["report"] = page ? Json((out / "report.html").string()) : Json();
  result["paper"] = (out / "paper.md").string();
  write_file(out / "paper.md", paper_page(result));
  write_file(out / "claims.json", dump(result, 2) + "\n");
  return result;
}

}  // namespace pope
