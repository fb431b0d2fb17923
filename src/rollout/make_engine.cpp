// The table of engines.
#include "rollout/make_engine.h"

#include "core/nearest.h"
#include "model/graphs.h"
#include "rollout/native_engine.h"

namespace pope {
namespace {

std::unique_ptr<Engine> make_native(const EngineConfig&, const EngineParts& parts) {
  std::shared_ptr<const Model> model = parts.model();
  const at::Device device = model->device();
  return std::make_unique<NativeEngine>(std::move(model), make_graph_recorder(device));
}

}  // namespace

std::map<std::string, MakeEngine>& engines() {
  static std::map<std::string, MakeEngine> table = {{"native", make_native}};
  return table;
}

void EngineConfig::fields(Options& options) {
  options.add("kind", kind, "who samples; native: this process, on the trainer's own weights")
      .choices(names_of(engines()));
}

std::unique_ptr<Engine> make_engine(const EngineConfig& config, const EngineParts& parts) {
  check(config);
  return engines().at(config.kind)(config, parts);
}

}  // namespace pope
