// The one list of sections: all settings of all verbs.
#include "pope/settings.h"

namespace pope {

void Settings::declare(Options& options) {
  options.section(run);
  options.section(paths);
  options.section(problems);
  options.section(prompt);
  options.section(verify);
  options.section(check);
  options.section(engine);
  options.section(sampling);
  options.section(source);
  options.section(mine);
  options.section(guide);
  options.section(collect);
  options.section(evolve);
  options.section("reflector", reflector);
  options.section(pairs);
  options.section(mixture);
  options.section(objective);
  options.section(optimizer);
  options.section(lora);
  options.section(train);
  options.section(async);
  options.section(p2o);
  options.section(adaptive);
  options.section(search);
  options.section(retire);
  options.section(vote);
  options.section(sft);
  options.section(metrics);
  options.section(eval);
  options.section(report);
  options.section(reproduce);
  options.section(watch);
  options.section(serve);
  options.section(exporting);
  options.section(plan);
  options.section(agent);
}

}  // namespace pope
