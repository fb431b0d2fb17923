// What the verbs that sample share (mine, guide, collect, eval): a run whose items are saved as they finish,
// so that it goes on where it was killed.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "core/interrupt.h"
#include "core/partial.h"
#include "pope/setup.h"
#include "pope/verb.h"

namespace pope {

class SamplingRun {
 public:
  SamplingRun(const Settings& settings, RunDir& run, const std::string& items)
      : setup_(settings, Weights::frozen),
        context_(setup_.context(settings)),
        run_(run),
        items_(items),
        partial_(run.path(), items) {}

  const RolloutContext& context() const { return context_; }
  const std::filesystem::path& path() const { return run_.path(); }
  // within_context() and warn_of_faulty_references(); without_leaks() for those who show the guidance of the
  // file. Their counts go into the result.
  std::vector<Problem> within_context(std::vector<Problem> problems);
  std::vector<Problem> without_leaks(std::vector<Problem> problems);
  // Items finished before, and the saving of one more with its records.
  const std::vector<Json>& done() const { return partial_.done(); }
  void save(Json item, const std::vector<Json>& records);
  // How many there are now.
  std::size_t finished() const { return partial_.done().size() + saved_; }
  std::int64_t tokens() const { return partial_.tokens(); }
  // Adds "too_long", "faulty_reference" and "leaks" where there are such, "tokens", "seconds" and writes the
  // result: the run is complete.
  Json finish(Json result);

 private:
  Setup setup_;
  RolloutContext context_;
  RunDir& run_;
  const std::string items_;
  PartialResults partial_;
  std::size_t saved_ = 0;
  int too_long_ = 0, leaks_ = 0, faulty_references_ = 0;
};

// Opens the verb's run, whose finished items are called `items`. Where it is complete: its result. Else reads
// the input before the model is loaded, and does the work, whose result gets the common head and end.
// `again`, where there is one, brings the result of a complete run in line with settings that may differ.
template <class Input>
Json sampling_verb(const Invocation& invocation, std::string_view verb, const std::string& items,
                   Input (*read)(const Settings&), Json (*work)(SamplingRun&, const Settings&, Input),
                   Json (*again)(RunDir&, const Invocation&, Json result) = nullptr) {
  RunDir run = open_run(invocation, verb);
  if (const auto stored = complete_result(run)) {
    PartialResults::remove(run.path(), items);  // killed right after it was complete
    return again != nullptr ? again(run, invocation, *stored) : *stored;
  }
  Input input = read(invocation.settings);
  SamplingRun sampling(invocation.settings, run, items);
  Json result = result_head(invocation.settings, verb);
  const CatchInterrupts catch_interrupts;
  try {
    result.update(work(sampling, invocation.settings, std::move(input)));
  } catch (const Interrupted&) {
    throw Interrupted(fmt::format("with {} finished and kept", sampling.finished()));
  }
  return sampling.finish(std::move(result));
}

}  // namespace pope
