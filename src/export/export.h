// Handing over to other trainers: the prompt sets, the reward and a config in the form that they read, from
// the settings that `pope train` takes. A format is one file that defines an ExportFormat, and its line in
// the table in export.cpp. Needs no model and no tokenizer: trainers put the chat template around the
// messages themselves.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/files.h"
#include "core/options.h"
#include "data/mixture.h"
#include "data/problem.h"
#include "learn/config.h"
#include "model/lora_config.h"
#include "rollout/engine.h"
#include "text/prompt.h"
#include "verify/verifier.h"

namespace pope {

struct ExportConfig {
  static constexpr auto kSection = "export";
  int max_prompt_tokens = 2048;  // of the configs; the paper's
  std::string rows = "jsonl";    // jsonl | parquet
  void fields(Options& options);
};

struct NamedProblems {
  std::string name;
  std::vector<Problem> problems;
};

// What is handed over: problems, and the settings of a training run on them.
struct ExportJob {
  ExportConfig config;
  PromptConfig prompt;
  VerifyConfig verify;
  SamplingConfig sampling;
  MixtureConfig mixture;
  ObjectiveConfig objective;
  OptimizerConfig optimizer;
  TrainConfig train;
  LoraConfig lora;      // for what is refused
  RetireConfig retire;  // likewise
  std::string model;    // as the trainer is to load it: a folder, or a name on the Hugging Face hub
  std::string label;
  bool bf16 = false;
  bool activation_checkpointing = false;
  std::uint64_t seed = 1;
  std::vector<Problem> hard, easy;
  std::vector<NamedProblems> eval_sets;
};

// One prompt.
struct ExportRow {
  std::string set, id;
  Json messages;         // [{"role", "content"}], without the chat template
  std::string answer;    // reference answer
  std::string guidance;  // of the problem, whether the messages show it or not; "": none
  bool guided = false;   // the messages show it
  std::string grading;   // JSON: the row of `pope verify -` for a completion, all but "pred"
};

struct ExportSet {
  std::string name;
  std::vector<ExportRow> rows;
};

struct ExportSets {
  std::vector<ExportSet> sets;  // those with a weight in the mixture: unguided, guided, easy
  std::vector<ExportRow>
      mixture;  // what `pope train` draws, step by step, until the largest set was walked once
  std::vector<ExportSet> eval;  // without guidance
};

// What a format makes of them: files by name. `rows` become NAME.jsonl or NAME.parquet, as export.rows says.
struct ExportFiles {
  std::map<std::string, std::string> texts;
  std::map<std::string, std::vector<Json>> rows;
  std::string command;  // how the trainer is started, in the folder; "": it is for the reader to see
  std::vector<std::string> notes;  // what the trainer does otherwise than `pope train`
};

struct ExportFormat {
  const char* summary;   // one line for the help
  bool trains = true;    // it has a config: a model is needed, and guidance must not open the answer
  bool parquet = false;  // its reader takes Parquet, too
  ExportFiles (*make)(const ExportJob& job,
                      const ExportSets& sets);  // Error: a setting that it cannot express
};

// By the name that `pope export` takes.
const std::map<std::string, const ExportFormat*>& export_formats();

// Error: guidance names an unknown wording; a set with a weight is empty.
ExportSets make_export_sets(const ExportJob& job);
// All files of a format, with a README.md. Error: settings that the format cannot express.
ExportFiles make_export(const std::string& format, const ExportJob& job);
// Writes them into `folder`.
void write_export(const std::filesystem::path& folder, const ExportFiles& files, const ExportConfig& config);

// For formats: --------------------------------------------------------------------------------------------

// Error: a method that only `pope train` has, such as LUFFY, pass@k or guidance that adapts. `trainer` is
// named.
void refuse_own_methods(const ExportJob& job, const std::string& trainer);
// Throws unless `holds`: "[config] KEY: expected EXPECTED with pope export TRAINER, got GOT".
void require_setting(bool holds, const std::string& trainer, std::string_view key,
                     const std::string& expected, const std::string& got);
std::string config_text(std::string_view text);  // in double quotes, as JSON, YAML and TOML read it
std::string config_number(double value);  // with a point or no exponent: YAML 1.1 takes 1e-06 for a text
std::int64_t optimizer_steps(const TrainConfig& train);
std::int64_t warmup_steps(const ExportJob& job);  // optimiser steps
// The set that is evaluated on where none is given: the hard problems as they are.
std::vector<ExportSet> eval_or_unguided(const ExportSets& sets);

extern const ExportFormat jsonl_format, verl_format, trl_format, pipelinerl_format, prime_rl_format;

}  // namespace pope
