// pope verify: is this answer right? One pair from the command line, or a file of rows.
#include <fmt/format.h>

#include <array>
#include <atomic>
#include <chrono>
#include <thread>

#include "core/error.h"
#include "pope/table.h"
#include "pope/verb.h"
#include "verify/verifier.h"

namespace pope {
namespace {

constexpr std::array<const char*, 3> kForms = {"answer", "response", "freetext"};

AnswerForm form_of(const std::string& name, const std::string& where) {
  for (std::size_t i = 0; i < kForms.size(); ++i)
    if (name == kForms[i]) return static_cast<AnswerForm>(i);
  throw Error("verify", where + ": expected form answer, response or freetext, got \"" + name + "\"");
}

struct Row {
  Json json;
  std::size_t line;
  AnswerForm form;
  Problem problem;
  std::string pred;
  Verdict verdict;
};

std::string text_field(const Json& row, const char* key, const std::string& where) {
  if (!row.is_object() || !row.contains(key) || !row[key].is_string())
    throw Error("verify", fmt::format("{}: expected a text \"{}\"", where, key));
  return row[key];
}

std::vector<Row> read_rows(const std::string& file) {
  std::vector<Row> rows;
  read_jsonl(file, [&](Json&& json, std::size_t line) {
    const std::string where = fmt::format("{}:{}", file, line);
    Row row{.line = line, .pred = text_field(json, "pred", where)};
    row.problem.answer = text_field(json, "gold", where);
    if (json.contains("id") && json["id"].is_string()) row.problem.id = json["id"];
    if (json.contains("problem") && json["problem"].is_string()) row.problem.statement = json["problem"];
    row.form = form_of(json.contains("form") ? text_field(json, "form", where) : "answer", where);
    if (json.contains("equal") && !json["equal"].is_boolean())
      throw Error("verify", where + ": expected \"equal\" to be true or false");
    row.json = std::move(json);
    rows.push_back(std::move(row));
  });
  if (rows.empty()) throw Error("verify", file + ": no rows");
  return rows;
}

using Verifiers = std::array<std::unique_ptr<Verifier>, kForms.size()>;

Verifiers make_verifiers(const VerifyConfig& config) {
  Verifiers verifiers;
  for (std::size_t i = 0; i < kForms.size(); ++i)
    verifiers[i] = make_verifier(config, static_cast<AnswerForm>(i));
  return verifiers;
}

// All rows, by as many threads as there are; graders of the user's own wait for one another in their pool.
void grade_rows(std::vector<Row>& rows, const Settings& settings) {
  const Verifiers verifiers = make_verifiers(settings.verify);
  const bool external = settings.verify.kind == "command" || settings.verify.kind == "http";
  const int asked =
      settings.run.threads > 0 ? settings.run.threads : static_cast<int>(std::thread::hardware_concurrency());
  const int count = external ? settings.verify.workers : std::max(1, asked);
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < rows.size(); i = next++)
      rows[i].verdict =
          verifiers[static_cast<std::size_t>(rows[i].form)]->verify(rows[i].problem, rows[i].pred);
  };
  std::vector<std::jthread> threads;
  for (int i = 1; i < count; ++i) threads.emplace_back(work);
  work();
}

Json verdict_json(const Verdict& verdict) {
  return {{"correct", verdict.correct},         {"undecided", verdict.undecided},
          {"extracted", verdict.extracted},     {"gold_form", verdict.gold_form},
          {"answer_form", verdict.answer_form}, {"reason", verdict.reason}};
}

Json run_pair(const Settings& settings) {
  if (settings.check.gold.empty() || settings.check.pred.empty())
    throw Error("verify", "expected FILE.jsonl, or --gold and --pred", "see 'pope verify --help'");
  Problem problem;
  problem.answer = settings.check.gold;
  const auto verifier = make_verifier(settings.verify, form_of(settings.check.form, "--form"));
  Json result = {{"verb", "verify"}, {"gold", settings.check.gold}, {"pred", settings.check.pred}};
  result.update(verdict_json(verifier->verify(problem, settings.check.pred)));
  return result;
}

