// What a training step writes to metrics.jsonl; core/metrics.h declares each key.
#pragma once

#include <vector>

#include "learn/learner.h"
#include "rollout/publishing_engine.h"

namespace pope {

// Metrics of what was sampled (reward/SET …, groups/…) and of what was learned; docs/metrics.md defines each.
void add_group_metrics(const TrainJob& job, const std::vector<PromptSet>& sets,
                       const std::vector<Group>& groups, Json& row);
void add_learn_metrics(const TrainJob& job, const LearnResult& result, Json& row);
void add_seconds(const StageSeconds& seconds, double wall, Json& row);
// Samples the eval sets under fixed random streams: eval/NAME/unguided/pass@1 …
void add_eval_metrics(const TrainJob& job, Json& row);

// What was published since the row before.
void add_publish_metrics(const PublishStats& before, const PublishStats& now, Json& row);

}  // namespace pope
