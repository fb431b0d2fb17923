// Reading problem files: any format of format.h, any columns of columns.h. Bad rows are all found before the
// first is complained of, and can be left out.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/options.h"
#include "data/columns.h"
#include "data/problem.h"
#include "text/wording.h"

namespace pope {

struct ProblemsConfig {
  static constexpr auto kSection = "problems";
  Columns columns;
  // No setting: the wordings that guidance may name (PromptConfig::all_wordings). Empty: any.
  std::vector<std::string> wordings = built_in_wording_names();
  bool skip_bad = false;
  void fields(Options& options);
};

struct ProblemFile {
  std::vector<Problem> problems;
  std::string format;       // "JSON Lines", …
  std::size_t skipped = 0;  // bad rows that were left out
};

// Says on stderr how the columns were understood where they are not our own form's, and which rows were left
// out. Rows without id get "FILESTEM-LINE". Errors name file, line and field: malformed JSON, a missing or
// mistyped field, an empty statement, a duplicate id, a file without problems; without skip_bad any bad row.
ProblemFile read_problem_file(const std::filesystem::path& path, const ProblemsConfig& config);
std::vector<Problem> read_problems(const std::filesystem::path& path, const ProblemsConfig& config);

// Error where no problem has a solution, naming the columns that look like one. `operation` is what needs
// them.
void require_solutions(std::string_view operation, const std::vector<Problem>& problems);

}  // namespace pope
