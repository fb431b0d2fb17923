// Problem sources: generators of synthetic problem families with verifiable answers and oracle solutions.
// A new family is one file and one line in the table in source.cpp (and a verifier of the same name, if
// answers are not unique). generate() is deterministic in (config, seed), and problem i does not depend on
// `count`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/options.h"
#include "data/problem.h"

namespace pope {

struct SourceConfig {
  std::string kind = "registers";
  int count = 320;  // problems to generate
  // hard: problems to mine; easy: easier members with solutions, likewise; pretrain: easier members with
  // demonstrations, for sft.
  std::string part = "hard";
  int registers = 5;  // m, the size of a hard problem
  int targets = 0;    // part easy: at most so many of its m targets are set; 0 = all
  int modulus = 17;
  int rules = 1;              // sets of legal moves; a problem has one of them, its statement says which
  double demonstrator = 0.4;  // how often the pretraining demonstrator hits a reachable target
  void fields(Options& options);
};

class ProblemSource {
 public:
  virtual ~ProblemSource() = default;
  virtual std::vector<Problem> generate(const SourceConfig& config, std::uint64_t seed) const = 0;
  // The words of the family's language, for a WordLevel tokenizer; the first is the end-of-text token.
  virtual std::vector<std::string> vocabulary(const SourceConfig& config) const = 0;
};
// By SourceConfig::kind. Error: unknown kind (lists the known).
const ProblemSource& problem_source(const std::string& kind);

}  // namespace pope
