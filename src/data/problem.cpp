// Problem files in and out. Every error names file, line and field; no field is dropped.
#include "data/problem.h"

#include <fmt/format.h>

#include <cmath>
#include <string_view>
#include <unordered_map>

#include "core/error.h"

namespace pope {
namespace {

constexpr const char* kOperation = "read problems";
constexpr const char* kSpace = " \t\r\n\v\f";

std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(kSpace) - first + 1));
}

// Takes known fields out of a JSON object; what is left at the end is `extra`.
class Fields {
 public:
  Fields(Json&& row, std::string where) : row_(std::move(row)), where_(std::move(where)) {
    if (!row_.is_object())
      throw Error(kOperation, fmt::format("{}: expected a JSON object, got {}", where_, row_.type_name()));
  }

  [[noreturn]] void fail(const char* field, const std::string& message, const std::string& hint = "") const {
    throw Error(kOperation, fmt::format("{}: field \"{}\": {}", where_, field, message), hint);
  }

  bool has(const char* field) const { return row_.contains(field); }

  // The field's value, removed from the row; null when it is absent.
  Json take(const char* field) {
    const auto found = row_.find(field);
    if (found == row_.end()) return nullptr;
    Json value = std::move(*found);
    row_.erase(found);
    return value;
  }

  std::string text(const char* field) {
    const Json value = take(field);
    if (value.is_null()) return "";
    if (!value.is_string()) fail(field, fmt::format("expected a string, got {}", value.type_name()));
    return value.get<std::string>();
  }

  std::string required_text(const char* field) {
    if (!has(field)) fail(field, "expected a string, got nothing");
    const std::string value = text(field);
    if (trimmed(value).empty()) fail(field, "expected some text, got an empty string");
    return value;
  }

  std::optional<double> number(const char* field) {
    const Json value = take(field);
    if (value.is_null()) return std::nullopt;
    if (!value.is_number()) fail(field, fmt::format("expected a number or null, got {}", value.type_name()));
    return value.get<double>();
  }

  int count(const char* field) {
    const std::optional<double> value = number(field);
    if (!value) return 0;
    if (*value < 0 || *value > 1e9 || *value != std::floor(*value))
      fail(field, fmt::format("expected a whole number from 0, got {}", *value));
    return static_cast<int>(*value);
  }

  bool truth(const char* field) {
    const Json value = take(field);
    if (value.is_null()) return false;
    if (!value.is_boolean()) fail(field, fmt::format("expected true or false, got {}", value.type_name()));
    return value.get<bool>();
  }

  // An id or an answer: a string, or a number that is written as its digits.
  std::string text_or_number(const char* field) {
    const Json value = take(field);
    if (value.is_null()) return "";
    if (value.is_string()) return value.get<std::string>();
    if (!value.is_number())
      fail(field, fmt::format("expected a string or a number, got {}", value.type_name()));
    if (value.is_number_float() && std::abs(value.get<double>()) >= 9007199254740992.0)  // 2^53
      fail(field, "expected a number that 64 bits hold exactly", "write it as a string, in quotes");
    return dump(value);
  }

  Json rest() { return std::move(row_); }

 private:
  Json row_;
  std::string where_;
};

Guidance guidance_from_json(Json&& value, const std::string& where) {
  Fields fields(std::move(value), where + ": field \"guidance\"");
  Guidance guidance;
  if (fields.has("kind")) guidance.kind = fields.required_text("kind");
  guidance.text = fields.required_text("text");
  guidance.fraction = fields.number("fraction").value_or(0);
  guidance.instruction = fields.text("instruction");
  if (guidance.instruction != "" && guidance.instruction != "default" && guidance.instruction != "silent")
    fields.fail("instruction",
                fmt::format("expected \"default\", \"silent\" or \"\", got \"{}\"", guidance.instruction));
  guidance.samples = fields.count("samples");
  guidance.correct = fields.count("correct");
  guidance.undecided = fields.count("undecided");
  guidance.fallback = fields.truth("fallback");
  guidance.extra = fields.rest();
  return guidance;
}

Json to_json(const Guidance& guidance) {
  Json row = {{"kind", guidance.kind},         {"text", guidance.text},
              {"fraction", guidance.fraction}, {"instruction", guidance.instruction},
              {"samples", guidance.samples},   {"correct", guidance.correct}};
  if (guidance.fallback) row["fallback"] = true;
  if (guidance.undecided > 0) row["undecided"] = guidance.undecided;
  row.update(guidance.extra);
  return row;
}

