// pope collect: the model's own correct traces, as problems with solutions.
#include <fmt/format.h>

#include <map>

#include "core/error.h"
#include "core/files.h"
#include "core/progress.h"
#include "explore/rejection.h"
#include "pope/partial.h"
#include "pope/setup.h"
#include "pope/table.h"
#include "pope/verb.h"

namespace pope {
namespace {

Json to_row(const CollectedProblem& one) {
  return {{"id", one.problem.id},       {"samples", one.samples}, {"correct", one.correct},
          {"undecided", one.undecided}, {"guided", one.guided},   {"traces", one.traces}};
}

std::vector<CollectedProblem> done_of(const PartialResults& partial, const std::vector<Problem>& problems) {
  std::map<std::string, const Problem*> by_id;
  for (const Problem& problem : problems) by_id[problem.id] = &problem;
  std::vector<CollectedProblem> done;
  for (const Json& row : partial.done()) {
    done.push_back({*by_id.at(row.at("id")), row.at("samples"), row.at("correct"), row.at("undecided"),
                    row.at("guided"), row.at("traces").get<std::vector<std::string>>()});
  }
  return done;
}

Json run_collect(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  RunDir run = open_run(invocation, "collect");
  if (const auto stored = complete_result(run)) return *stored;
  std::vector<Problem> given = required_problems(settings);
  const Setup setup(settings, Weights::frozen);
  const Explorer explorer = setup.explorer(settings);
  int too_long = 0;
  const std::vector<Problem> problems = fitting(std::move(given), explorer, &too_long);
  PartialResults partial(run.path(), "collected");
  const CollectResult collected =
      collect(explorer, settings.collect, problems, done_of(partial, problems),
              [&](const CollectedProblem& one, const std::vector<Json>& records) {
                partial.add(to_row(one), records, setup.engine->stats().sampled_tokens);
              });
  const std::vector<Problem> rows = trace_problems(settings.collect, collected);
  write_problems(run.path() / "collected.jsonl", rows);
  Json result = result_head(settings, "collect");
  result.update(to_json(collected));
  result["too_long"] = too_long;
  result["tokens"] = partial.tokens();
  result["seconds"] = partial.seconds();
  result = finish(run, std::move(result));
  partial.remove();
  return result;
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
  if (result.at("undecided") > 0)
    text += fmt::format("\n{} rollouts could not be judged.\n", grouped(result.at("undecided")));
  if (result.at("traces") == 0) return text + "\nNo rollout was correct: there is nothing to train on.\n";
  return text + fmt::format("\nNext: pope sft --problems {}/collected.jsonl …\n",
                            result.at("out").get<std::string>());
}

}  // namespace

const Verb collect_verb = {
    .name = "collect",
    .summary = "collect the model's own correct traces (rejection sampling, STaR)",
    .description =
        "Samples every problem, keeps correct rollouts, and writes them as solutions: data for pope sft, "
        "or,\n"
        "as prefixes, for pope guide --set guide.kind=self_prefix. Under guidance a trace is the guidance "
        "and\n"
        "what the model made of it; it is learned from the problem alone. Killed, it goes on where it was.\n"
        "\n"
        "Leaves in --out: collected.jsonl, rollouts/, result.json.\n"
        "\n"
        "  pope collect --model MODEL --problems runs/guide/guided.jsonl --out runs/collect",
    .shortcuts = {{"--model", "paths.model"},
                  {"--problems", "paths.problems"},
                  {"--skip-bad", "problems.skip_bad"}},
    .sections = {"run", "paths", "problems", "collect", "sampling", "prompt", "verify"},
    .run = run_collect,
    .show = show_collect};

}  // namespace pope
