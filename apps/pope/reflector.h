// Who rewrites templates beside the model that is prompted or trained: another model, or a list of texts.
#pragma once

#include <memory>
#include <string>

#include "evolve/problem_adapter.h"
#include "pope/settings.h"

namespace pope {

// A message goes to it as it is.
PromptConfig reflection_prompts(PromptConfig config);
SamplingConfig reflection_sampling(const Settings& settings);

// The model `path`, its weights frozen, sampled by the engine of the section reflector; or, of a file *.txt,
// evolve/proposal_list.h.
std::shared_ptr<const ReflectionModel> load_reflector(const Settings& settings, const std::string& path);

}  // namespace pope
