// pope export jsonl: the prompt sets as plain rows, for a trainer that has no format of its own here.
#include "export/export.h"
#include "export/reward_file.h"

namespace pope {
namespace {

std::vector<Json> plain_rows(const std::vector<ExportRow>& rows) {
  std::vector<Json> plain;
  for (const ExportRow& row : rows)
    plain.push_back({{"id", row.id},
                     {"set", row.set},
                     {"guided", row.guided},
                     {"prompt", row.messages},
                     {"answer", row.answer},
                     {"privileged_context", row.guidance},
                     {"grading", row.grading}});
  return plain;
}

ExportFiles make_jsonl(const ExportJob& job, const ExportSets& sets) {
  ExportFiles files;
  for (const ExportSet& set : sets.sets) files.rows[set.name] = plain_rows(set.rows);
  for (const ExportSet& set : sets.eval) files.rows["eval-" + set.name] = plain_rows(set.rows);
  files.rows["mixture"] = plain_rows(sets.mixture);
  files.texts[kRewardFile] = reward_file(job);
  return files;
}

}  // namespace

const ExportFormat jsonl_format = {.summary = "prompts as messages, reference answers, the reward",
                                   .trains = false,
                                   .parquet = true,
                                   .make = make_jsonl};

}  // namespace pope
