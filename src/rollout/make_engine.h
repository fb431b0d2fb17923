// The engine that the config names. A new engine is one file and one line in the table in make_engine.cpp.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/options.h"
#include "model/model.h"
#include "rollout/engine.h"
#include "text/tokenizer.h"

namespace pope {

struct EngineConfig {
  static constexpr auto kSection = "engine";
  std::string kind = "native";  // native: in this process, on the trainer's own weights; http: on servers
  // Of kind http, docs/engines.md.
  std::vector<std::string> urls;
  std::string server = "auto";  // what the servers are, as server_kind() names it; auto = they say so
  std::string model;            // as the servers list it; "" = their only one
  std::string key_env;          // environment variable that holds the key; "" = none is sent
  int samples_per_request = 8;
  int connections = 64;
  double timeout_s = 1800;
  int attempts = 8;
  double backoff_s = 0.5;
  double give_up_s = 900;
  // Of kind http, where the model is trained.
  int publish_every = 1;  // weights go to the servers when they are so many optimiser steps ahead of theirs
  std::string
      publish_dir;       // where they are written, by a path that the servers know, too; "" = RUN/published
  double max_gap = 0.1;  // nats a token between a server and the weights that it was given; above: Error
  void fields(Options& options);
  void check_together() const;
};

// What an engine may be made of. One that samples elsewhere needs no weights: it never calls `model`.
struct EngineParts {
  std::shared_ptr<const Tokenizer> tokenizer;
  std::int64_t context = std::numeric_limits<std::int64_t>::max();  // of the model, tokens; max: not known
  // The model with its weights, on its device: the one that is trained, or else loaded by this call. To be
  // called, if at all, while the engine is made.
  std::function<std::shared_ptr<const Model>()> model;
  // The model that is trained, where one is: an engine whose weights are elsewhere is to sample with its
  // weights.
  std::shared_ptr<const Model> trained = nullptr;
};
using MakeEngine = std::unique_ptr<Engine> (*)(const EngineConfig& config, const EngineParts& parts);
// By name. A program of your own may add to it before it is used.
std::map<std::string, MakeEngine>& engines();
// Error: unknown kind (lists the known).
std::unique_ptr<Engine> make_engine(const EngineConfig& config, const EngineParts& parts);

}  // namespace pope
