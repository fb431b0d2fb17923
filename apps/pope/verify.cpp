// pope verify: is this answer right? One pair from the command line, or a file of rows.
#include <fmt/format.h>

#include <chrono>

#include "core/chars.h"
#include "core/error.h"
#include "pope/table.h"
#include "pope/verb.h"
#include "pope/verify_rows.h"

namespace pope {
namespace {

Json run_pair(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  const std::string hint = "see 'pope verify --help'";
  if (settings.check.gold.empty() && settings.check.pred.empty())
    throw Error("verify", "expected FILE.jsonl, or --gold and --pred", hint);
  if (settings.check.gold.empty()) throw Error("verify", "expected --gold, the reference answer", hint);
  if (settings.check.pred.empty())
    throw Error("verify", "expected --pred, the answer to check; an empty one is never right", hint);
  if (!invocation.out.empty()) throw Error("verify", "--out goes with FILE.jsonl, not with --gold", hint);
  Problem problem;
  problem.answer = settings.check.gold;
  const auto verifier = make_verifier(settings.verify, form_of(settings.check.form, "--form"));
  Json result = {{"verb", "verify"}, {"gold", settings.check.gold}, {"pred", settings.check.pred}};
  result.update(verdict_json(verifier->verify(problem, settings.check.pred)));
  return result;
}

Json run_file(const std::string& file, const Invocation& invocation) {
  const auto& check = invocation.settings.check;
  if (!check.gold.empty() || !check.pred.empty())
    throw Error("verify", "expected FILE.jsonl, or --gold and --pred, got both", "see 'pope verify --help'");
  std::vector<VerifyRow> rows = read_rows(file, form_of(check.form, "--form"));
  const auto start = std::chrono::steady_clock::now();
  grade_rows(rows, invocation.settings);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::int64_t correct = 0, undecided = 0, agree = 0, disagree = 0;
  Json disagreements = Json::array();
  std::vector<Json> out;
  for (VerifyRow& row : rows) {
    correct += row.verdict.correct;
    undecided += row.verdict.ungraded;
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

Json run_stream(const Invocation& invocation) {
  const auto& check = invocation.settings.check;
  if (!check.gold.empty() || !check.pred.empty() || !invocation.out.empty())
    throw Error("verify", "expected neither --gold, --pred nor --out beside -, rows on stdin",
                "see 'pope verify --help'");
  return {{"verb", "verify"}, {"streamed", grade_stream(stdin, stdout, invocation.settings)}};
}

Json run_verify(const Invocation& invocation) {
  if (invocation.arguments.empty()) return run_pair(invocation);
  if (invocation.arguments[0] == "-") return run_stream(invocation);
  return run_file(invocation.arguments[0], invocation);
}

// Long texts would tear the table apart.
std::string cell(const Json& text) {
  constexpr std::size_t kWidth = 40;
  return shortened(text.get_ref<const std::string&>(), kWidth);
}

std::string show_pair(const Json& result) {
  const auto text = [&](const char* key) { return result.at(key).get<std::string>(); };
  const std::string verdict = result.at("undecided") == true ? "undecided: "
                              : result.at("correct") == true ? "correct: "
                                                             : "incorrect: ";
  // A reason may begin with it.
  std::string out = (text("reason").starts_with(verdict) ? "" : verdict) + text("reason") + "\n";
  out += fmt::format("  gold       {}\n", text("gold_form"));
  out += fmt::format("  answer     {}\n", text("answer_form"));
  if (text("extracted") != text("pred")) out += fmt::format("  extracted  {}\n", text("extracted"));
  return out;
}

std::string show_verify(const Json& result) {
  if (result.contains("streamed")) return "";
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
    .group = VerbGroup::data,
    .summary = "check answers against reference answers, and say why",
    .description =
        "Compares one pair, or every row of a file: {\"gold\", \"pred\", \"form\", \"equal\"}, one JSON "
        "object a\n"
        "line. form says how the answer stands in pred: \"answer\" (it is the answer; the default), "
        "\"response\"\n"
        "(in its last \\boxed{}) or \"freetext\" (where the fall-backs find it); rows without it take "
        "--form.\n"
        "equal is a label to compare with, and may be missing. With --out, writes each row with its verdict, "
        "what was extracted, the "
        "normal\n"
        "forms compared and the reason. docs/verifier.md has the rules.\n"
        "With - rows are read from stdin, and each is answered at once by a line on stdout, its \"id\" and "
        "the\n"
        "verdict: for programs that grade as they go. --json adds how many there were.\n"
        "\n"
        "  pope verify --gold '\\frac{1}{2}' --pred 0.5\n"
        "  pope verify --gold 72 --pred 'So it is \\boxed{72}.' --form response\n"
        "  pope verify cases.jsonl --out verdicts.jsonl\n"
        "  pope verify - < cases.jsonl\n"
        "  pope verify cases.jsonl --set verify.kind=command --set verify.command='python3 grader.py'",
    .arguments = "[FILE.jsonl|-]",
    .shortcuts = {{"--gold", "check.gold", "TEXT"},
                  {"--pred", "check.pred", "TEXT"},
                  {"--form", "check.form", "FORM"}},
    .keys = {"check.*", "verify.*", "run.threads"},
    .out = "FILE.jsonl",
    .needs_out = false,
    .run = run_verify,
    .show = show_verify};

}  // namespace pope
