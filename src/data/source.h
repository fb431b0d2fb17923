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
  static constexpr auto kSection = "source";
  std::string kind = "walks";
  int count = 320;  // problems to generate …
  int first = 0;    // … from this one of the seed's on
  // hard: problems to mine; easy: easier ones, likewise; pretrain: with demonstrations, for sft.
  std::string part = "hard";
  int walks = 8;  // m, the size of a hard problem; easy and pretrain: 1 … m
  int modulus = 17;
  double after = 0;           // part easy: share of problems that need another skill
  double demonstrator = 0.3;  // how often the pretraining demonstrator hits a reachable target …
  double retry = 0.1;         // … and tries a walk again whose target it missed
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
