// A model beside the one that is prompted or trained, which rewrites templates.
#pragma once

#include <string>

#include "evolve/problem_adapter.h"
#include "pope/setup.h"

namespace pope {

// A message goes to it as it is.
PromptConfig reflection_prompts(PromptConfig config);
SamplingConfig reflection_sampling(const Settings& settings);

// The model `path`, its weights frozen, sampled by the engine of the section reflector.
struct Reflector {
  Reflector(const Settings& settings, const std::string& path);
  Setup setup;
  ReflectionModel model;  // refers to `setup`
};

}  // namespace pope
