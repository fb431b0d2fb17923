// The mixture: which prompt sets a training batch draws from, in which ratio. Stateless: what a step draws is
// a function of (seed, step, prompts) alone, so resuming needs no data position.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/options.h"
#include "data/problem.h"

namespace pope {

struct MixtureConfig {
  static constexpr auto kSection = "mixture";
  double unguided = 1;  // hard problems as they are
  double guided = 1;    // the same problems with guidance
  double easy = 0;      // the easy set
  int easy_count = 0;   // of its file the first so many problems; 0 = all
  void fields(Options& options);
  void check_together() const;
};

// Error: `prompts` a step are so few that a set with a weight gets none.
void check_shares(const MixtureConfig& config, int prompts);

// A prompt set: problems, and whether their guidance is shown.
struct PromptSet {
  std::string name;  // "unguided", "guided", "easy": the key of its metrics
  bool guided = false;
  std::vector<Problem> problems;  // with guidance in the guided set, without in the others
};

struct PromptDraw {
  const PromptSet* set;  // into the mixture, which must outlive the draw
  const Problem* problem;
};

class Mixture {
 public:
  // Sets whose weight is 0 are left out. Problems without guidance are left out of the guided set (and
  // counted in `without_guidance`). Error: nothing left, or a positive weight on an empty set.
  Mixture(const MixtureConfig& config, const std::vector<Problem>& hard, const std::vector<Problem>& easy,
          std::uint64_t seed);

  // The prompts of one step: `prompts` split over the sets by weight (largest remainder, ties to the earlier
  // set; alike in every step), each set walked in a fresh random order per epoch. With the same `prompts` in
  // all steps every problem of a set comes once per epoch. Error: so few prompts that a set gets none.
  std::vector<PromptDraw> draw(std::int64_t step, int prompts) const;
  const std::vector<PromptSet>& sets() const { return sets_; }
  // Hard problems left out of the guided set; 0 when that set has weight 0.
  int without_guidance() const { return without_guidance_; }

 private:
  std::vector<PromptSet> sets_;
  std::vector<double> weights_;
  std::uint64_t seed_;
  int without_guidance_ = 0;
};

}  // namespace pope
