// pope sft: supervised fine-tuning on the problems' solutions.
#include "learn/sft.h"

#include <fmt/format.h>

#include "core/interrupt.h"
#include "pope/next.h"
#include "pope/setup.h"
#include "pope/table.h"
#include "pope/verb.h"

namespace pope {
namespace {

Json run_sft(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  RunDir run = open_run(invocation, "sft");
  if (const auto stored = complete_result(run, "model")) return *stored;
  if (settings.metrics.tensorboard) run.write_tensorboard();
  SftJob job;
  job.problems = required_problems(settings);
  if (settings.sft.target.find("{solution}") != std::string::npos) require_solutions("sft", job.problems);
  job.config = settings.sft;
  job.optimizer = settings.optimizer;
  job.seed = settings.run.seed;
  const Setup setup(settings, Weights::trainable);
  job.model = setup.model;
  job.prompts = setup.prompts;
  job.end_token = setup.stop_tokens.front();

  const CatchInterrupts catch_interrupts;
  Json result = result_head(settings, "sft");
  result.update(sft(run, job));
  return finish(run, std::move(result));
}

std::string show_sft(const Json& result) {
  const std::string out = result.at("out");
  return fmt::format("{}: {} steps over {} examples, {} target tokens; loss {:.4f} in the last step.\n\n",
                     result.at("label").get<std::string>(), grouped(result.at("steps")),
                     grouped(result.at("examples")), grouped(result.at("tokens")),
                     result.at("final").at("loss").get<double>()) +
         table({{"left out: no solution", grouped(result.at("without_solution"))},
                {"left out: longer than sft.max_tokens or the context", grouped(result.at("too_long"))}}) +
         fmt::format("\nThe model is in {}/model.\n", out);
}

std::string next_of_sft(const Json& result, const Invocation& invocation) {
  std::vector<std::pair<std::string, std::string>> flags = {
      {"--model", result.at("out").get<std::string>() + "/model"},
      {"--problems", invocation.settings.paths.problems}};
  if (invocation.settings.run.label.empty()) flags.emplace_back("--label", result.at("label"));
  return next_command(invocation, result, "eval", flags);
}

}  // namespace

const Verb sft_verb = {
    .name = "sft",
    .group = VerbGroup::data,
    .summary = "fine-tune the model on solutions (supervised)",
    .description =
        "Trains on the solutions of the problems; the prompt, and guidance where a problem carries it, is\n"
        "masked out of the loss. Stopped by Ctrl-C it saves a checkpoint; started again, it goes on at its "
        "newest.\n"
        "\n"
        "Leaves in --out: model/ (a Hugging Face directory), metrics.jsonl, tensorboard/, checkpoints/,\n"
        "result.json.\n"
        "\n"
        "  pope sft --model MODEL --problems solved.jsonl --out runs/sft --set optimizer.lr=1e-5",
    .shortcuts = {{"--model", "paths.model", "MODEL", Need::required},
                  {"--problems", "paths.problems", "FILE", Need::required},
                  {"--skip-bad", "problems.skip_bad"}},
    .keys = {"run.*", "paths.model", "paths.problems", "problems.*", "sft.*", "optimizer.*", "lora.*",
             "prompt.*", "metrics.*"},
    .run = run_sft,
    .show = show_sft,
    .next = next_of_sft};

}  // namespace pope
