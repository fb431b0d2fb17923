// The table of problem sources. A new family: one line here.
#include "data/source.h"

#include "core/error.h"
#include "core/nearest.h"
#include "data/walks.h"

namespace pope {
namespace {

struct Family {
  const char* name;
  const ProblemSource& (*source)();
};
constexpr Family kFamilies[] = {{"walks", walks_source}};

std::vector<std::string> family_names() {
  std::vector<std::string> names;
  for (const Family& family : kFamilies) names.emplace_back(family.name);
  return names;
}

}  // namespace

void SourceConfig::fields(Options& options) {
  constexpr double kBillion = 1e9;
  options.add("kind", kind, "problem family").choices(family_names());
  options.add("count", count, "problems to generate").range(1, kBillion);
  options.add("first", first, "the first of the seed's problems to take, so that sets can be disjoint")
      .range(0, kBillion);
  options
      .add("part", part,
           "problems to mine, easier ones to mine, or (pretrain) demonstrations for sft; instructed: "
           "pretrain, "
           "partly with instruction words in front; prompted: hard problems that carry such words")
      .choices({"hard", "easy", "pretrain", "instructed", "prompted"});
  options.add("walks", walks, "walks m of a hard problem; easy and pretrain: 1 to m").at_least(1);
  options.add("modulus", modulus, "values are 0 … modulus − 1").range(3, 1e6);
  options.add("after", after, "part easy: share of problems that need another skill").range(0, 1);
  options.add("demonstrator", demonstrator, "how often the pretraining demonstrator hits a reachable target")
      .range(0, 1);
  options.add("retry", retry, "how often it tries a walk again whose target it missed").at_least(0).below(1);
}

const ProblemSource& problem_source(const std::string& kind) {
  for (const Family& family : kFamilies) {
    if (kind == family.name) return family.source();
  }
  throw Error("problem source", "expected " + listed(family_names(), "or") + ", got '" + kind + "'",
              "set source.kind");
}

}  // namespace pope
