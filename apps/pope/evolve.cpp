// pope evolve: an instruction text for all problems, evolved by reflection (GEPA).
#include "evolve/evolve.h"

#include <fmt/format.h>

#include "core/files.h"
#include "core/progress.h"
#include "evolve/problem_adapter.h"
#include "pope/reflector.h"
#include "pope/sampling_run.h"
#include "pope/table.h"
#include "pope/verb.h"

namespace pope {
namespace {

// The settings under which the model is shown the template with every problem.
std::string best_settings(const Settings& settings, const std::string& text) {
  PromptConfig prompt = settings.prompt;
  if (!text.empty()) prompt.unguided = text + "\n\n" + prompt.unguided;
  Options options;
  options.section(prompt);
  return options.only({"prompt.unguided"}).to_yaml();
}

Json evolve_templates(SamplingRun& run, const Settings& settings, std::vector<Problem> given) {
  const std::vector<Problem> problems = run.within_context(std::move(given));
  const RolloutContext& context = run.context();
  // Without a model of its own the one that is prompted reflects, by the same engine.
  std::shared_ptr<const ReflectionModel> own;
  if (!settings.evolve.reflection_model.empty())
    own = load_reflector(settings, settings.evolve.reflection_model);
  const PromptRenderer bare(reflection_prompts(settings.prompt), load_head(settings.paths.model).tokenizer);
  const ReflectionModel model =
      own ? *own : ReflectionModel{context.engine, bare, context.stop_tokens, reflection_sampling(settings)};
  ProblemAdapter adapter(context, model, settings.evolve, problems);
  const auto write = [&](const Evolution& evolution) {
    write_jsonl(run.path() / "candidates.jsonl", candidate_rows(evolution));
    write_jsonl(run.path() / "proposals.jsonl", proposal_rows(evolution));
  };
  const Evolution evolution = evolve(
      adapter, settings.evolve, settings.run.seed, {{kTemplate, ""}},
      split_problems(problems, settings.evolve.dev, settings.run.seed), run.done(),
      [&](Json item, const std::vector<Json>& rollouts) { run.save(std::move(item), rollouts); }, write);
  Json result = to_json(evolution);
  write_file(run.path() / "best.yaml", best_settings(settings, result["best_texts"][kTemplate]));
  result["problems"] = problems.size();
  result["budget"] = settings.evolve.budget;
  return result;
}

std::string text_of(EngineConfig engine) {
  Options options;
  options.section(engine);
  return options.to_yaml();
}

void check_evolve(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  if (settings.evolve.reflection_model.empty() && text_of(settings.reflector) != text_of({}))
    refuse_setting("evolve.reflection_model", "the model that the engine of the section reflector samples",
                   "none", "without one the model of paths.model reflects, by the engine of section engine");
  check_samples(settings.sampling, "evolve.samples", settings.evolve.samples);
}

Json run_evolve(const Invocation& invocation) {
  Settings settings = invocation.settings;
  add_evolved_wording(settings.prompt);
  return sampling_verb({settings, invocation.options, invocation.out, invocation.arguments, invocation.files},
                       "evolve", "evolved", required_problems, evolve_templates);
}

std::string ended_text(const Json& result) {
  const std::string ended = result.at("ended");
  if (ended == "budget") return "the budget does not cover another iteration";
  if (ended == "iterations") return "evolve.iterations are done";
  if (ended == "patience") return "evolve.patience iterations brought no new candidate";
  return "the dev set is solved";
}

std::string show_evolve(const Json& result) {
  const std::string out = result.at("out"), best = result.at("best_texts").at(kTemplate);
  std::string text =
      fmt::format("Candidates: {}, after {} iterations and {}; {}.\n\n", grouped(result.at("candidates")),
                  grouped(result.at("iterations")), duration(result.at("seconds")), ended_text(result));
  std::vector<std::vector<std::string>> rows = {{"proposals", ""}};
  for (const auto& [outcome, count] : result.at("outcomes").items())
    if (count > 0) rows.push_back({outcome, grouped(count)});
  text += table(rows);
  text += fmt::format(
      "\n{} of {} metric calls; {} tokens sampled to evaluate, {} to reflect ({} tokens of prompts).\n",
      grouped(result.at("metric_calls")), grouped(result.at("budget")), grouped(result.at("rollout_tokens")),
      grouped(result.at("reflection_tokens")), grouped(result.at("reflection_prompt_tokens")));
  if (result.at("failures") > 0)
    text += fmt::format("{} attempts failed and were made again.\n", grouped(result.at("failures")));
  if (result.at("damaged") > 0)
    text += fmt::format("{} kept items could not be read and were paid for again.\n",
                        grouped(result.at("damaged")));
  text += fmt::format(
      "\nMean score on the {} problems of the dev set: {} without a template, {} with the best one.\n",
      grouped(result.at("dev")), percent(result.at("seed_mean")), percent(result.at("best_mean")));
  if (const std::size_t cover = result.at("cover").size(); cover > 1)
    text +=
        fmt::format("{} templates together solve what any of them solves (cover in result.json).\n", cover);
  if (best.empty()) return text + "\nNo template is better than none.\n";
  return text + fmt::format("\nThe best template (pope eval -c {}/best.yaml … uses it):\n\n{}\n", out, best);
}

}  // namespace

const Verb evolve_verb = {
    .name = "evolve",
    .group = VerbGroup::data,
    .summary = "evolve an instruction text by reflection (GEPA)",
    .description =
        "Evolves a template, a text in front of every problem, from none: a model reads what rollouts\n"
        "under a template did and rewrites it. What does better on the same few problems is evaluated on a\n"
        "dev set of the problems, and goes on. evolve.reflection_model names another model to rewrite than\n"
        "the one that is prompted; its engine is the section reflector. Killed, it goes on where it was.\n"
        "\n"
        "Leaves in --out: candidates.jsonl (templates, parents, scores), proposals.jsonl, best.yaml,\n"
        "rollouts/, result.json.\n"
        "\n"
        "  pope evolve --model MODEL --problems runs/mine/hard.jsonl --out runs/evolve",
    .shortcuts = {{"--model", "paths.model", "MODEL", Need::required},
                  {"--problems", "paths.problems", "FILE", Need::required},
                  {"--skip-bad", "problems.skip_bad"}},
    .keys = sampling_keys({"evolve.*", "reflector.*"}),
    .check = check_evolve,
    .run = run_evolve,
    .show = show_evolve};

}  // namespace pope
