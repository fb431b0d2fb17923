// pope mine: which problems are hard for this model.
#include "explore/mine.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/files.h"
#include "core/progress.h"
#include "explore/references.h"
#include "pope/next.h"
#include "pope/sampling_run.h"
#include "pope/table.h"
#include "pope/verb.h"

namespace pope {
namespace {

// Classes of problems whose failures do not say that they are hard (explore/mine.h).
constexpr auto kTruncated = "truncated", kUngraded = "ungraded";
// Those whose reference answer cannot be judged by are not sampled.
constexpr auto kFaulty = "faulty_reference";

Json mining_of(const MinedProblem& mined, const StoppingRule& rule) {
  Json pass = Json::object();
  for (const int k : rule.config().pass_at) {
    if (const auto value = rule.pass_at_k(mined.samples, mined.correct, k)) pass[std::to_string(k)] = *value;
  }
  return {{"samples", mined.samples},
          {"correct", mined.correct},
          {"truncated", mined.truncated},
          {"ungraded", mined.ungraded},
          {"tokens", mined.tokens},
          {"difficulty", mined.difficulty},
          {"pass_at", pass}};
}

Json to_row(const MinedProblem& mined, const StoppingRule& rule) {
  Problem problem = mined.problem;
  problem.extra["mining"] = mining_of(mined, rule);
  return to_json(problem);
}

MinedProblem from_row(Json row, const std::string& where) {
  MinedProblem mined;
  mined.problem = problem_from_json(std::move(row), where);
  const Json mining = mined.problem.extra.at("mining");
  mined.problem.extra.erase("mining");
  mined.samples = mining.at("samples");
  mined.correct = mining.at("correct");
  mined.truncated = mining.at("truncated");
  mined.ungraded = mining.value("ungraded", 0);
  mined.tokens = mining.at("tokens");
  mined.difficulty = mining.at("difficulty");
  return mined;
}

// Writes mined.jsonl and a file per class, that of the hard ones in two; returns how many problems each has.
// Of "solved" ones there is no file.
Json write_sets(const std::filesystem::path& run, const std::vector<MinedProblem>& problems,
                const StoppingRule& rule) {
  std::vector<std::string> hard;
  for (const MinedProblem& mined : problems) {
    if (mined.difficulty == "hard") hard.push_back(mined.problem.id);
  }
  const std::set<std::string> aside = put_aside(rule.config(), hard);
  std::map<std::string, std::vector<Json>> sets;
  std::vector<Json> all;
  for (const MinedProblem& mined : problems) {
    all.push_back(to_row(mined, rule));
    const bool held_out = mined.difficulty == "hard" && aside.contains(mined.problem.id);
    sets[held_out ? "heldout" : mined.difficulty].push_back(all.back());
  }
  write_jsonl(run / "mined.jsonl", all);
  Json counts = Json::object();
  for (const char* name : {"hard", "heldout", kTruncated, kUngraded, "medium", "easy", "easier", "solved"}) {
    const std::vector<Json>& rows = sets[name];
    counts[name] = rows.size();
    const bool always =
        std::string(name) == "hard" || (std::string(name) == "heldout" && rule.config().heldout > 0);
    const std::filesystem::path file = run / (std::string(name) + ".jsonl");
    if ((always || !rows.empty()) && std::string(name) != "solved") {
      write_jsonl(file, rows);
    } else {
      std::filesystem::remove(file);  // of other settings
    }
  }
  return counts;
}

void write_faulty(const std::filesystem::path& run, const std::vector<FaultyReference>& faulty) {
  std::vector<Json> rows;
  for (const auto& [problem, fault] : faulty) {
    rows.push_back(to_json(problem));
    rows.back()[kFaulty] = fault;
  }
  if (!rows.empty()) write_jsonl(run / (std::string(kFaulty) + ".jsonl"), rows);
}

Json mine_problems(SamplingRun& run, const Settings& settings, std::vector<Problem> given) {
  const std::vector<FaultyReference> faulty = take_faulty_references(given, run.context().verifier);
  const std::vector<Problem> problems = run.within_context(std::move(given));
  const StoppingRule rule(settings.mine);
  std::vector<MinedProblem> done;
  for (const Json& row : run.done()) done.push_back(from_row(row, "mined.partial.jsonl"));
  const MiningResult mined = mine(run.context(), settings.mine, problems, done,
                                  [&](const MinedProblem& problem, const std::vector<Json>& records) {
                                    run.save(to_row(problem, rule), records);
                                  });
  Json result = to_json(mined);
  write_faulty(run.path(), faulty);
  result["sets"] = write_sets(run.path(), mined.problems, rule);
  result["sets"][kFaulty] = faulty.size();
  result["problems"] = problems.size() + faulty.size();
  result[kFaulty] = faulty.size();
  result["tokens_saved"] = mined.tokens_fixed > 0
                               ? std::max(0.0, 1 - static_cast<double>(run.tokens()) / mined.tokens_fixed)
                               : 0.0;
  result["samples_per_problem"] = settings.mine.samples;
  result["error"] = settings.mine.error;
  return result;
}

// A complete run under settings that may differ (mine.heldout): its problems are sorted again, by what was
// sampled.
Json sort_again(RunDir& run, const Invocation& invocation, Json result) {
  const std::filesystem::path file = run.path() / "mined.jsonl";
  std::vector<MinedProblem> problems;
  read_jsonl(file, [&](Json&& row, std::size_t line) {
    problems.push_back(from_row(std::move(row), fmt::format("{}:{}", file.string(), line)));
  });
  // Always: a command that was killed here may have sorted a part of them by other settings.
  result["sets"].update(write_sets(run.path(), problems, StoppingRule(invocation.settings.mine)));
  if (run.changes().empty()) return result;
  run.write_result(result);
  write_file(run.path() / "config.yaml", invocation.options.to_yaml());
  log_line("its problems are sorted again by these settings; nothing is sampled");
  return result;
}

void check_mine(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  check_samples(settings.sampling, "mine.samples", settings.mine.samples);
}

Json run_mine(const Invocation& invocation) {
  return sampling_verb(invocation, "mine", "mined", required_problems, mine_problems, sort_again);
}

// A line per class that has problems. They are in a file of its name.
std::string class_table(const Json& result) {
  const Json& sets = result.at("sets");
  std::vector<std::vector<std::string>> rows = {{"class", "problems", ""}};
  const auto problems = result.at("problems").get<double>();
  const auto add = [&](const std::string& name, int count) {
    rows.push_back({name, grouped(count), percent(count / problems)});
  };
  const int held_out = sets.at("heldout");
  add("hard", sets.at("hard").get<int>() + held_out);
  for (const char* name : {kTruncated, kUngraded, "medium", "easy", "easier", "solved"})
    if (const int count = sets.at(name)) add(name, count);
  if (const int faulty = result.value(kFaulty, 0)) add(kFaulty, faulty);
  std::string text = table(rows);
  if (held_out > 0) text += fmt::format("\nOf the hard ones {} are held out, in heldout.jsonl.\n", held_out);
  return text;
}

std::string show_mine(const Json& result) {
  const Json& sets = result.at("sets");
  std::string text =
      fmt::format("Mined {} problems with {} samples in {}.\n\n", grouped(result.at("problems")),
                  grouped(result.at("samples")), duration(result.at("seconds"))) +
      class_table(result) + fmt::format("\n{} tokens sampled", grouped(result.at("tokens")));
  const double saved = result.at("tokens_saved");
  if (saved >= 0.001) {
    text += fmt::format(", {} fewer than with {} samples for every problem", percent(saved),
                        result.at("samples_per_problem").get<int>());
  }
  text += ".\n";
  if (const double error = result.value("error", 0.0); error > 0) {
    text += fmt::format("By mine.error up to {} of the classes may be others than with all samples.\n",
                        percent(error));
  }
  if (result.at("truncated") > 0) {
    text += fmt::format("{} rollouts were cut off at sampling.max_new_tokens.\n",
                        grouped(result.at("truncated")));
  }
  if (sets.at(kTruncated) > 0)
    text += "truncated: every failure was cut off, so a larger sampling.max_new_tokens may solve these.\n";
  if (result.at("ungraded") > 0)
    text += fmt::format("{} rollouts could not be judged.\n", grouped(result.at("ungraded")));
  if (sets.at(kUngraded) > 0) text += "ungraded: these failed only where the verifier could not judge.\n";
  const int faulty = result.value(kFaulty, 0);
  if (faulty > 0) text += "faulty_reference: these have a reference answer that cannot be judged by.\n";
  if (sets.at("hard") > 0) return text;
  if (sets.at(kTruncated) > 0) return text + "\nNo problem is hard: raise sampling.max_new_tokens.\n";
  if (sets.at(kUngraded) > 0) return text + "\nNo problem is hard: rollouts/ has the verifier's reasons.\n";
  if (faulty > 0 && faulty == result.at("problems"))
    return text +
           "\nNo reference answer can be judged by: problems.fields.answer names the column that has them.\n";
  return text + "\nNo problem is hard for this model: give harder ones, or raise mine.hard_max.\n";
}

std::string next_of_mine(const Json& result, const Invocation& invocation) {
  if (result.at("sets").at("hard") == 0) return "";
  return next_command(invocation, result, "guide",
                      {{"--problems", result.at("out").get<std::string>() + "/hard.jsonl"}});
}

}  // namespace

const Verb mine_verb = {
    .name = "mine",
    .group = VerbGroup::workflow,
    .summary = "find the problems that the model cannot solve",
    .description =
        "Samples every problem up to mine.samples times and sorts the problems by how many samples are\n"
        "correct. A problem leaves early, as soon as its class is settled, or, with mine.error, likely enough.\n"
        "Stopped or killed, it goes on where it was.\n"
        "\n"
        "Leaves in --out: mined.jsonl (all problems, with their counts), hard.jsonl, heldout.jsonl,\n"
        "medium.jsonl, easy.jsonl, easier.jsonl, truncated.jsonl, ungraded.jsonl and\n"
        "faulty_reference.jsonl where there are such, rollouts/, result.json.\n"
        "\n"
        "  pope mine --model MODEL --problems problems.jsonl --out runs/mine --set mine.samples=64",
    .shortcuts = {{"--model", "paths.model", "MODEL", Need::required},
                  {"--problems", "paths.problems", "FILE", Need::required},
                  {"--skip-bad", "problems.skip_bad"}},
    .keys = sampling_keys({"mine.*"}),
    .check = check_mine,
    .run = run_mine,
    .show = show_mine,
    .next = next_of_mine};

}  // namespace pope
