// pope collect: the model's own correct traces, as problems with solutions.
#include <fmt/format.h>

#include <map>

#include "core/error.h"
#include "core/files.h"
#include "core/progress.h"
#include "explore/answer_hint.h"
#include "explore/rejection.h"
#include "pope/next.h"
#include "pope/sampling_run.h"
#include "pope/table.h"
#include "pope/verb.h"

namespace pope {
namespace {

Json to_row(const CollectedProblem& one) {
  return {{"id", one.problem.id},     {"samples", one.samples}, {"correct", one.correct},
          {"ungraded", one.ungraded}, {"guided", one.guided},   {"traces", one.traces}};
}

std::vector<CollectedProblem> done_of(const std::vector<Json>& rows, const std::vector<Problem>& problems) {
  std::map<std::string, const Problem*> by_id;
  for (const Problem& problem : problems) by_id[problem.id] = &problem;
  std::vector<CollectedProblem> done;
  for (const Json& row : rows) {
    done.push_back({*by_id.at(row.at("id")), row.at("samples"), row.at("correct"), row.at("ungraded"),
                    row.at("guided"), row.at("traces").get<std::vector<std::string>>()});
  }
  return done;
}

bool hints_answers(const Settings& settings) { return settings.collect.prompt == "star_answer"; }

Json collect_traces(SamplingRun& run, const Settings& settings, std::vector<Problem> given) {
  const std::vector<Problem> problems = hints_answers(settings)
                                            ? run.within_context(with_answer_hints(std::move(given)))
                                            : run.without_leaks(run.within_context(std::move(given)));
  const CollectResult collected = collect(
      run.context(), settings.collect, problems, done_of(run.done(), problems),
      [&](const CollectedProblem& one, const std::vector<Json>& records) { run.save(to_row(one), records); });
  write_problems(run.path() / "collected.jsonl", trace_problems(settings.collect, collected));
  return to_json(collected);
}

void check_collect(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  check_samples(settings.sampling, "collect.samples", settings.collect.samples);
}

Json run_collect(const Invocation& invocation) {
  Settings settings = invocation.settings;
  if (hints_answers(settings)) add_answer_hint_wording(settings.prompt);
  return sampling_verb({settings, invocation.options, invocation.out, invocation.arguments, invocation.files},
                       "collect", "collected", required_problems, collect_traces);
}

std::string show_collect(const Json& result) {
  const auto row = [&](const char* text, const char* key) {
    return std::vector<std::string>{text, grouped(result.at(key))};
  };
  std::string text = fmt::format("Collected {} correct traces of {} problems in {}; {} tokens sampled.\n\n",
                                 grouped(result.at("traces")), grouped(result.at("problems")),
                                 duration(result.at("seconds")), grouped(result.at("tokens")));
  text += table({row("problems with a trace, sampled unguided", "unguided"),
                 row("problems with a trace, sampled under guidance", "guided"),
                 row("problems without a correct rollout", "without_trace"),
                 row("of these, without the guidance that was needed", "without_guidance")});
  if (result.at("ungraded") > 0)
    text += fmt::format("\n{} rollouts could not be judged.\n", grouped(result.at("ungraded")));
  if (result.at("traces") == 0) return text + "\nNo rollout was correct: there is nothing to train on.\n";
  return text;
}

std::string next_of_collect(const Json& result, const Invocation& invocation) {
  if (result.at("traces") == 0) return "";
  return next_command(invocation, result, "sft",
                      {{"--problems", result.at("out").get<std::string>() + "/collected.jsonl"}});
}

}  // namespace

const Verb collect_verb = {
    .name = "collect",
    .group = VerbGroup::data,
    .summary = "collect the model's own correct traces (rejection sampling, STaR)",
    .description =
        "Samples every problem, keeps correct rollouts, and writes them as solutions: data for pope sft, "
        "or,\n"
        "as prefixes, for pope guide --set guide.kind=self_prefix. Under guidance a trace is the guidance "
        "and\n"
        "what the model made of it; it is learned from the problem alone. STaR: "
        "--set collect.prompt=star_answer.\nStopped or killed, it goes on where it was.\n"
        "\n"
        "Leaves in --out: collected.jsonl, rollouts/, result.json.\n"
        "\n"
        "  pope collect --model MODEL --problems runs/guide/guided.jsonl --out runs/collect",
    .shortcuts = {{"--model", "paths.model", "MODEL", Need::required},
                  {"--problems", "paths.problems", "FILE", Need::required},
                  {"--skip-bad", "problems.skip_bad"}},
    .keys = sampling_keys({"collect.*"}),
    .check = check_collect,
    .run = run_collect,
    .show = show_collect,
    .next = next_of_collect};

}  // namespace pope
