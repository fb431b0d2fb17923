// See problem_files.h.
#include "data/problem_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "core/chars.h"
#include "core/error.h"
#include "core/progress.h"
#include "data/format.h"

namespace pope {
namespace {

constexpr const char* kOperation = "read problems";
constexpr std::size_t kMostListed = 10, kLongest = 400;

// What is wrong with the rows of a file; the first few are kept in full.
struct BadRows {
  std::size_t count = 0;
  std::vector<std::string> problems;
  std::string hint;  // of the first that has one

  void add(const std::string& problem, const std::string& its_hint) {
    ++count;
    if (problems.size() < kMostListed) problems.push_back(shortened(problem, kLongest));
    if (hint.empty()) hint = its_hint;
  }

  std::string list() const {
    std::string text;
    for (const std::string& problem : problems) text += "\n  " + problem;
    if (count > problems.size()) text += fmt::format("\n  … and {} more", count - problems.size());
    return text;
  }

  [[noreturn]] void fail(const std::string& file, std::size_t rows) const {
    const std::string both = hint + (hint.empty() ? "" : "; ");
    if (count == rows) {
      throw Error(
          kOperation,
          rows == 1 ? problems[0] : fmt::format("{}: none of {} rows can be read:{}", file, rows, list()),
          hint);
    }
    if (count == 1) throw Error(kOperation, problems[0], both + "or go on without the row: --skip-bad");
    throw Error(kOperation, fmt::format("{}: {} of {} rows cannot be read:{}", file, count, rows, list()),
                both + "mend them, or go on without them: --skip-bad (problems.skip_bad=true)");
  }
};

// Ids must differ; rows without one get the file's name and their number.
class Ids {
 public:
  explicit Ids(const std::filesystem::path& path) : stem_(path.stem().string()) {}
  void check(Problem& problem, std::size_t row, const std::string& where) {
    if (problem.id.empty()) problem.id = fmt::format("{}-{}", stem_, row);
    const auto [known, fresh] = rows_.emplace(problem.id, row);
    if (fresh) return;
    throw RowError(fmt::format("{}: field \"id\": expected a new id, got \"{}\" of line {}", where,
                               problem.id, known->second),
                   "give every problem an id of its own, or leave the ids out");
  }

 private:
  std::string stem_;
  std::unordered_map<std::string, std::size_t> rows_;
};

// One line: how the rows were understood.
void log_layouts(const std::string& file, const std::map<std::string, std::size_t>& layouts,
                 std::size_t without_instructions) {
  std::string text;
  for (const auto& [read_as, rows] : layouts) {
    if (read_as.empty()) continue;
    text += (text.empty() ? "" : "; ") + read_as;
    if (layouts.size() > 1) text += fmt::format(" ({} rows)", rows);
  }
  if (text.empty()) return;
  if (without_instructions > 0)
    text += fmt::format("; instructions to the model taken off {} statements", without_instructions);
  log_line(file + " read as " + text);
}

}  // namespace

void ProblemsConfig::fields(Options& options) {
  options.section("fields", columns);
  options.add("skip_bad", skip_bad, "go on without rows that cannot be read");
}

ProblemFile read_problem_file(const std::filesystem::path& path, const ProblemsConfig& config) {
  const Content content = open_rows(path);
  ProblemFile file;
  file.format = content.format->name;
  BadRows bad;
  Ids ids(path);
  std::map<std::string, std::size_t> layouts;
  std::size_t rows = 0, without_instructions = 0;
  content.read({[&](Json&& row, std::size_t number) {
                  ++rows;
                  const std::string where = content.place(number);
                  try {
                    ReadRow read = read_row(std::move(row), where, config.columns, config.wordings);
                    ids.check(read.problem, number, where);
                    ++layouts[read.read_as];
                    without_instructions += read.without_instructions ? 1 : 0;
                    file.problems.push_back(std::move(read.problem));
                  } catch (const RowError& error) {
                    bad.add(error.problem, error.hint);
                  }
                },
                [&](std::size_t number, const std::string& problem) {
                  ++rows;
                  bad.add(content.place(number) + ": " + problem, "");
                }});
  if (rows == 0) throw Error(kOperation, content.file + ": expected at least one problem, got none");
  if (bad.count > 0 && (!config.skip_bad || file.problems.empty())) bad.fail(content.file, rows);
  log_layouts(content.file, layouts, without_instructions);
  if (bad.count > 0)
    log_line(fmt::format("{}: {} of {} rows left out (problems.skip_bad):{}", content.file, bad.count, rows,
                         bad.list()));
  file.skipped = bad.count;
  return file;
}

std::vector<Problem> read_problems(const std::filesystem::path& path, const ProblemsConfig& config) {
  return read_problem_file(path, config).problems;
}

std::vector<Problem> read_problems(const std::filesystem::path& path) { return read_problems(path, {}); }

void require_solutions(std::string_view operation, const std::vector<Problem>& problems) {
  std::vector<std::string> likely;
  for (const Problem& problem : problems) {
    if (!problem.solution.empty()) return;
    for (const std::string& candidate : solution_candidates(problem.extra)) {
      if (std::find(likely.begin(), likely.end(), candidate) == likely.end()) likely.push_back(candidate);
    }
  }
  std::string names;
  for (const std::string& name : likely) names += (names.empty() ? "" : ", ") + name;
  throw Error(std::string(operation),
              fmt::format("expected problems with solutions, got none in {}", problems.size()),
              likely.empty() ? "name their column: --set problems.fields.solution=COLUMN"
                             : fmt::format("these columns look like one: {}; say which it is: --set "
                                           "problems.fields.solution={}",
                                           names, likely[0]));
}

}  // namespace pope
