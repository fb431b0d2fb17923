// See verify_rows.h. Verifiers are thread-safe; graders of the user's own wait for one another in their pool.
#include "pope/verify_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "core/chars.h"
#include "core/error.h"
#include "core/json_text.h"
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
    } else if (key == "guidance" && value.is_string()) {
      row.problem.guidance = Guidance{.text = value, .continues = true};
    } else if (key != "pred" && key != "gold" && key != "form" && key != "equal") {
      row.problem.extra[key] = value;
    }
  }
  row.json = std::move(json);
  return row;
}

std::array<std::unique_ptr<Verifier>, kForms.size()> verifiers_of(const Settings& settings) {
  std::array<std::unique_ptr<Verifier>, kForms.size()> verifiers;
  for (std::size_t i = 0; i < kForms.size(); ++i)
    verifiers[i] = make_verifier(settings.verify, static_cast<AnswerForm>(i));
  return verifiers;
}

// The next line without its end; false at the end of `in`.
bool read_line(std::FILE* in, std::string& line) {
  char* buffer = nullptr;
  std::size_t room = 0;
  const ::ssize_t length = ::getline(&buffer, &room, in);
  if (length > 0) line.assign(buffer, static_cast<std::size_t>(length));
  std::free(buffer);
  return length > 0;
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
  const auto verifiers = verifiers_of(settings);
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

Json verdict_json(const Verdict& verdict) {
  return {{"correct", verdict.correct},         {"undecided", verdict.ungraded},
          {"extracted", verdict.extracted},     {"gold_form", verdict.gold_form},
          {"answer_form", verdict.answer_form}, {"reason", verdict.reason}};
}

std::size_t grade_stream(std::FILE* in, std::FILE* out, const Settings& settings) {
  const auto verifiers = verifiers_of(settings);
  const AnswerForm form = form_of(settings.check.form, "--form");
  const bool asks = verifiers[0]->parallel() > 0;
  GraderWatch graders;
  std::size_t rows = 0, number = 0;
  for (std::string line; read_line(in, line);) {
    ++number;
    if (trim(line).empty()) continue;
    ++rows;
    Json reply = Json::object();
    ParsedJson parsed = parse_foreign_json(line);
    if (parsed.problem.empty() && parsed.value.is_object() && parsed.value.contains("id"))
      reply["id"] = parsed.value["id"];
    std::optional<Verdict> verdict;
    try {
      const std::string where = fmt::format("line {}", number);
      if (!parsed.problem.empty())
        throw Error("verify", where + ": expected one JSON value: " + parsed.problem);
      const VerifyRow row = read_row(std::move(parsed.value), where, form);
      verdict = verifiers[static_cast<std::size_t>(row.form)]->verify(row.problem, row.pred);
    } catch (const Error& error) {
      reply["error"] = error.what();
    }
    if (verdict) {
      graders.add(std::to_string(number), *verdict, asks);
      reply.update(verdict_json(*verdict));
    }
    const std::string text = dump(reply) + "\n";
    if (std::fwrite(text.data(), 1, text.size(), out) != text.size() || std::fflush(out) != 0)
      throw Error("verify", "cannot write to stdout");
  }
  return rows;
}

}  // namespace pope
