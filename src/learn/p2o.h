// P²O (arXiv:2603.21877): training goes in epochs, each problem once. Between two epochs templates evolve on
// the problems that were hard in the first (GEPA, evolve/evolve.h), and in the second these are sampled under
// them, each rollout of a group under a template of its own. With objective.context_distillation all are
// trained under the bare problem. What the paper leaves open is as in its authors' code; docs/methods.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "evolve/evolve.h"
#include "learn/config.h"
#include "learn/curriculum.h"

namespace pope {

// Whether a problem with `correct` right rollouts is hard in the next epoch: none, or, where near-hard ones
// count, one.
bool is_hard(const P2oConfig& config, int correct);

struct TemplateDraws {
  std::vector<std::string> templates;             // the greedy cover of the dev set, in its order
  std::map<std::string, std::vector<int>> given;  // problem → the template of each rollout, ascending
  int solved = 0;                                 // dev problems that the cover solves
};
// Draws `rollouts` templates with replacement for each hard problem, in proportion to their mean dev scores:
// of a dev problem that the cover solves from its templates that do, of any other from the whole cover. With
// per_rollout off one template for all of a problem's rollouts. No template solves anything: no draws.
TemplateDraws draw_templates(const Evolution& evolution, const std::vector<std::string>& hard, int rollouts,
                             bool per_rollout, std::uint64_t seed);

// The curriculum. Of the sets, "unguided" has the groups without templates, "guided" those with. An epoch has
// as many steps as there are whole batches of problems; what is left over in one is left out of it.
// RUN/evolve keeps what evolutions have paid for. Error: fewer problems than train.prompts_per_step, a budget
// that does not cover a dev set, no reflection model, or several processes.
std::unique_ptr<Curriculum> make_p2o(const TrainJob& job, const Mixture& mixture,
                                     const std::filesystem::path& run);

}  // namespace pope
