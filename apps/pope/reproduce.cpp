// pope reproduce: the paper's experiments and its claims.
#include "reproduce/reproduce.h"

#include <fmt/format.h>

#include <filesystem>

#include "pope/table.h"
#include "pope/verb.h"

namespace pope {
namespace {

Json run_reproduce(const Invocation& invocation) {
  return reproduce(invocation.settings.reproduce, invocation.arguments, invocation.settings.run.seed,
                   std::filesystem::read_symlink("/proc/self/exe"), invocation.out);
}

std::string show_reproduce(const Json& result) {
  std::vector<std::vector<std::string>> rows = {
      {"study", "claim", "left", "right", "difference", "seeds", "verdict"}};
  for (const Json& claim : result.at("claims")) {
    const auto number = [&](const char* key) {
      return claim.at(key).is_number() ? fmt::format("{:.3f}", claim[key].get<double>()) : std::string();
    };
    const std::string interval =
        claim.at("low").is_number() ? fmt::format(" ({} - {})", number("low"), number("high")) : "";
    rows.push_back({claim.at("study"), claim.at("claim"), number("left"), number("right"),
                    number("difference") + interval,
                    fmt::format("{}/{}", claim.at("seeds_for").get<int>(), claim.at("seeds").get<int>()),
                    claim.at("verdict")});
  }
  return table(rows) +
         fmt::format("\n{} held, {} did not hold, {} not decidable at this size. The page: {}\n",
                     result.at("held").get<int>(), result.at("did_not_hold").get<int>(),
                     result.at("not_decidable").get<int>(), result.at("report").get<std::string>());
}

}  // namespace

const Verb reproduce_verb = {.name = "reproduce",
                             .summary = "run the paper's experiments again, and judge its claims",
                             .description =
                                 "STUDY is the name of a file in configs/paper without .yaml (fig3, fig4, "
                                 "fig5, fig6, fig9, fig10, fig11,\ntable2, guidance, baselines), or all.\n"
                                 "Trains a base model per seed, mines and guides, trains and evaluates every "
                                 "arm that the claims compare,\n"
                                 "as many at a time as there are cores; then says for each claim whether it "
                                 "held. Started again, it goes on.\n"
                                 "The settings of the runs are those of the plan's files (reproduce.plan): "
                                 "copy the folder and change them there.\n"
                                 "\n"
                                 "Leaves in --out: seed-N/ (all runs), claims.json, report.html.\n"
                                 "\n"
                                 "  pope reproduce table2 --out runs/reproduce\n"
                                 "  pope reproduce all --quick --out runs/quick",
                             .arguments = "STUDY...",
                             .shortcuts = {{"--quick", "reproduce.quick"}, {"--seeds", "reproduce.seeds"}},
                             .sections = {"reproduce", "run"},
                             .run = run_reproduce,
                             .show = show_reproduce};

}  // namespace pope
