// The gate: what a base model must do before anything is trained from it. Its conditions are in arms.yaml, so
// they are fixed before the runs; its outcome is kept in OUT/base-B/gate.json, so that no restart decides
// anew.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/files.h"
#include "reproduce/jobs.h"
#include "reproduce/plan.h"

namespace pope {

struct GateOutcome {
  std::map<std::uint64_t, std::string> passed;  // base → the attempt that passed
  Json rejected = Json::array();                // [{base, values: {ATTEMPT: {CONDITION: value}}}]
  Json gates = Json::array();                   // of every decided base: gate.json, with "base"
  Outcome jobs;                                 // what failed; such a base is neither passed nor rejected
};

// Runs jobs: run_jobs, with its program, workers and progress bound.
using RunJobs = std::function<Outcome(const std::vector<Job>&)>;

// Trains and evaluates the attempts of each base in turn until one meets all conditions, on point values.
// Error where gate.json was written under other conditions, or an evaluation lacks a metric.
GateOutcome run_gate(const Plan& plan, const Runs& runs, const RunJobs& run);

}  // namespace pope
