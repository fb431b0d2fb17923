// The runs of `pope evolve`: their candidates, what was proposed, what it cost. Also of runs that go on.
#pragma once

#include <vector>

#include "report/run_data.h"

namespace pope {

// [{run, complete, ended, dev: [id], budget, metric_calls, iterations, reflections, rollout_tokens,
//   reflection_tokens, reflection_prompt_tokens, outcomes: {name: count}, cover: [candidate],
//   candidates: [{candidate, parents, component, texts, mean, scores, wins, weight, iteration,
//   metric_calls}], proposals: [{iteration, parents, component, instances, before, after, outcome, note,
//   candidate, reply}]}]
// scores: in the order of dev. wins: places in dev where the score is above 0 and no candidate's is higher.
// A count that is not known yet is null. Long texts and replies are without their middle. Rows that are
// damaged are noted in run.notes; with a damaged candidate those after it are left out, too.
Json build_evolving(std::vector<RunData>& runs);

}  // namespace pope
