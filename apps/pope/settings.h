// All settings of all verbs, in one place: the sections that a YAML file or --set section.key=value can name.
#pragma once

#include <string>
#include <vector>

#include "agent/config.h"
#include "core/metrics.h"
#include "core/options.h"
#include "data/mixture.h"
#include "data/problem_files.h"
#include "data/source.h"
#include "evaluate/evaluate.h"
#include "evolve/evolve.h"
#include "explore/guide.h"
#include "explore/mine.h"
#include "explore/pairs.h"
#include "explore/rejection.h"
#include "export/export.h"
#include "learn/config.h"
#include "model/lora_config.h"
#include "plan/plan_config.h"
#include "report/report.h"
#include "reproduce/reproduce.h"
#include "rollout/engine.h"
#include "rollout/make_engine.h"
#include "serve/config.h"
#include "text/prompt.h"
#include "verify/verifier.h"

namespace pope {

struct RunConfig {
  static constexpr auto kSection = "run";
  std::string label;  // the method's name in reports; "" = the run's folder
  std::uint64_t seed = 1;
  int threads = 0;             // 0 = all cores
  std::string dtype = "fp32";  // compute: fp32 | bf16
  bool activation_checkpointing = false;
  std::string device = "cpu";
  void fields(Options& options);
};

struct PathsConfig {
  static constexpr auto kSection = "paths";
  std::string model;                   // Hugging Face model directory or .gguf file
  std::string problems;                // problem file (docs/formats.md)
  std::string easy;                    // train: easy problems
  std::string reference;               // train: of objective.kl_coef, a frozen teacher; "" = the initial one
  std::vector<std::string> eval_sets;  // eval, train: "NAME=FILE"
  void fields(Options& options);
};

// The pair that `pope verify` compares.
struct CheckConfig {
  static constexpr auto kSection = "check";
  std::string gold, pred;
  std::string form = "answer";  // answer | response | freetext
  void fields(Options& options);
};

struct Settings {
  RunConfig run;
  PathsConfig paths;
  ProblemsConfig problems;
  PromptConfig prompt;
  VerifyConfig verify;
  CheckConfig check;
  EngineConfig engine;
  SamplingConfig sampling;
  SourceConfig source;
  MineConfig mine;
  GuideConfig guide;
  CollectConfig collect;
  EvolveConfig evolve;
  EngineConfig reflector;  // of evolve.reflection_model, and of train.guidance=evolved
  PairsConfig pairs;
  MixtureConfig mixture;
  ObjectiveConfig objective;
  OptimizerConfig optimizer;
  LoraConfig lora;
  TrainConfig train;
  AsyncConfig async;
  P2oConfig p2o;
  AdaptiveConfig adaptive;
  SearchConfig search;
  RetireConfig retire;
  VoteConfig vote;
  SftConfig sft;
  MetricsConfig metrics;
  EvalConfig eval;
  ReportConfig report;
  ReproduceConfig reproduce;
  WatchConfig watch;
  ServeConfig serve;
  ExportConfig exporting;  // section export
  PlanConfig plan;
  AgentConfig agent;
  // Declares every section on `options`; *this must outlive it.
  void declare(Options& options);
};

}  // namespace pope
