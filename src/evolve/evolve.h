// GEPA (arXiv:2507.19457): texts evolve. A candidate that is best somewhere on a dev set is drawn, tried on a
// minibatch, and a model that sees what came of it rewrites one of its texts. The child stays if it does
// strictly better on the same minibatch, and is then evaluated on the whole dev set. What the paper leaves
// open is as in its authors' package, gepa 0.1.4; docs/methods.md lists where we differ.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/options.h"
#include "evolve/adapter.h"
#include "evolve/candidate.h"
#include "evolve/fronts.h"
#include "evolve/ledger.h"

namespace pope {

struct EvolveConfig {
  static constexpr auto kSection = "evolve";
  int budget = 2000;   // metric calls at most
  int minibatch = 3;   // instances that a parent and its child are compared on
  int parallel = 1;    // proposals per iteration, each with its own parent and minibatch
  int merges = 5;      // accepted at most
  int iterations = 0;  // at most; 0: as the budget allows. 1: one turn of reflection
  int patience = 100;  // iterations in a row without a new candidate, after which it ends
  // Of `pope evolve` (problem_adapter.h):
  int dev = 300;                 // problems of the dev set, half of all at most
  int samples = 1;               // rollouts per template and problem
  int max_text = 4000;           // bytes of a template
  std::string reflection_model;  // folder or .gguf; "": the model that is prompted
  double reflection_temperature = 1.0;
  int reflection_tokens = 2048;  // of one reply
  void fields(Options& options);
};

// The names of the instances: those that minibatches are drawn from, and the dev set.
struct Instances {
  std::vector<std::string> feedback, dev;
};

// What became of one attempt at a new candidate.
struct Proposal {
  int iteration = 0;
  std::vector<int> parents;            // one: a mutation, two: a merge
  std::string component;               // of a mutation
  std::vector<std::string> instances;  // that parent and child were compared on
  double before = 0, after = 0;        // the sums of their scores; of a merge the better parent's
  // accepted | not better | nothing to improve | empty | no fence | unchanged | known | refused
  std::string outcome;
  std::string note;    // why it was refused
  std::string reply;   // of the reflection model
  int candidate = -1;  // its number, where it was accepted
};

struct Evolution {
  std::vector<std::string> dev;       // the order of scores
  std::vector<Candidate> candidates;  // the seed first
  std::vector<Proposal> proposals;
  std::int64_t iterations = 0, reflections = 0, metric_calls = 0;
  std::int64_t rollout_tokens = 0, reflection_tokens = 0, reflection_prompt_tokens = 0;
  int merges = 0;     // accepted
  int failures = 0;   // attempts to evaluate or reflect that failed and were tried again
  int damaged = 0;    // kept items that could not be read
  std::string ended;  // budget | iterations | patience | perfect

  Scores scores() const;
};

// Evolves the seed until the budget does not cover another iteration to its end, the dev set is solved, or
// iterations or patience are over. A function of (config, seed number, adapter): `kept` are items that `keep`
// got in former starts, and change nothing but the cost. `changed` is called after the seed and after each
// iteration. Error: a budget that does not cover the seed on the dev set, an empty set of instances, or
// Ledger's.
Evolution evolve(Adapter& adapter, const EvolveConfig& config, std::uint64_t seed_number, const Texts& seed,
                 const Instances& instances, const std::vector<Json>& kept, const KeepItem& keep,
                 const std::function<void(const Evolution&)>& changed = {});

// One row per candidate, and per proposal (docs/formats.md).
std::vector<Json> candidate_rows(const Evolution& evolution);
std::vector<Json> proposal_rows(const Evolution& evolution);
// Counts and costs, the best candidate, the cover.
Json to_json(const Evolution& evolution);

}  // namespace pope