// The length of a calculator mark "<<expression=number>>" at the start of `text`, 0 when there is none.
// Other uses of "<<" (a shift, a stream, "much less") stay.
std::size_t calculator_mark(std::string_view text) {
  constexpr std::string_view allowed = "0123456789+-*/().%$, =";
  const std::size_t end = text.find_first_not_of(allowed, 2);
  if (end == std::string_view::npos || text.substr(end, 2) != ">>") return 0;
  const std::string_view inside = text.substr(2, end - 2);
  const std::size_t equals = inside.rfind('=');
  if (equals == std::string_view::npos || equals == 0 || inside.front() == ' ' || inside.back() == ' ')
    return 0;
  return inside.find_first_of("0123456789", equals) == std::string_view::npos ? 0 : end + 2;
}

std::string without_calculator_marks(std::string_view solution) {
  std::string out;
  std::size_t at = 0;
  while (true) {
    const std::size_t mark = solution.find("<<", at);
    out += solution.substr(at, mark - at);
    if (mark == std::string_view::npos) return out;
    const std::size_t length = calculator_mark(solution.substr(mark));
    if (length == 0) out += solution[mark];
    at = mark + std::max<std::size_t>(length, 1);
  }
}

}  // namespace

Problem problem_from_json(Json&& row, const std::string& where) {
  Fields fields(std::move(row), where);
  Problem problem;
  problem.id = fields.text_or_number("id");
  const bool published = !fields.has("problem") && fields.has("question");  // GSM8K as its authors publish it
  problem.statement = fields.required_text(published ? "question" : "problem");
  if (!fields.has("answer")) fields.fail("answer", "expected the reference answer, got nothing");
  problem.answer = fields.text_or_number("answer");
  problem.solution = fields.text("solution");
  const std::size_t mark = published ? problem.answer.rfind("####") : std::string::npos;
  if (mark != std::string::npos) {
    if (problem.solution.empty())
      problem.solution = trimmed(std::string_view(problem.answer).substr(0, mark));
    problem.answer = trimmed(std::string_view(problem.answer).substr(mark + 4));
  }
  if (trimmed(problem.answer).empty())
    fields.fail("answer", "expected the reference answer, got an empty one");
  problem.solution = without_calculator_marks(problem.solution);
  problem.source = fields.text("source");
  problem.level = fields.number("level");
  if (Json guidance = fields.take("guidance"); !guidance.is_null())
    problem.guidance = guidance_from_json(std::move(guidance), where);
  problem.extra = fields.rest();
  return problem;
}

Json to_json(const Problem& problem) {
  Json row = {{"id", problem.id},         {"problem", problem.statement},
              {"answer", problem.answer}, {"solution", problem.solution},
              {"source", problem.source}, {"level", problem.level ? Json(*problem.level) : Json(nullptr)}};
  if (problem.guidance) row["guidance"] = to_json(*problem.guidance);
  row.update(problem.extra);
  return row;
}

std::vector<Problem> read_problems(const std::filesystem::path& path) {
  std::vector<Problem> problems;
  std::unordered_map<std::string, std::size_t> lines;  // of each id
  read_jsonl(path, [&](Json&& row, std::size_t line) {
    const std::string where = fmt::format("{}:{}", path.string(), line);
    Problem problem = problem_from_json(std::move(row), where);
    if (problem.id.empty()) problem.id = fmt::format("{}-{}", path.stem().string(), line);
    const auto [known, fresh] = lines.emplace(problem.id, line);
    if (!fresh)
      throw Error(kOperation,
                  fmt::format("{}: field \"id\": expected a new id, got \"{}\" of line {}", where, problem.id,
                              known->second),
                  "give every problem an id of its own, or leave the ids out");
    problems.push_back(std::move(problem));
  });
  if (problems.empty()) throw Error(kOperation, path.string() + ": expected at least one problem, got none");
  return problems;
}

void write_problems(const std::filesystem::path& path, const std::vector<Problem>& problems) {
  std::vector<Json> rows;
  rows.reserve(problems.size());
  for (const Problem& problem : problems) rows.push_back(to_json(problem));
  write_jsonl(path, rows);
}

}  // namespace pope
