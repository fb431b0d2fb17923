// The table of engines.
#include "rollout/make_engine.h"

#include "core/error.h"
#include "model/graphs.h"
#include "rollout/native_engine.h"

namespace pope {
namespace {

std::unique_ptr<Engine> make_native(std::shared_ptr<const Model> model, at::Device device) {
  return std::make_unique<NativeEngine>(std::move(model), make_graph_recorder(device));
}

}  // namespace

std::map<std::string, MakeEngine>& engines() {
  static std::map<std::string, MakeEngine> table = {{"native", make_native}};
  return table;
}

void EngineConfig::fields(Options& options) {
  options.add("kind", kind, "who samples: native (in this process, on the trainer's own weights)");
}

std::unique_ptr<Engine> make_engine(const EngineConfig& config, std::shared_ptr<const Model> model,
                                    at::Device device) {
  const auto found = engines().find(config.kind);
  if (found != engines().end()) return found->second(std::move(model), device);
  std::string known;
  for (const auto& [name, make] : engines()) known += (known.empty() ? "" : ", ") + name;
  throw Error("engine", "expected one of " + known + ", got '" + config.kind + "'", "set engine.kind");
}

}  // namespace pope
