// The table of guidance sources, and their options.
#include "explore/guidance_source.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/nearest.h"
#include "text/steps.h"

namespace pope {

void GuideConfig::fields(Options& o) {
  o.add("grid", grid, "prefixes tried per problem: about 1/grid, 2/grid, ... of the solution").at_least(1);
  o.add("samples", samples, "rollouts per prefix").at_least(1);
  o.add("max_fraction", max_fraction, "no prefix is longer than this part of the solution")
      .above(0)
      .at_most(1);
  o.add("fallback_fraction", fallback_fraction, "when no prefix works: a random one shorter than this part")
      .above(0)
      .at_most(1);
  o.add("boundary", boundary, "where a prefix may end; auto: at the end of a line or sentence")
      .choices(step_boundaries());
  o.add("choose", choose, "the shortest prefix that works, or a random one of the grid, without search")
      .choices({"shortest", "random"});
  o.add("fixed_fraction", fixed_fraction, "> 0: no search, the prefix nearest to this part of the solution")
      .at_least(0)
      .below(1);
  o.add("min_fraction", min_fraction, "no prefix is shorter than this part of the solution").range(0, 1);
  o.add("min_rate", min_rate, "a prefix works when this part of its rollouts is correct; 0: one of them")
      .range(0, 1);
  o.add("per_problem", per_problem, "choose=random: so many prefixes of a problem, each a problem of its own")
      .at_least(1);
  o.add("kind", kind,
        "where guidance comes from: a prefix of the given solution, or of the model's own (self_prefix)")
      .choices(names_of(guidance_sources()));
}

void GuideConfig::check_together() const {
  const auto source = guidance_sources().find(kind);  // an unknown one is refused where it is looked up
  if (source != guidance_sources().end() && !source->second.unsampled) {
    constexpr auto kHint = "it says how to do without a search, which this source cannot";
    if (choose != "shortest")
      refuse_setting("guide.choose", "shortest with guide.kind=" + kind, choose, kHint);
    if (fixed_fraction > 0)
      refuse_setting("guide.fixed_fraction", "0 with guide.kind=" + kind, fmt::to_string(fixed_fraction),
                     kHint);
  }
  if (min_fraction > max_fraction)
    refuse_setting("guide.min_fraction", fmt::format("at most guide.max_fraction ({})", max_fraction),
                   fmt::to_string(min_fraction));
  if (per_problem > 1 && choose != "random")
    refuse_setting("guide.per_problem", "1 with guide.choose=" + choose, std::to_string(per_problem),
                   "set guide.choose=random for several prefixes of a problem");
}

std::map<std::string, GuidanceSource>& guidance_sources() {
  static std::map<std::string, GuidanceSource> table = {
      {"oracle_prefix", solution_prefix},  // a known solution's
      {"self_prefix", solution_prefix},    // the model's own: problems as `pope collect` leaves them
  };
  return table;
}

const GuidanceSource& guidance_source(const std::string& kind) {
  const auto found = guidance_sources().find(kind);
  if (found != guidance_sources().end()) return found->second;
  throw Error("guide", "expected " + listed(names_of(guidance_sources()), "or") + ", got '" + kind + "'",
              "set guide.kind");
}

}  // namespace pope
