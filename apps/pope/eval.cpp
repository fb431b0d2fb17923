// pope eval: unbiased pass@k with intervals, guided and unguided apart.
#include <fmt/format.h>

#include <algorithm>

#include "core/progress.h"
#include "evaluate/evaluate.h"
#include "pope/next.h"
#include "pope/sampling_run.h"
#include "pope/table.h"
#include "pope/verb.h"

namespace pope {
namespace {

// --problems FILE is a set named after its file; the entries of paths.eval_sets come after it. Where one of
// them names that file, as when settings of a training run come along, it is evaluated under that name alone.
std::vector<EvalSet> sets_of(const Settings& settings) {
  std::vector<std::string> entries = settings.paths.eval_sets;
  const std::string& file = settings.paths.problems;
  const auto path_of = [](const std::string& path) { return std::filesystem::path(path).lexically_normal(); };
  const bool named = std::any_of(entries.begin(), entries.end(), [&](const std::string& entry) {
    return path_of(entry.substr(entry.find('=') + 1)) == path_of(file);
  });
  if (!file.empty() && !named)
    entries.insert(entries.begin(), std::filesystem::path(file).stem().string() + "=" + file);
  return named_sets(entries, problems_config(settings));
}

std::vector<EvaluatedProblem> done_of(const std::vector<Json>& rows, const std::string& set, bool guided) {
  std::vector<EvaluatedProblem> done;
  for (const Json& row : rows) {
    if (row.at("set") == set && row.at("guided") == guided) done.push_back(evaluated_problem(row));
  }
  return done;
}

Json evaluate_sets(SamplingRun& run, const Settings& settings, std::vector<EvalSet> sets) {
  Json results = Json::array();
  for (EvalSet& set : sets) {
    const std::vector<Problem> problems = run.without_leaks(run.within_context(std::move(set.problems)));
    for (const bool guided : {false, true}) {
      if (guided && !(settings.eval.guided && has_guidance(problems))) continue;
      const auto save = [&](const EvaluatedProblem& problem, const std::vector<Json>& records) {
        Json item = to_json(problem);
        item["set"] = set.name;
        item["guided"] = guided;
        run.save(std::move(item), records);
      };
      results.push_back(to_json(evaluate_set(run.context(), settings.eval, set.name, problems, guided,
                                             done_of(run.done(), set.name, guided), save)));
    }
  }
  return {{"sets", results}};
}

void check_eval(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  check_samples(settings.sampling, "eval.samples", settings.eval.samples);
}

Json run_eval(const Invocation& invocation) {
  return sampling_verb(invocation, "eval", "eval", sets_of, evaluate_sets);
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
      {"set", "prompt", "problems", "pass@k", "value", "interval", "truncated", "ungraded"}};
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
           lead(percent(set.at("truncated"))), lead(percent(set.at("ungraded")))});
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

std::string next_of_eval(const Json& result, const Invocation&) {
  return report_command(result.at("out").get<std::string>());
}

}  // namespace

const Verb eval_verb = {
    .name = "eval",
    .group = VerbGroup::workflow,
    .summary = "measure pass@k on problem sets, with intervals",
    .description =
        "Samples every problem eval.samples times; reports unbiased pass@k with bootstrap intervals over\n"
        "problems. Problems that carry guidance are also evaluated under it, and reported apart.\n"
        "Stopped or killed, it goes on where it was.\n"
        "\n"
        "Leaves in --out: result.json, rollouts/.\n"
        "\n"
        "  pope eval --model runs/pope/model --problems runs/mine/heldout.jsonl --out runs/eval --label "
        "POPE\n"
        "  pope eval --model M --eval-set hard=a.jsonl --eval-set heldout=b.jsonl --out runs/eval",
    .shortcuts = {{"--model", "paths.model", "MODEL", Need::required},
                  {"--problems", "paths.problems", "FILE", Need::one_of},
                  {"--eval-set", "paths.eval_sets", "NAME=FILE", Need::one_of},
                  {"--skip-bad", "problems.skip_bad"}},
    .keys = sampling_keys({"paths.eval_sets", "eval.*"}),
    .check = check_eval,
    .run = run_eval,
    .show = show_eval,
    .next = next_of_eval};

}  // namespace pope
