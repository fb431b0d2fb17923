// pope train: reinforcement learning on the mixture of unguided, guided and easy problems.
#include <fmt/format.h>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "explore/guide.h"
#include "explore/references.h"
#include "learn/gloo_group.h"
#include "learn/trainer.h"
#include "model/copy_model.h"
#include "model/device.h"
#include "model/load.h"
#include "pope/next.h"
#include "pope/reflector.h"
#include "pope/setup.h"
#include "pope/table.h"
#include "pope/verb.h"
#include "report/summary.h"
#include "rollout/make_engine.h"

namespace pope {
namespace {

// What is given and would not be used is a mistake.
void check_used(const Settings& settings, const Options& options) {
  check_easy_used(settings);
  if (!settings.paths.eval_sets.empty() && settings.train.eval_every == 0) {
    throw Error("config", "eval sets are given, but train.eval_every is 0: they would not be evaluated",
                "set train.eval_every, e.g. to 20, or leave out --eval-set");
  }
  if (!settings.paths.reference.empty() && !needs_reference(settings.objective)) {
    throw Error(
        "config", "paths.reference is given, but objective.kl_coef is 0: it would not be used",
        "set objective.kl_coef, e.g. to 0.001, or objective.self_distillation with a frozen teacher, or "
        "leave out paths.reference");
  }
  if (settings.objective.context_distillation && settings.mixture.guided == 0 &&
      settings.train.guidance == "fixed")
    refuse_setting("objective.context_distillation", "false with mixture.guided=0", "true",
                   "no guided prompt would be drawn");
  if (settings.objective.self_distillation > 0 && settings.mixture.unguided == 0)
    refuse_setting("objective.self_distillation", "0 with mixture.unguided=0",
                   fmt::to_string(settings.objective.self_distillation),
                   "rollouts without guidance are those that it teaches");
  // Settings whose keys begin so are read by one method alone.
  const auto refuse_unread = [&](const char* keys, const std::string& now, const std::string& needed) {
    for (const Options::Option& option : options.all()) {
      if (!option.key().starts_with(keys) || option.value_text() == option.default_text()) continue;
      refuse_setting(option.key(), option.default_text() + ", its default, with " + now, option.value_text(),
                     "set " + needed + ", or leave it out");
    }
  };
  if (settings.objective.reward != "majority")
    refuse_unread("vote.", "objective.reward=" + settings.objective.reward, "objective.reward=majority");
  if (settings.objective.reward != "transfer")
    refuse_unread("objective.transfer_", "objective.reward=" + settings.objective.reward,
                  "objective.reward=transfer");
  if (settings.retire.above == 0) refuse_unread("retire.", "retire.above=0", "retire.above=0.9");
  if (settings.engine.kind == "native")
    for (const char* key : {"engine.publish_", "engine.max_gap"})
      refuse_unread(key, "engine.kind=native", "engine.kind=http");
  if (settings.train.mode == "sync") refuse_unread("async.", "train.mode=sync", "train.mode=async");
  for (const auto& [section, reader] :
       {std::pair{"p2o.", "evolved"}, {"adaptive.", "adaptive"}, {"search.", "search"}}) {
    if (settings.train.guidance != reader)
      refuse_unread(section, "train.guidance=" + settings.train.guidance,
                    std::string("train.guidance=") + reader);
  }
}

void check_train(const Invocation& invocation) {
  const Settings& s = invocation.settings;
  check_rl(s.train, s.async, s.objective, s.optimizer, s.sampling);
  check_guidance(s.train, s.retire, s.mixture);
  check_shares(s.mixture, s.train.prompts_per_step);
  check_rewards(s.train, s.objective, s.vote, s.retire, s.mixture);
  check_used(s, invocation.options);
  if (needs_ema(s.objective, s.vote) && s.lora.rank > 0)
    refuse_setting("lora.rank", "0 for a moving average of the weights", std::to_string(s.lora.rank));
  if (s.engine.kind == "http" && s.vote.momentum_rollouts > 0)
    refuse_setting("engine.kind", "native with vote.momentum_rollouts", "http",
                   "the momentum policy's weights are in this process alone");
  if (s.engine.publish_every > 1 && s.async.max_lag >= 0)
    refuse_setting("engine.publish_every", "1 with async.max_lag", std::to_string(s.engine.publish_every),
                   "weights that are held back would be older than async.max_lag allows");
}

// The frozen model that objective.kl_coef compares with, or a teacher: weights in the compute type, no
// masters, no gradients.
std::shared_ptr<const Model> load_reference(const Settings& settings) {
  if (!needs_reference(settings.objective)) return nullptr;
  const std::string& path =
      settings.paths.reference.empty() ? settings.paths.model : settings.paths.reference;
  std::shared_ptr<const Model> model =
      load_model(path, compute_type(settings.run.dtype), Weights::frozen, open_device(settings.run.device))
          .model;
  std::size_t bytes = 0;
  for (const Parameter& p : model->parameters()) bytes += p.compute.nbytes();
  log_line(fmt::format("reference model: {}, {:.0f} MB beside the model", path, bytes / 1e6));
  return model;
}

// Who rewrites templates: by default the model that training begins with.
std::shared_ptr<const ReflectionModel> load_reflection_model(const Settings& settings) {
  if (settings.train.guidance != "evolved") return nullptr;
  const std::string& named = settings.evolve.reflection_model;
  return load_reflector(settings, named.empty() ? settings.paths.model : named);
}

Json run_train(const Invocation& invocation) {
  Settings settings = invocation.settings;
  if (settings.train.guidance == "evolved") add_evolved_wording(settings.prompt);
  const std::unique_ptr<ProcessGroup> processes =
      join_processes(launch_of_environment(), settings.optimizer.sharded);
  if (processes->size() > 1 && settings.engine.kind == "http") {
    throw Error("train", fmt::format("expected one process with engine.kind=http, got {}", processes->size()),
                "the servers are the other processes: start pope train without torchrun");
  }
  RunDir run = open_run(invocation, "train", *processes);
  std::optional<Json> stored;
  if (processes->writes()) stored = complete_result(run, "model");
  if (processes->broadcast(stored ? "complete" : "") == "complete") return stored.value_or(Json());
  if (settings.engine.publish_dir.empty()) {
    settings.engine.publish_dir = (run.path() / "published").string();
    if (processes->writes())
      std::filesystem::remove_all(settings.engine.publish_dir);  // of a start that was killed
  }
  if (settings.metrics.tensorboard) run.write_tensorboard();
  std::vector<Problem> hard = required_problems(settings), easy = easy_problems(settings);
  std::vector<EvalSet> sets = named_sets(settings.paths.eval_sets, problems_config(settings));
  TrainJob job;
  job.config = settings.train;
  job.async = settings.async;
  job.mixture = settings.mixture;
  job.objective = settings.objective;
  job.optimizer = settings.optimizer;
  job.retire = settings.retire;
  job.vote = settings.vote;
  job.adaptive = settings.adaptive;
  job.search = settings.search;
  job.p2o = settings.p2o;
  job.evolve = settings.evolve;
  job.sampling = settings.sampling;
  job.seed = settings.run.seed;
  job.processes = processes.get();
  const Setup setup(settings, Weights::trainable);
  job.model = setup.model;
  job.reference = load_reference(settings);
  std::unique_ptr<Engine> momentum;
  if (needs_ema(job.objective, job.vote)) {
    job.ema = copy_of(*job.model);
    if (settings.vote.momentum_rollouts > 0) {
      momentum = make_engine(settings.engine, {.model = [&] { return job.ema; }});
      job.momentum = momentum.get();
    }
  }
  job.reflection = load_reflection_model(settings);
  job.prompts = setup.prompts;
  job.verifier = setup.verifier;
  job.engine = setup.engine.get();
  job.publish_every = settings.engine.publish_every;
  job.stop_tokens = setup.stop_tokens;
  const RolloutContext context = setup.context(settings);
  job.hard = without_leaks(within_context(std::move(hard), context), *setup.verifier);
  job.easy = within_context(std::move(easy), context);
  for (EvalSet& set : sets)
    job.eval_sets.push_back(
        {set.name, without_leaks(within_context(std::move(set.problems), context), *setup.verifier)});
  warn_of_faulty_references(job.hard, *setup.verifier);
  warn_of_faulty_references(job.easy, *setup.verifier);
  for (const EvalSet& set : job.eval_sets) warn_of_faulty_references(set.problems, *setup.verifier);

  const CatchInterrupts catch_interrupts;
  Json result = result_head(settings, "train");
  const Json trained = train(run, job);
  if (!processes->writes()) return {};
  std::error_code code;
  std::filesystem::remove(run.path() / "published", code);  // it is empty now
  result.update(trained);
  return finish(run, std::move(result));
}

std::string show_train(const Json& result) {
  const double seconds = total_seconds(result.at("seconds"));
  std::string text =
      fmt::format("{}: {} steps, {} rollouts, {} tokens in {}.\n\n", result.at("label").get<std::string>(),
                  grouped(result.at("steps")), grouped(result.at("rollouts")), grouped(result.at("tokens")),
                  duration(seconds));
  std::vector<std::vector<std::string>> rows = {{"last step", ""}};
  for (const auto& [key, value] : result.at("final").items()) {
    const bool shown = key.starts_with("reward/") || key.starts_with("solvable/") ||
                       key.starts_with("eval/") || key.starts_with("entropy/") ||
                       key.starts_with("truncated/") || key.starts_with("groups/");
    if (shown && value.is_number()) rows.push_back({key, fmt::format("{:.3f}", value.get<double>())});
  }
  text += table(rows);
  if (result.value("without_signal", 0) == result.at("steps")) {
    text +=
        "\nNo step had signal: no group had both correct and wrong rollouts, so nothing was learned.\n"
        "Give easier problems or longer guidance, more train.rollouts_per_prompt, or, where rollouts are\n"
        "truncated, a higher sampling.max_new_tokens.\n";
  }
  return text + fmt::format("\nThe model is in {}/model.\n", result.at("out").get<std::string>());
}

// The sets that training was measured on, or else the problems trained on.
std::string next_of_train(const Json& result, const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  std::vector<std::pair<std::string, std::string>> flags = {
      {"--model", result.at("out").get<std::string>() + "/model"}};
  if (settings.paths.eval_sets.empty()) {
    flags.emplace_back("--problems", settings.paths.problems);
  } else {
    flags.emplace_back("--set", "paths.problems=");
  }
  if (settings.run.label.empty()) flags.emplace_back("--label", result.at("label"));
  return next_command(invocation, result, "eval", flags);
}

}  // namespace

const Verb train_verb = {
    .name = "train",
    .group = VerbGroup::workflow,
    .summary = "train the model on hard problems, guided and unguided",
    .description =
        "Each step samples groups of rollouts from the mixture, grades them and takes a policy-gradient\n"
        "step. Guidance is input only, never a target. Plain GRPO: --set mixture.guided=0.\n"
        "Stopped by Ctrl-C it saves a checkpoint; started again, it goes on at its newest.\n"
        "\n"
        "Started by torchrun, mpirun or Slurm, several processes share each step's prompts (docs/scale.md).\n"
        "\n"
        "Leaves in --out: model/ (a Hugging Face directory), metrics.jsonl, tensorboard/, checkpoints/,\n"
        "rollouts/, result.json.\n"
        "\n"
        "  pope train --model MODEL --problems runs/guide/guided.jsonl --out runs/pope --label POPE",
    .shortcuts = {{"--model", "paths.model", "MODEL", Need::required},
                  {"--problems", "paths.problems", "FILE", Need::required},
                  {"--easy", "paths.easy", "FILE"},
                  {"--eval-set", "paths.eval_sets", "NAME=FILE"},
                  {"--skip-bad", "problems.skip_bad"}},
    .keys = sampling_keys({"run.activation_checkpointing", "paths.*", "train.*", "async.*", "retire.*",
                           "adaptive.*", "search.*", "p2o.*", "vote.*", "evolve.*", "reflector.*",
                           "mixture.*", "objective.*", "optimizer.*", "lora.*", "metrics.*"}),
    .check = check_train,
    .run = run_train,
    .show = show_train,
    .next = next_of_train};

}  // namespace pope
