// Problems as values and in our own JSON form. No field is dropped. Reading files is problem_files.cpp's
// matter.
#include "data/problem.h"

#include <string_view>

#include "data/columns.h"

namespace pope {
namespace {

Json to_json(const Guidance& guidance) {
  Json row = {{"kind", guidance.kind},         {"text", guidance.text},
              {"fraction", guidance.fraction}, {"instruction", guidance.instruction},
              {"samples", guidance.samples},   {"correct", guidance.correct}};
  if (guidance.fallback) row["fallback"] = true;
  if (guidance.ungraded > 0) row["ungraded"] = guidance.ungraded;
  row.update(guidance.extra);
  return row;
}

}  // namespace

Problem problem_from_json(Json&& row, const std::string& where) {
  return read_row(std::move(row), where, {}).problem;
}

Json to_json(const Problem& problem) {
  Json row = {{"id", problem.id},         {"problem", problem.statement},
              {"answer", problem.answer}, {"solution", problem.solution},
              {"source", problem.source}, {"level", problem.level ? Json(*problem.level) : Json(nullptr)}};
  if (problem.guidance) row["guidance"] = to_json(*problem.guidance);
  row.update(problem.extra);
  return row;
}

void write_problems(const std::filesystem::path& path, const std::vector<Problem>& problems) {
  std::vector<Json> rows;
  rows.reserve(problems.size());
  for (const Problem& problem : problems) rows.push_back(to_json(problem));
  write_jsonl(path, rows);
}

}  // namespace pope
