// See reflector.h.
#include "pope/reflector.h"

namespace pope {
namespace {

Settings settings_of(const Settings& settings, const std::string& path) {
  Settings other = settings;
  other.paths.model = path;
  other.engine = settings.reflector;
  other.prompt = reflection_prompts(settings.prompt);
  other.verify = VerifyConfig();
  return other;
}

}  // namespace

PromptConfig reflection_prompts(PromptConfig config) {
  const PromptConfig defaults;
  config.unguided = "{problem}";
  config.system = defaults.system;
  config.instruction = defaults.instruction;
  config.guidance_in = defaults.guidance_in;
  config.wordings.clear();
  return config;
}

SamplingConfig reflection_sampling(const Settings& settings) {
  return {.temperature = settings.evolve.reflection_temperature,
          .max_new_tokens = settings.evolve.reflection_tokens,
          .batch_size = settings.sampling.batch_size};
}

Reflector::Reflector(const Settings& settings, const std::string& path)
    : setup(settings_of(settings, path), Weights::frozen),
      model{*setup.engine, *setup.prompts, setup.stop_tokens, reflection_sampling(settings)} {}

}  // namespace pope