Json run_file(const std::string& file, const Invocation& invocation) {
  std::vector<Row> rows = read_rows(file);
  const auto start = std::chrono::steady_clock::now();
  grade_rows(rows, invocation.settings);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::int64_t correct = 0, undecided = 0, agree = 0, disagree = 0;
  Json disagreements = Json::array();
  std::vector<Json> out;
  for (Row& row : rows) {
    correct += row.verdict.correct;
    undecided += row.verdict.undecided;
    if (row.json.contains("equal")) {
      const bool same = row.json["equal"] == row.verdict.correct;
      (same ? agree : disagree) += 1;
      if (!same)
        disagreements.push_back({{"line", row.line},
                                 {"id", row.problem.id},
                                 {"gold", row.problem.answer},
                                 {"extracted", row.verdict.extracted},
                                 {"equal", row.json["equal"]},
                                 {"correct", row.verdict.correct},
                                 {"reason", row.verdict.reason}});
    }
    if (!invocation.out.empty()) {
      row.json.update(verdict_json(row.verdict));
      out.push_back(std::move(row.json));
    }
  }
  if (!invocation.out.empty()) write_jsonl(invocation.out, out);
  return {{"verb", "verify"},
          {"rows", rows.size()},
          {"correct", correct},
          {"undecided", undecided},
          {"agree", agree},
          {"disagree", disagree},
          {"seconds", seconds},
          {"rows_per_second", static_cast<double>(rows.size()) / seconds},
          {"disagreements", disagreements},
          {"out", invocation.out.string()}};
}

Json run_verify(const Invocation& invocation) {
  if (invocation.arguments.empty()) return run_pair(invocation.settings);
  return run_file(invocation.arguments[0], invocation);
}

// Long texts would tear the table apart.
std::string cell(const Json& text) {
  constexpr std::size_t kWidth = 40;
  std::string out = text.get<std::string>();
  for (char& c : out)
    if (c == '\n') c = ' ';
  if (out.size() <= kWidth) return out;
  std::size_t end = kWidth - 3;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;  // not inside a character
  return out.substr(0, end) + "...";
}

std::string show_pair(const Json& result) {
  const auto text = [&](const char* key) { return result.at(key).get<std::string>(); };
  std::string out =
      fmt::format("{}: {}\n", result.at("correct") == true ? "correct" : "incorrect", text("reason"));
  out += fmt::format("  gold       {}\n", text("gold_form"));
  out += fmt::format("  answer     {}\n", text("answer_form"));
  if (text("extracted") != text("pred")) out += fmt::format("  extracted  {}\n", text("extracted"));
  return out;
}

std::string show_verify(const Json& result) {
  if (!result.contains("rows")) return show_pair(result);
  std::string out = fmt::format("{} rows: {} correct, {} undecided; {:.0f} rows per second.\n",
                                grouped(result.at("rows")), grouped(result.at("correct")),
                                grouped(result.at("undecided")), result.at("rows_per_second").get<double>());
  if (result.at("agree") != 0 || result.at("disagree") != 0)
    out += fmt::format("Labels: {} agree, {} disagree.\n", grouped(result.at("agree")),
                       grouped(result.at("disagree")));
  if (result.at("disagreements").empty()) return out;
  std::vector<std::vector<std::string>> rows = {{"line", "label", "verdict", "gold", "extracted", "reason"}};
  constexpr std::size_t kShown = 50;
  for (const Json& row : result.at("disagreements")) {
    if (rows.size() > kShown) break;
    rows.push_back({std::to_string(row.at("line").get<int>()), row.at("equal") == true ? "equal" : "unequal",
                    row.at("correct") == true ? "correct" : "incorrect", cell(row.at("gold")),
                    cell(row.at("extracted")), cell(row.at("reason"))});
  }
  out += "\n" + table(rows);
  if (const std::size_t all = result.at("disagreements").size(); all > kShown)
    out += fmt::format("... and {} more: --json and --out have them all.\n", all - kShown);
  return out;
}

}  // namespace

const Verb verify_verb = {
    .name = "verify",
    .summary = "check answers against reference answers, and say why",
    .description =
        "Compares one pair, or every row of a file: {\"gold\", \"pred\", \"form\", \"equal\"}, one JSON "
        "object a\n"
        "line. form says how the answer stands in pred: \"answer\" (it is the answer; the default), "
        "\"response\"\n"
        "(in its last \\boxed{}) or \"freetext\" (where the fall-backs find it). equal is a label to "
        "compare\n"
        "with, and may be missing. With --out, writes each row with its verdict, what was extracted, the "
        "normal\n"
        "forms compared and the reason. docs/verifier.md has the rules.\n"
        "\n"
        "  pope verify --gold '\\frac{1}{2}' --pred 0.5\n"
        "  pope verify --gold 72 --pred 'So it is \\boxed{72}.' --form response\n"
        "  pope verify cases.jsonl --out verdicts.jsonl\n"
        "  pope verify cases.jsonl --set verify.kind=command --set verify.command='python3 grader.py'",
    .arguments = "[FILE.jsonl]",
    .shortcuts = {{"--gold", "check.gold"}, {"--pred", "check.pred"}, {"--form", "check.form"}},
    .sections = {"check", "verify", "run"},
    .out = "FILE.jsonl",
    .needs_out = false,
    .run = run_verify,
    .show = show_verify};

}  // namespace pope
