// pope reproduce: the paper's experiments and its claims.
#include "reproduce/reproduce.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/error.h"
#include "core/interrupt.h"
#include "pope/command_line.h"
#include "pope/table.h"
#include "pope/verb.h"

namespace pope {
namespace {

void check_reproduce(const Invocation& invocation) {
  if (invocation.out.empty() && !invocation.settings.reproduce.plan_only)
    throw UsageError("expected --out DIR: where the results go\n  see 'pope reproduce --help'");
}

Json run_reproduce(const Invocation& invocation) {
  const ReproduceConfig& config = invocation.settings.reproduce;
  const CatchInterrupts catch_interrupts;
  return reproduce(config, invocation.arguments, invocation.settings.run.seed,
                   std::filesystem::read_symlink("/proc/self/exe"), invocation.out);
}

std::string number(const Json& value) {
  return value.is_number() ? fmt::format("{:.3f}", value.get<double>()) : "";
}

std::string percent(const Json& value) {
  return value.is_number() ? fmt::format("{:.0f} %", 100 * value.get<double>()) : "";
}

// "pope - 3 x hard > 0"
std::string comparison(const Json& claim) {
  std::string text = claim.at("of");
  const double times = claim.at("times");
  if (claim.at("minus").is_string())
    text += fmt::format(" - {}{}", times == 1 ? "" : fmt::format("{} x ", times),
                        claim["minus"].get<std::string>());
  if (claim.contains("within")) return fmt::format("{} within {}", text, claim["within"].get<double>());
  return fmt::format("{} {} {}", text, claim.contains("above") ? ">" : "<",
                     claim[claim.contains("above") ? "above" : "below"].get<double>());
}

std::string show_plan(const Json& result) {
  std::vector<std::vector<std::string>> rows = {{"claim", "metric", "compares", "expected", "power"}};
  for (const Json& claim : result.at("plan")) {
    rows.push_back({claim.at("id"), claim.at("metric"), comparison(claim), number(claim.at("expect")),
                    claim.at("untestable").is_string() ? "not testable" : percent(claim.at("power"))});
  }
  return table(rows) + fmt::format("\n{} claims, {} runs: {} bases, {} RL seeds. Nothing was run.\n",
                                   result["plan"].size(), result.at("jobs").get<int>(),
                                   result.at("bases").size(), result.at("rl_seeds").get<int>());
}

std::string show_rates(const Json& result) {
  std::vector<std::vector<std::string>> rows = {
      {"arm", "lr", "hard pass@1", "held-out pass@1", "bases", "best"}};
  for (const Json& arm : result.at("rates")) {
    for (const Json& row : arm.at("rows"))
      rows.push_back({arm.at("arm"), row.at("rate"), number(row.at("hard")), number(row.at("heldout")),
                      std::to_string(row.at("bases").get<int>()), row["rate"] == arm.at("best") ? "*" : ""});
  }
  return table(rows);
}

std::string show_rejected(const Json& result) {
  std::string text;
  for (const Json& base : result.at("rejected"))
    text += fmt::format("Base {} was rejected: {}\n", base.at("base").get<std::uint64_t>(),
                        dump(base.at("values")));
  return text;
}

std::string show_reproduce(const Json& result) {
  if (result.contains("plan")) return show_plan(result);
  if (result.contains("rates")) return show_rates(result) + show_rejected(result);
  std::vector<std::vector<std::string>> rows = {
      {"study", "claim", "left", "right", "difference", "bases", "power", "verdict"}};
  for (const Json& claim : result.at("claims")) {
    const std::string interval = claim.at("low").is_number() ? fmt::format(" ({} - {})", number(claim["low"]),
                                                                           number(claim.at("high")))
                                                             : "";
    rows.push_back({claim.at("study"), claim.at("claim"), number(claim.at("left")), number(claim.at("right")),
                    number(claim.at("difference")) + interval,
                    fmt::format("{}/{}", claim.at("bases_for").get<int>(), claim.at("bases").size()),
                    percent(claim.at("power")), claim.at("verdict")});
  }
  return table(rows) + fmt::format(
                           "\n{} held, {} did not hold, {} undecided, {} not testable; of {} conditions {} "
                           "held.\n{}The page: {}, {}\n",
                           result.at("held").get<int>(), result.at("did_not_hold").get<int>(),
                           result.at("undecided").get<int>(), result.at("not_testable").get<int>(),
                           result.at("conditions").get<int>(), result.at("conditions_held").get<int>(),
                           show_rejected(result),
                           result.at("report").is_string() ? result["report"].get<std::string>()
                                                           : "none, no run is complete",
                           result.at("paper").get<std::string>());
}

// After everything has been written and printed.
void name_failures(const Json& result) {
  if (!result.contains("failures") || result["failures"].empty()) return;
  std::string names;
  for (const Json& failure : result["failures"])
    names += (names.empty() ? "" : ", ") + failure.at("job").get<std::string>();
  throw Error("reproduce",
              fmt::format("{} failed: {}; {} runs that need them were left out", result["failures"].size(),
                          names, result.at("skipped").size()),
              "the results are of the other runs; mend what the logs, or the claims' errors, say and start "
              "this command again");
}

}  // namespace

const Verb reproduce_verb = {
    .name = "reproduce",
    .group = VerbGroup::paper,
    .summary = "run the paper's experiments again, and judge its claims",
    .description =
        "STUDY is the name of a file in configs/paper without .yaml (fig3, fig4, fig5, fig6, fig9, fig10, "
        "fig11,\ntable2, guidance, baselines, relatives, teachers, p2o), or all; rates alone tries the "
        "learning rates of\narms.yaml.\n"
        "Trains --bases base models, each of which must pass the plan's gate; mines and guides; trains and "
        "evaluates every\narm that the claims compare, some with --rl-seeds seeds, as many runs at a time as "
        "there are cores; then says for\neach claim whether it held. Started again, it goes on. A run that "
        "fails costs only what needs it; the exit code is\nthen 1. --plan-only prints the claims with their "
        "power, and runs nothing.\n"
        "The settings of the runs are those of the plan's files (reproduce.plan): copy the folder and change "
        "them there.\n"
        "\n"
        "Leaves in --out: base-B/ (steps), base-B/rl-R/ (arms), claims.json, paper.md, report.html; or "
        "rates.json.\n"
        "\n"
        "  pope reproduce table2 --out runs/reproduce\n"
        "  pope reproduce all --quick --out runs/quick\n"
        "  pope reproduce rates --bases 1 --out runs/rates",
    .arguments = "STUDY...",
    .shortcuts = {{"--quick", "reproduce.quick"},
                  {"--bases", "reproduce.bases", "N"},
                  {"--rl-seeds", "reproduce.rl_seeds", "N"},
                  {"--plan-only", "reproduce.plan_only"}},
    .keys = {"reproduce.*", "run.seed"},
    .needs_out = false,
    .check = check_reproduce,
    .run = run_reproduce,
    .show = show_reproduce,
    .after = name_failures};

}  // namespace pope
