// pope eval: unbiased pass@k with intervals, guided and unguided apart.
#include <fmt/format.h>

#include "core/error.h"
#include "core/progress.h"
#include "evaluate/evaluate.h"
#include "pope/partial.h"
#include "pope/setup.h"
#include "pope/table.h"
#include "pope/verb.h"

namespace pope {
namespace {

// --problems FILE is a set named after its file; the entries of paths.eval_sets come after it.
std::vector<NamedSet> sets_of(const Settings& settings) {
  std::vector<std::string> entries = settings.paths.eval_sets;
  const std::string& file = settings.paths.problems;
  if (!file.empty())
    entries.insert(entries.begin(), std::filesystem::path(file).stem().string() + "=" + file);
  if (entries.empty()) {
    throw Error("config", "nothing to evaluate on", "give --problems FILE.jsonl, or --eval-set NAME=FILE");
  }
  return named_sets(entries, settings.problems);
}

std::vector<EvaluatedProblem> done_of(const PartialResults& partial, const std::string& set, bool guided) {
  std::vector<EvaluatedProblem> done;
  for (const Json& row : partial.done()) {
    if (row.at("set") == set && row.at("guided") == guided) done.push_back(evaluated_problem(row));
  }
  return done;
}

Json run_eval(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  RunDir run = open_run(invocation, "eval");
  if (const auto stored = complete_result(run)) return *stored;
  const std::vector<NamedSet> sets = sets_of(settings);
  const Setup setup(settings, Weights::frozen);
  PartialResults partial(run.path(), "eval");
  const Explorer explorer = setup.explorer(settings);
  Json results = Json::array();
  int too_long = 0;
  for (const NamedSet& set : sets) {
    int left_out = 0;
    const std::vector<Problem> problems = fitting(set.problems, explorer, &left_out);
    too_long += left_out;
    for (const bool guided : {false, true}) {
      if (guided && !(settings.eval.guided && has_guidance(problems))) continue;
      const auto save = [&](const EvaluatedProblem& problem, const std::vector<Json>& records) {
        Json item = to_json(problem);
        item["set"] = set.name;
        item["guided"] = guided;
        partial.add(std::move(item), records, setup.engine->stats().sampled_tokens);
      };
      results.push_back(to_json(evaluate(explorer, settings.eval, set.name, problems, guided,
                                         done_of(partial, set.name, guided), save)));
    }
  }
  Json result = result_head(settings, "eval");
  result["sets"] = results;
  result["too_long"] = too_long;
  result["tokens"] = partial.tokens();
  result["seconds"] = partial.seconds();
  result = finish(run, std::move(result));
  partial.remove();
  return result;
}

// How much of its guidance a problem's rollouts re-use, where it was measured.
std::string overlap_table(const Json& result) {
  std::vector<std::vector<std::string>> rows = {{"set", "prompt", "re-used", "of its guidance", "by chance"}};
  for (const Json& set : result.at("sets")) {
    if (!set.contains("overlap")) continue;
    for (const auto& [measure, values] : set["overlap"].items()) {
      rows.push_back({set.at("set"), set.at("guided") ? "guided" : "unguided", measure,
                      fmt::format("{:.3f}", values.at("value").get<double>()),
                      fmt::format("{:.3f}", values.at("chance").get<double>())});
    }
  }
  return rows.size() == 1 ? "" : "\n" + table(rows);
}

std::string show_eval(const Json& result) {
  std::vector<std::vector<std::string>> rows = {
      {"set", "prompt", "problems", "pass@k", "value", "interval", "truncated", "undecided"}};
  int samples = 0;
  for (const Json& set : result.at("sets")) {
    samples = set.at("samples");
    bool first = true;
    for (const Json& pass : set.at("pass")) {
      const auto lead = [&](const std::string& text) { return first ? text : ""; };
      rows.push_back(
          {lead(set.at("set")), lead(set.at("guided") ? "guided" : "unguided"),
           lead(grouped(set.at("problems"))), fmt::format("pass@{}", pass.at("k").get<int>()),
           fmt::format("{:.3f}", pass.at("value").get<double>()),
           fmt::format("{:.3f} - {:.3f}", pass.at("low").get<double>(), pass.at("high").get<double>()),
           lead(percent(set.at("truncated"))), lead(percent(set.at("undecided")))});
      first = false;
    }
  }
  return fmt::format("{} ({}), {} samples per problem; {} tokens in {}.\n\n",
                     result.at("label").get<std::string>(), result.at("model").get<std::string>(), samples,
                     grouped(result.at("tokens")), duration(result.at("seconds"))) +
         table(rows) +
         "\nIntervals: bootstrap over problems, at eval.level; the binomial bound where all problems "
         "agree.\n" +
         overlap_table(result);
}

}  // namespace

const Verb eval_verb = {
    .name = "eval",
    .summary = "measure pass@k on problem sets, with intervals",
    .description =
        "Samples every problem eval.samples times; reports unbiased pass@k with bootstrap intervals over\n"
        "problems. Problems that carry guidance are also evaluated under it, and reported apart.\n"
        "Killed, it goes on where it was.\n"
        "\n"
        "Leaves in --out: result.json, rollouts/.\n"
        "\n"
        "  pope eval --model runs/pope/model --problems runs/mine/heldout.jsonl --out runs/eval --label "
        "POPE\n"
        "  pope eval --model M --eval-set hard=a.jsonl --eval-set heldout=b.jsonl --out runs/eval",
    .shortcuts = {{"--model", "paths.model"},
                  {"--problems", "paths.problems"},
                  {"--eval-set", "paths.eval_sets"},
                  {"--skip-bad", "problems.skip_bad"}},
    .sections = {"run", "paths", "problems", "eval", "sampling", "prompt", "verify"},
    .run = run_eval,
    .show = show_eval};

}  // namespace pope
