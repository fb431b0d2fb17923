// What the columns of a problem file mean. Files of other programs are recognised by the names of their
// columns (docs/formats.md has the table); settings can name columns instead.
#pragma once

#include <string>
#include <vector>

#include "core/options.h"
#include "data/fields.h"
#include "data/problem.h"

namespace pope {

// Where the parts of a problem stand: dotted paths such as prompt.0.content. "": as recognised.
struct Columns {
  std::string problem, answer, solution, id, source, level;
  void fields(Options& options);
};

// A row as a problem, and how it was understood.
struct ReadRow {
  Problem problem;
  std::string
      read_as;  // "verl: problem from prompt, answer from reward_model.ground_truth"; "" = our own form
  bool without_instructions = false;  // instructions to the model were taken off the statement
};

// `where` = "FILE:LINE". A row without id gives a problem with an empty id. `wordings`: those that guidance
// may name; empty: any. Throws RowError.
ReadRow read_row(Json&& row, const std::string& where, const Columns& columns,
                 const std::vector<std::string>& wordings = {});

// Fields of `extra` that look like a solution, as paths for problems.fields.solution.
std::vector<std::string> solution_candidates(const Json& extra);

}  // namespace pope
