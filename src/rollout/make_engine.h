// The engine that the config names. A new engine is one file and one line in the table in make_engine.cpp.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/options.h"
#include "model/model.h"
#include "rollout/engine.h"

namespace pope {

struct EngineConfig {
  static constexpr auto kSection = "engine";
  std::string kind = "native";  // native: in this process, on the trainer's own weights
  void fields(Options& options);
};

using MakeEngine = std::unique_ptr<Engine> (*)(const EngineConfig& config, std::shared_ptr<const Model> model,
                                               at::Device device);
// By name. A program of your own may add to it before it is used.
std::map<std::string, MakeEngine>& engines();
// Error: unknown kind (lists the known).
std::unique_ptr<Engine> make_engine(const EngineConfig& config, std::shared_ptr<const Model> model,
                                    at::Device device);

}  // namespace pope
