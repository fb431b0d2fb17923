// See verify_rows.h. Verifiers are thread-safe; graders of the user's own wait for one another in their pool.
#include "pope/verify_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "core/error.h"
#include "core/progress.h"
#include "core/threads.h"
#include "verify/grader_watch.h"

namespace pope {
namespace {

constexpr std::array<const char*, 3> kForms = {"answer", "response", "freetext"};

std::string text_field(const Json& row, const char* key, const std::string& where) {
  if (!row.contains(key))
    throw Error("verify", fmt::format("{}: expected a text \"{}\", got none", where, key));
  if (!row[key].is_string()) {
    throw Error("verify", fmt::format("{}: expected a text \"{}\", got {}", where, key, row[key].type_name()),
                "write numbers in quotes");
  }
  return row[key];
}

VerifyRow read_row(Json&& json, const std::string& where, AnswerForm form) {
  if (!json.is_object())
    throw Error("verify", fmt::format("{}: expected an object, got {}", where, json.type_name()));
  VerifyRow row;
  row.pred = text_field(json, "pred", where);
  row.problem.answer = text_field(json, "gold", where);
  row.form = json.contains("form") ? form_of(text_field(json, "form", where), where) : form;
  if (json.contains("equal") && !json["equal"].is_boolean())
    throw Error("verify", where + ": expected \"equal\" to be true or false");
  for (const auto& [key, value] : json.items()) {
    if (key == "id" && value.is_string()) {
      row.problem.id = value;
    } else if (key == "problem" && value.is_string()) {
      row.problem.statement = value;
    } else if (key != "pred" && key != "gold" && key != "form" && key != "equal") {
      row.problem.extra[key] = value;
    }
  }
  row.json = std::move(json);
  return row;
}

}  // namespace

std::vector<std::string> answer_forms() { return {kForms.begin(), kForms.end()}; }

AnswerForm form_of(const std::string& name, const std::string& where) {
  for (std::size_t i = 0; i < kForms.size(); ++i)
    if (name == kForms[i]) return static_cast<AnswerForm>(i);
  throw Error("verify", where + ": expected form answer, response or freetext, got \"" + name + "\"");
}

std::vector<VerifyRow> read_rows(const std::string& file, AnswerForm form) {
  std::vector<VerifyRow> rows;
  read_jsonl(file, [&](Json&& json, std::size_t line) {
    rows.push_back(read_row(std::move(json), fmt::format("{}:{}", file, line), form));
    rows.back().line = line;
  });
  if (rows.empty()) throw Error("verify", file + ": no rows");
  return rows;
}

void grade_rows(std::vector<VerifyRow>& rows, const Settings& settings) {
  std::array<std::unique_ptr<Verifier>, kForms.size()> verifiers;
  for (std::size_t i = 0; i < kForms.size(); ++i)
    verifiers[i] = make_verifier(settings.verify, static_cast<AnswerForm>(i));
  const int waiting = verifiers[0]->parallel();
  const int asked =
      settings.run.threads > 0 ? settings.run.threads : static_cast<int>(std::thread::hardware_concurrency());
  const int count = waiting > 0 ? waiting : std::max(1, asked);

  Progress progress("verify", static_cast<double>(rows.size()));
  GraderWatch graders;
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&](bool shows) {
    try {
      for (std::size_t i = next++; i < rows.size(); i = next++) {
        VerifyRow& row = rows[i];
        row.verdict = verifiers[static_cast<std::size_t>(row.form)]->verify(row.problem, row.pred);
        graders.add(std::to_string(row.line), row.verdict, waiting > 0);
        if (shows) progress.update(static_cast<double>(i));
      }
    } catch (...) {  // an exception must not leave a thread
      next = rows.size();
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> threads;
    start_threads(
        threads, count - 1, [&] { work(false); }, [&] { next = rows.size(); });
    work(true);
  }
  if (failure) std::rethrow_exception(failure);
  if (const std::string warning = graders.summary(); !warning.empty()) log_line(warning);
}

}  // namespace pope
