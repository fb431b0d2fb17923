// The runs behind a plan: every step once per base, every arm once per base and RL seed, each a process of
// its own, as many at a time as there are workers. What is complete is not run again, and every verb
// continues where it was killed, so that starting `pope reproduce` again goes on.
//
//   OUT/base-B/STEP          seeded with B: base model, problems, mining, guidance
//   OUT/base-B/rl-R/ARM      training, seeded with 1000·B + R
//   OUT/base-B/rl-R/eval-ARM seeded with B: common random streams for all arms of a base
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "reproduce/plan.h"

namespace pope {

// Which runs there are, and where.
struct Runs {
  std::filesystem::path out;
  std::vector<std::uint64_t> bases;
  int rl_seeds = 1;                   // of an arm with `rl_seeds: all`; the others have the first
  std::vector<std::string> settings;  // --set of each run but those of problems and init

  std::filesystem::path base(std::uint64_t base) const;          // OUT/base-B
  std::filesystem::path rl(std::uint64_t base, int seed) const;  // OUT/base-B/rl-R
};

struct Job {
  std::string name;                  // "base-1/guide", "base-1/rl-2/hard"
  std::vector<std::string> command;  // arguments of pope
  std::filesystem::path out;         // what the run leaves
  bool run_directory = true;         // complete when OUT/result.json is there; else when OUT is there
  std::vector<std::size_t> after;    // indices of the jobs whose output it reads
  std::vector<std::string> config;   // the files of `command` that hold settings
  double weight = 1;                 // about how long it takes, relative to the others
  std::string step;
  int rl = 0;  // RL seed; 0: of a step

  bool complete() const;
};

struct Failure {
  std::string job, log;  // its name; the last lines that it wrote
};

struct Outcome {
  std::vector<Failure> failures;
  std::vector<std::string> skipped;  // jobs that read, at first or second hand, what a failed one leaves

  void add(const Outcome& later);  // of further jobs
};

// Adds the jobs of one base for `steps` (in dependency order). `stands_for`: the step that "@NAME" means
// where it is not NAME itself, in steps that are not `literal`.
void add_jobs(std::vector<Job>& jobs, const std::vector<Step>& steps, const Runs& runs, std::uint64_t base,
              const std::map<std::string, std::string>& stands_for = {});

// Runs what is not complete, `workers` at a time; each writes its output to OUT.log beside it. `progress` is
// told the weight of the complete jobs and which are running. A job given with other arguments than it was
// begun with, or whose config files have changed: Error, before anything runs. A job that fails is named, and
// what does not read its output goes on. Children end with this process; a request to stop is
// passed on to them, and Interrupted thrown when they have ended.
Outcome run_jobs(const std::filesystem::path& program, const std::vector<Job>& jobs, int workers,
                 const std::function<void(double complete, const std::string& running)>& progress);

}  // namespace pope
