// Runs as `pope reproduce` lays them out, written by hand.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "core/files.h"
#include "core/temp_dir.h"
#include "reproduce/jobs.h"

namespace pope {

// An evaluation of two problems with four samples: `correct` of the first one's are right.
inline void write_evaluation(const std::filesystem::path& run, int correct, const std::string& set = "hard") {
  write_file(run / "result.json",
             fmt::format(R"({{"sets": [{{"set": "{}", "guided": false, "samples": 4, "ids": ["p", "q"],
                             "correct": [{}, 0]}}]}})",
                         set, correct));
}

// A training run whose metrics have `key` = values[i] at step i.
inline void write_training(const std::filesystem::path& run, const std::string& key,
                           const std::vector<double>& values) {
  std::vector<Json> rows;
  for (std::size_t i = 0; i < values.size(); ++i) rows.push_back({{"step", i}, {key, values[i]}});
  write_jsonl(run / "metrics.jsonl", rows);
  write_file(run / "result.json", "{}");
}

}  // namespace pope
