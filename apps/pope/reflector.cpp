// See reflector.h.
#include "pope/reflector.h"

#include "evolve/proposal_list.h"
#include "pope/setup.h"

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

// A reflection model, and what it refers to.
struct OfModel {
  OfModel(const Settings& settings, const std::string& path)
      : setup(settings_of(settings, path), Weights::frozen),
        model{*setup.engine, *setup.prompts, setup.stop_tokens, reflection_sampling(settings)} {}
  Setup setup;
  ReflectionModel model;
};

struct OfList {
  explicit OfList(const std::string& path) : list(read_proposals(path)), model(list.model()) {}
  ProposalList list;
  ReflectionModel model;
};

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

std::shared_ptr<const ReflectionModel> load_reflector(const Settings& settings, const std::string& path) {
  if (is_proposal_list(path)) {
    const auto list = std::make_shared<OfList>(path);
    return {list, &list->model};
  }
  const auto loaded = std::make_shared<OfModel>(settings, path);
  return {loaded, &loaded->model};
}

}  // namespace pope
