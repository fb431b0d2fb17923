// The engine that the config names. A new engine is one file and one line in the table in make_engine.cpp.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>

#include "core/options.h"
#include "model/model.h"
#include "rollout/engine.h"
#include "text/tokenizer.h"

namespace pope {

struct EngineConfig {
  static constexpr auto kSection = "engine";
  std::string kind = "native";  // native: in this process, on the trainer's own weights
  void fields(Options& options);
};

// What an engine may be made of. One that samples elsewhere needs no weights: it never calls `model`.
struct EngineParts {
  std::shared_ptr<const Tokenizer> tokenizer;
  std::int64_t context = std::numeric_limits<std::int64_t>::max();  // of the model, tokens; max: not known
  // The model with its weights, on its device: the one that is trained, or else loaded by this call. To be
  // called, if at all, while the engine is made.
  std::function<std::shared_ptr<const Model>()> model;
};
using MakeEngine = std::unique_ptr<Engine> (*)(const EngineConfig& config, const EngineParts& parts);
// By name. A program of your own may add to it before it is used.
std::map<std::string, MakeEngine>& engines();
// Error: unknown kind (lists the known).
std::unique_ptr<Engine> make_engine(const EngineConfig& config, const EngineParts& parts);

}  // namespace pope
