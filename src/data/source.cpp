// The table of problem sources. A new family: one line here.
#include "data/source.h"

#include "core/error.h"
#include "data/registers.h"

namespace pope {

void SourceConfig::fields(Options& options) {
  options.add("kind", kind, "problem family: registers");
  options.add("count", count, "problems to generate");
  options.add("part", part,
              "hard: problems to mine | easy: easier ones to mine | pretrain: easier ones with "
              "demonstrations, for sft");
  options.add("registers", registers, "registers m of a problem: its size");
  options.add("targets", targets, "part easy: at most so many targets are set, the others free; 0: all");
  options.add("modulus", modulus, "values are 0 … modulus − 1");
  options.add("rules", rules,
              "sets of legal moves, 1 to 26; a problem's statement names its own, unless there is one");
  options.add("demonstrator", demonstrator,
              "how often the pretraining demonstrator hits a reachable target, 0 to 1");
}

const ProblemSource& problem_source(const std::string& kind) {
  if (kind == "registers") return registers_source();
  throw Error("problem source", "expected one of: registers; got \"" + kind + "\"", "set source.kind");
}

}  // namespace pope
