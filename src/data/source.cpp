// The table of problem sources. A new family: one line here.
#include "data/source.h"

#include "core/error.h"
#include "data/walks.h"

namespace pope {

void SourceConfig::fields(Options& options) {
  options.add("kind", kind, "problem family: walks");
  options.add("count", count, "problems to generate");
  options.add("first", first, "the first of the seed's problems to take, so that sets can be disjoint");
  options.add("part", part,
              "hard: problems to mine | easy: easier ones to mine | pretrain: demonstrations, for sft");
  options.add("walks", walks, "walks m of a hard problem; easy and pretrain: 1 to m");
  options.add("modulus", modulus, "values are 0 … modulus − 1");
  options.add("after", after, "part easy: share of problems that need another skill, 0 to 1");
  options.add("demonstrator", demonstrator,
              "how often the pretraining demonstrator hits a reachable target, 0 to 1");
  options.add("retry", retry, "how often it tries a walk again whose target it missed, 0 to below 1");
}

const ProblemSource& problem_source(const std::string& kind) {
  if (kind == "walks") return walks_source();
  throw Error("problem source", "expected one of: walks; got \"" + kind + "\"", "set source.kind");
}

}  // namespace pope
