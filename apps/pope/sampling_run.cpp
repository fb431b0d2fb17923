// See sampling_run.h.
#include "pope/sampling_run.h"

#include "explore/guide.h"
#include "explore/references.h"

namespace pope {

std::vector<Problem> SamplingRun::within_context(std::vector<Problem> problems) {
  int left_out = 0;
  std::vector<Problem> kept = pope::within_context(std::move(problems), context_, &left_out);
  too_long_ += left_out;
  int leaks = 0;
  kept = without_leaks(std::move(kept), *setup_.verifier, &leaks);
  leaks_ += leaks;
  faulty_references_ += warn_of_faulty_references(kept, *setup_.verifier);
  return kept;
}

void SamplingRun::save(Json item, const std::vector<Json>& records) {
  partial_.add(std::move(item), records, setup_.engine->stats().sampled_tokens);
}

Json SamplingRun::finish(Json result) {
  result["too_long"] = too_long_;
  if (leaks_ > 0) result["leaks"] = leaks_;
  if (faulty_references_ > 0) result["faulty_references"] = faulty_references_;
  result["tokens"] = partial_.tokens();
  result["seconds"] = partial_.seconds();
  result = pope::finish(run_, std::move(result));
  partial_.remove();
  return result;
}

}  // namespace pope
