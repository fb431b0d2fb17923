// Guiding: per problem the first guidance of a source (guidance_source.h) under which the base model
// succeeds. With prefixes of the oracle solution this is the prefix search of Sec. 4, arXiv:2601.18779. No
// guidance states the reference answer (leak guard), and each leaves room for the completion.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/problem.h"
#include "explore/guidance_source.h"
#include "explore/sampling.h"

namespace pope {

struct GuideResult {
  std::vector<Problem> problems;  // those that got guidance, in the order given
  int without_solution = 0;       // skipped and counted
  int without_prefix = 0;         // no guidance possible, or none worked and no fall-back: counted
  int found = 0;                  // guidance was found under which the model succeeds
  int fallback = 0;               // none worked: the source's fall-back
  int without_candidate = 0;      // of these: there was none to try, such as in a solution of one step
  int unsampled = 0;              // guidance without search (GuidanceSource::unsampled)
  int ungraded = 0;               // rollouts that the verifier could not judge; they count as failures
  int leaks_prevented = 0;        // candidates dropped by the leak guard
  std::int64_t tokens = 0;        // sampled by this call
};

// `done`, `on_finished`: as in mine(). A candidate is tried only when all before it failed. on_finished gets
// nullopt guidance for skipped problems. Guidance that was not sampled has samples = 0.
GuideResult guide(const RolloutContext& context, const GuideConfig& config,
                  const std::vector<Problem>& problems, const std::vector<Problem>& done,
                  const std::function<void(const Problem&, const std::vector<Json>&)>& on_finished);

// The leak guard for guidance that was read from a file: where it states the reference answer it is left out,
// named on stderr, and counted in `leaks` when given. The problems stay.
std::vector<Problem> without_leaks(std::vector<Problem> problems, const Verifier& verifier,
                                   int* leaks = nullptr);

// {"guided", "found", "fallback", "without_candidate", "unsampled", "ungraded", "without_solution",
// "without_prefix", "leaks_prevented", "tokens", "fractions": […]}: the summary that a guiding run leaves and
// the report shows.
Json to_json(const GuideResult& result);

}  // namespace pope
