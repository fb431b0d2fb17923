// Run directories made by hand, for tests of the report.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/files.h"
#include "core/temp_dir.h"

namespace pope::testing {

class FakeRuns {
 public:
  // A run without result, metrics and rollouts. `settings`: more YAML, in sections.
  std::filesystem::path run(const std::string& name, const std::string& verb, const std::string& label,
                            int seed, const std::string& settings = "") {
    const std::filesystem::path path = folder_.path() / name;
    write_file(
        path / "environment.json",
        dump(Json{{"verb", verb}, {"version", "1.2.3"}, {"starts", {{{"time", "2026-01-02T03:04:05Z"}}}}}));
    write_file(path / "config.yaml",
               "run:\n  label: " + dump(Json(label)) + "\n  seed: " + std::to_string(seed) + "\n" + settings);
    return path;
  }
  // A complete eval run: pass@1 and pass@8 of the set "hard", unguided, with given intervals of ± 0.01.
  std::filesystem::path eval(const std::string& name, const std::string& label, int seed, double pass_1,
                             double pass_8, const std::string& set = "hard", bool guided = false) {
    const std::filesystem::path path = run(name, "eval", label, seed);
    Json pass = Json::array();
    for (const auto& [k, value] : {std::pair(1, pass_1), std::pair(8, pass_8)}) {
      pass.push_back({{"k", k}, {"value", value}, {"low", value - 0.01}, {"high", value + 0.01}});
    }
    const Json one = {{"set", set}, {"guided", guided}, {"problems", 10}, {"samples", 16}, {"pass", pass}};
    write_file(path / "result.json",
               dump(Json{{"label", label}, {"seed", seed}, {"sets", Json::array({one})}}));
    return path;
  }
  // A complete train run with the given rows.
  std::filesystem::path train(const std::string& name, const std::string& label, int seed,
                              const std::vector<Json>& rows, const std::string& settings = "") {
    const std::filesystem::path path = run(name, "train", label, seed, settings);
    write_jsonl(path / "metrics.jsonl", rows);
    write_file(path / "result.json", R"({"seconds": {"sample_s": 60, "learn_s": 90}})");
    return path;
  }
  const std::filesystem::path& folder() const { return folder_.path(); }

 private:
  TempDir folder_;
};

inline Json rollout(const std::string& problem, const std::string& completion, bool guided, bool correct,
                    const std::string& finish = "stop") {
  return {{"problem_id", problem}, {"set", "hard"},
          {"guided", guided},      {"sample", 0},
          {"problem", "P"},        {"guidance", guided ? Json("hint") : Json()},
          {"answer", "42"},        {"completion", completion},
          {"tokens", 3},           {"finish", finish},
          {"correct", correct},    {"extracted", "41"},
          {"reason", "not equal"}};
}

// A row of guided.jsonl.
inline Json guided(const std::string& id, double fraction, int samples, bool fallback) {
  Json guidance = {{"kind", "oracle_prefix"}, {"text", "T"}, {"fraction", fraction}, {"samples", samples}};
  if (fallback) guidance["fallback"] = true;
  return {{"id", id}, {"problem", "P"}, {"answer", "1"}, {"guidance", guidance}};
}

}  // namespace pope::testing
