// See sampling_run.h.
#include "pope/sampling_run.h"

#include "core/progress.h"
#include "explore/guide.h"
#include "explore/references.h"

namespace pope {

std::vector<Problem> SamplingRun::within_context(std::vector<Problem> problems) {
  int left_out = 0;
  problems = pope::within_context(std::move(problems), context_, &left_out);
  too_long_ += left_out;
  faulty_references_ += warn_of_faulty_references(problems, *setup_.verifier);
  return problems;
}

std::vector<Problem> SamplingRun::without_leaks(std::vector<Problem> problems) {
  int leaks = 0;
  problems = pope::without_leaks(std::move(problems), *setup_.verifier, &leaks);
  leaks_ += leaks;
  return problems;
}

void SamplingRun::save(Json item, const std::vector<Json>& records) {
  run_.require_in_place();
  ++saved_;
  partial_.add(std::move(item), records, setup_.engine->stats().sampled_tokens);
}

Json SamplingRun::finish(Json result) {
  if (const std::string warning = context_.graders->summary(); !warning.empty()) log_line(warning);
  result["too_long"] = too_long_;
  if (leaks_ > 0) result["leaks"] = leaks_;
  if (faulty_references_ > 0) result["faulty_reference"] = faulty_references_;
  result["tokens"] = partial_.tokens();
  result["seconds"] = partial_.seconds();
  result = pope::finish(run_, std::move(result));
  PartialResults::remove(run_.path(), items_);
  return result;
}

}  // namespace pope
