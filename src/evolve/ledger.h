// What was paid for. Every evaluation and every reflection is handed out to be kept as soon as it is there,
// and is never asked for twice. That is also how an evolution goes on after a kill: it is a function of its
// seed and of what it was told, so it runs again from the start and takes what is kept from here.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "evolve/adapter.h"

namespace pope {

// Takes one item to keep, and the rollouts that belong to it.
using KeepItem = std::function<void(Json item, const std::vector<Json>& rollouts)>;

class Ledger {
 public:
  // `kept`: the items of former starts. What is none of them is counted, said on stderr, and paid for again.
  Ledger(Adapter& adapter, const std::vector<Json>& kept, KeepItem keep);

  // The evaluations of the jobs, in their order; they stay where they are. Those that are not there are made.
  // Error: some could not be made, three times in a row; the others are kept.
  std::vector<const Evaluated*> evaluate(const std::vector<EvaluationJob>& jobs);
  // The replies to the jobs; job i is reflection number first + i of the evolution. Error: likewise.
  std::vector<std::string> reflect(const std::vector<ReflectionJob>& jobs, std::int64_t first);

  // Evaluations asked for until now, each (texts, instance) once: the metric calls.
  std::int64_t calls() const { return calls_; }
  // How many of the jobs would be new ones.
  std::int64_t cost(const std::vector<EvaluationJob>& jobs) const;
  // Over all starts: sampled tokens, and attempts that failed.
  std::int64_t rollout_tokens() const { return rollout_tokens_; }
  std::int64_t reflection_tokens() const { return reflection_tokens_; }
  std::int64_t reflection_prompt_tokens() const { return reflection_prompt_tokens_; }
  int failures() const { return failures_; }
  int damaged() const { return damaged_; }

 private:
  struct Paid {
    Evaluated evaluation;
    bool asked_for = false;
  };
  using Key = std::pair<std::string, std::string>;  // fingerprint of the texts, instance

  static Key key_of(const EvaluationJob& job);
  void take(const Json& item);
  void failed(const std::string& reason);

  Adapter& adapter_;
  KeepItem keep_;
  std::map<Key, Paid> evaluations_;
  std::map<std::int64_t, Reflection> reflections_;  // by number
  std::int64_t calls_ = 0, rollout_tokens_ = 0, reflection_tokens_ = 0, reflection_prompt_tokens_ = 0;
  int failures_ = 0, damaged_ = 0;
};

}  // namespace pope
