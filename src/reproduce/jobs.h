// The runs behind a plan: every step once per seed, each a process of its own, as many at a time as there are
// workers. What is complete is not run again, and every verb continues where it was killed, so that starting
// `pope reproduce` again goes on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "reproduce/plan.h"

namespace pope {

struct Job {
  std::string name;                  // "seed-1/guide"
  std::vector<std::string> command;  // arguments of pope
  std::filesystem::path out;         // what the run leaves
  bool run_directory = true;         // complete when OUT/result.json is there; else when OUT is there
  std::vector<std::size_t> after;    // indices of the jobs whose output it reads
  std::vector<std::string> config;   // the files of `command` that hold settings
  double weight = 1;                 // about how long it takes, relative to the others

  bool complete() const;
};

// The jobs of `steps` (in dependency order) for every seed, in OUT/seed-N. `settings` are added to each as
// --set.
std::vector<Job> jobs_of(const std::vector<Step>& steps, const std::vector<std::uint64_t>& seeds,
                         const std::filesystem::path& out, const std::vector<std::string>& settings);

// Runs what is not complete, `workers` at a time; each writes its output to OUT.log beside it. `progress` is
// told the weight of the complete jobs and which are running. A job given with other arguments than it was
// begun with, or whose config files have changed: Error. A job that fails: the ones running are waited for,
// then Error with the last lines of its log. Children end with this process.
void run_jobs(const std::filesystem::path& program, const std::vector<Job>& jobs, int workers,
              const std::function<void(double complete, const std::string& running)>& progress);

}  // namespace pope
