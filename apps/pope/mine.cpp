// pope mine: which problems are hard for this model.
#include "explore/mine.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/files.h"
#include "core/progress.h"
#include "explore/references.h"
#include "pope/sampling_run.h"
#include "pope/table.h"
#include "pope/verb.h"

namespace pope {
namespace {

// Problems that fail by truncation alone are kept apart: a larger budget may solve them, so they are not
// hard.
constexpr auto kTruncated = "truncated";
// Likewise those whose failures the verifier could not judge.
constexpr auto kUngraded = "ungraded";
// Those whose reference answer cannot be judged by are not sampled.
constexpr auto kFaulty = "faulty_reference";

Json mining_of(const MinedProblem& mined, const MineConfig& config) {
  Json pass = Json::object();
  for (const int k : config.pass_at) {
    if (const auto value = mined_pass_at_k(config, mined.samples, mined.correct, k))
      pass[std::to_string(k)] = *value;
  }
  return {{"samples", mined.samples},
          {"correct", mined.correct},
          {"truncated", mined.truncated},
          {"ungraded", mined.ungraded},
          {"tokens", mined.tokens},
          {"difficulty", mined.difficulty},
          {"fails_only_by_truncation", mined.fails_only_by_truncation},
          {"fails_only_ungraded", mined.fails_only_ungraded},
          {"pass_at", pass}};
}

Json to_row(const MinedProblem& mined, const MineConfig& config) {
  Problem problem = mined.problem;
  problem.extra["mining"] = mining_of(mined, config);
  return to_json(problem);
}

MinedProblem from_row(Json row) {
  MinedProblem mined;
  mined.problem = problem_from_json(std::move(row), "mined.partial.jsonl");
  const Json mining = mined.problem.extra.at("mining");
  mined.problem.extra.erase("mining");
  mined.samples = mining.at("samples");
  mined.correct = mining.at("correct");
  mined.truncated = mining.at("truncated");
  mined.ungraded = mining.value("ungraded", 0);
  mined.tokens = mining.at("tokens");
  mined.difficulty = mining.at("difficulty");
  mined.fails_only_by_truncation = mining.at("fails_only_by_truncation");
  mined.fails_only_ungraded = mining.value("fails_only_ungraded", false);
  return mined;
}

// The file that a problem goes to besides mined.jsonl; "solved" ones go to none.
std::string set_of(const MinedProblem& mined, const MineConfig& config) {
  if (mined.difficulty != "hard") return mined.difficulty;
  if (mined.fails_only_by_truncation) return kTruncated;
  if (mined.fails_only_ungraded) return kUngraded;
  return put_aside(config, mined.problem) ? "heldout" : "hard";
}

// Writes the files; returns how many problems each set has.
Json write_sets(const std::filesystem::path& run, const MiningResult& result, const MineConfig& config,
                const std::vector<FaultyReference>& faulty) {
  std::map<std::string, std::vector<Json>> sets;
  std::vector<Json> all;
  for (const MinedProblem& mined : result.problems) {
    all.push_back(to_row(mined, config));
    sets[set_of(mined, config)].push_back(all.back());
  }
  write_jsonl(run / "mined.jsonl", all);
  for (const auto& [problem, fault] : faulty) {
    Json row = to_json(problem);
    row[kFaulty] = fault;
    sets[kFaulty].push_back(std::move(row));
  }
  Json counts = Json::object();
  for (const char* name :
       {"hard", "heldout", kTruncated, kUngraded, kFaulty, "medium", "easy", "easier", "solved"}) {
    const std::vector<Json>& rows = sets[name];
    counts[name] = rows.size();
    const bool always = std::string(name) == "hard" || (std::string(name) == "heldout" && config.heldout > 0);
    if ((always || !rows.empty()) && std::string(name) != "solved")
      write_jsonl(run / (std::string(name) + ".jsonl"), rows);
  }
  return counts;
}

Json mine_problems(SamplingRun& run, const Settings& settings, std::vector<Problem> given) {
  const std::vector<FaultyReference> faulty = take_faulty_references(given, run.context().verifier);
  const std::vector<Problem> problems = run.within_context(std::move(given));
  std::vector<MinedProblem> done;
  for (const Json& row : run.done()) done.push_back(from_row(row));
  const MiningResult mined = mine(run.context(), settings.mine, problems, done,
                                  [&](const MinedProblem& problem, const std::vector<Json>& records) {
                                    run.save(to_row(problem, settings.mine), records);
                                  });
  Json result = to_json(mined);
  result["sets"] = write_sets(run.path(), mined, settings.mine, faulty);
  result["problems"] = problems.size() + faulty.size();
  result[kFaulty] = faulty.size();
  result["tokens_saved"] = mined.tokens_fixed > 0
                               ? std::max(0.0, 1 - static_cast<double>(run.tokens()) / mined.tokens_fixed)
                               : 0.0;
  result["samples_per_problem"] = settings.mine.samples;
  return result;
}

void check_mine(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  check_samples(settings.sampling, "mine.samples", settings.mine.samples);
}

Json run_mine(const Invocation& invocation) {
  return sampling_verb(invocation, "mine", "mined", required_problems, mine_problems);
}

std::string show_mine(const Json& result) {
  const auto problems = result.at("problems").get<double>();
  std::vector<std::vector<std::string>> rows = {{"set", "problems", ""}};
  for (const auto& [name, count] : result.at("sets").items()) {
    if (count == 0 && name != "hard") continue;
    rows.push_back({name, grouped(count), percent(count.get<double>() / problems)});
  }
  const std::string out = result.at("out");
  const Json& sets = result.at("sets");
  std::string text =
      fmt::format("Mined {} problems with {} samples in {}.\n\n", grouped(result.at("problems")),
                  grouped(result.at("samples")), duration(result.at("seconds"))) +
      table(rows) + fmt::format("\n{} tokens sampled", grouped(result.at("tokens")));
  const double saved = result.at("tokens_saved");
  if (saved >= 0.001) {
    text += fmt::format(", {} fewer than with {} samples for every problem", percent(saved),
                        result.at("samples_per_problem").get<int>());
  }
  text += ".\n";
  if (result.at("truncated") > 0) {
    text += fmt::format("{} rollouts were cut off at sampling.max_new_tokens.\n",
                        grouped(result.at("truncated")));
  }
  if (sets.at(kTruncated) > 0) {
    text += fmt::format(
        "{} problems failed by truncation alone: they are in truncated.jsonl, not in hard.jsonl.\n",
        grouped(sets.at(kTruncated)));
  }
  if (result.at("ungraded") > 0)
    text += fmt::format("{} rollouts could not be judged.\n", grouped(result.at("ungraded")));
  if (sets.at(kUngraded) > 0) {
    text += fmt::format(
        "{} problems failed only where the verifier could not judge: they are in ungraded.jsonl, not in "
        "hard.jsonl.\n",
        grouped(sets.at(kUngraded)));
  }
  const int faulty = sets.value(kFaulty, 0);  // runs of before have no such set
  if (faulty > 0) {
    text += fmt::format(
        "{} problems have a reference answer that cannot be judged by: they are in faulty_reference.jsonl.\n",
        grouped(faulty));
  }
  if (sets.at("hard") > 0) return text + fmt::format("\nNext: pope guide --problems {}/hard.jsonl …\n", out);
  if (sets.at("heldout") > 0)
    return text + "\nAll hard problems were put aside: give more, or lower mine.heldout.\n";
  if (sets.at(kTruncated) > 0) return text + "\nNo other problem is hard: raise sampling.max_new_tokens.\n";
  if (sets.at(kUngraded) > 0)
    return text + "\nNo other problem is hard: rollouts/ has the verifier's reasons.\n";
  if (faulty > 0 && faulty == result.at("problems"))
    return text +
           "\nNo reference answer can be judged by: problems.fields.answer names the column that has them.\n";
  return text + "\nNo problem is hard for this model: give harder ones, or raise mine.hard_max.\n";
}

}  // namespace

const Verb mine_verb = {
    .name = "mine",
    .group = VerbGroup::workflow,
    .summary = "find the problems that the model cannot solve",
    .description =
        "Samples every problem up to mine.samples times and sorts the problems by how many samples are\n"
        "correct. A problem leaves early, as soon as its class is settled. Killed, it goes on where it was.\n"
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
    .show = show_mine};

}  // namespace pope
