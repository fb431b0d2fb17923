// Epochs, hard problems and the evolutions between; see p2o.h.
#include "learn/p2o.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/partial.h"
#include "core/progress.h"
#include "core/rng.h"
#include "evolve/problem_adapter.h"
#include "learn/group_source.h"
#include "learn/trainer.h"

namespace pope {
namespace {

// One of `from`, in proportion to its weight.
int draw(const std::vector<int>& from, const std::vector<double>& weights, RngStream& random) {
  double sum = 0;
  for (const int one : from) sum += weights[static_cast<std::size_t>(one)];
  double at = random.uniform() * sum;
  for (const int one : from) {
    at -= weights[static_cast<std::size_t>(one)];
    if (at < 0) return one;
  }
  return from.back();
}

// What evolutions came to. In checkpoints.
struct Evolved {
  int epoch = 0;  // 0-based, for which templates are drawn
  TemplateDraws draws;
  double seed_mean = 0, best_mean = 0;  // of the dev set, without a template and under the best one
  std::int64_t metric_calls = 0, tokens = 0, reflection_tokens = 0;  // of all evolutions
};

Json to_json(const Evolved& evolved) {
  return {{"epoch", evolved.epoch},
          {"templates", evolved.draws.templates},
          {"given", evolved.draws.given},
          {"solved", evolved.draws.solved},
          {"seed_mean", evolved.seed_mean},
          {"best_mean", evolved.best_mean},
          {"metric_calls", evolved.metric_calls},
          {"tokens", evolved.tokens},
          {"reflection_tokens", evolved.reflection_tokens}};
}

Evolved evolved_from(const Json& state) {
  Evolved evolved;
  state.at("epoch").get_to(evolved.epoch);
  state.at("templates").get_to(evolved.draws.templates);
  state.at("given").get_to(evolved.draws.given);
  state.at("solved").get_to(evolved.draws.solved);
  state.at("seed_mean").get_to(evolved.seed_mean);
  state.at("best_mean").get_to(evolved.best_mean);
  state.at("metric_calls").get_to(evolved.metric_calls);
  state.at("tokens").get_to(evolved.tokens);
  state.at("reflection_tokens").get_to(evolved.reflection_tokens);
  return evolved;
}

class P2o : public Curriculum {
 public:
  P2o(const TrainJob& job, const std::filesystem::path& run)
      : job_(job),
        folder_(run / "evolve"),
        epoch_steps_(std::ssize(job.hard) / job.config.prompts_per_step),
        sets_{{"unguided", false, {}}, {"guided", true, {}}} {
    for (const Problem& problem : job.hard) {
      problems_.push_back(with_template(problem, ""));
      places_[problem.id] = problems_.size() - 1;
    }
  }

  const std::vector<PromptSet>& sets() const override { return sets_; }

  bool works_before(std::int64_t t) const override { return t / epoch_steps_ != evolved_.epoch; }

  void prepare(std::int64_t t) override {
    const auto epoch = static_cast<int>(t / epoch_steps_);
    Evolved next = evolved_;
    next.epoch = epoch;
    next.draws = {};
    next.seed_mean = next.best_mean = 0;
    if (std::cmp_less(found_.size(), job_.p2o.min_hard)) {
      log_line(
          fmt::format("epoch {} left {} hard problems, fewer than p2o.min_hard: no templates for the next",
                      epoch, found_.size()));
    } else {
      evolve_templates(next);
    }
    evolved_ = std::move(next);
    found_.clear();
  }

  std::vector<GroupPlan> plan(std::int64_t t) const override {
    const auto prompts = static_cast<std::size_t>(job_.config.prompts_per_step);
    const auto epoch = static_cast<std::uint64_t>(t / epoch_steps_);
    const std::vector<std::size_t> order =
        RngStream(job_.seed, {key_of("p2o epoch"), epoch}).permutation(problems_.size());
    const std::size_t first = static_cast<std::size_t>(t % epoch_steps_) * prompts;
    std::vector<GroupPlan> groups;
    for (std::size_t place = first; place < first + prompts; ++place)
      groups.push_back(group_of(problems_[order[place]]));
    return groups;
  }

  void learn_from(const std::vector<Group>& groups) override {
    for (const Group& group : groups) {
      const auto correct = std::count_if(group.rollouts.begin(), group.rollouts.end(),
                                         [](const GradedRollout& graded) { return graded.verdict.correct; });
      if (is_hard(job_.p2o, static_cast<int>(correct))) found_.push_back(group.prompt->problem.id);
    }
  }

  void add_metrics(Json& row) const override {
    row["p2o/epoch"] = evolved_.epoch + 1;
    row["p2o/hard"] = evolved_.draws.given.size();
    row["p2o/found"] = found_.size();
    row["p2o/templates"] = evolved_.draws.templates.size();
    row["p2o/solved"] = evolved_.draws.solved;
    row["p2o/seed_mean"] = evolved_.seed_mean;
    row["p2o/best_mean"] = evolved_.best_mean;
    row["p2o/metric_calls"] = evolved_.metric_calls;
    row["p2o/rollouts"] = evolved_.metric_calls * job_.evolve.samples;
    row["p2o/tokens"] = evolved_.tokens;
    row["p2o/reflection_tokens"] = evolved_.reflection_tokens;
  }

  Json state() const override { return {{"found", found_}, {"evolved", to_json(evolved_)}}; }
  void restore(const Json& state) override {
    state.at("found").get_to(found_);
    evolved_ = evolved_from(state.at("evolved"));
  }

 private:
  GroupPlan group_of(const Problem& problem) const {
    GroupPlan group{&sets_[0], drawn_prompt(job_, problem, false), {}};
    const auto given = evolved_.draws.given.find(problem.id);
    if (given == evolved_.draws.given.end()) return group;
    group.set = &sets_[1];
    for (const int index : given->second) {
      const std::string& text = evolved_.draws.templates[static_cast<std::size_t>(index)];
      group.prompts.push_back(drawn_prompt(job_, with_template(problem, text), true));
    }
    return group;
  }

  // GEPA on the hard problems, with the policy as it is; goes on from what a former start has paid for.
  void evolve_templates(Evolved& next) const {
    std::vector<std::string> ids = found_;
    std::sort(ids.begin(), ids.end(),
              [&](const std::string& a, const std::string& b) { return places_.at(a) < places_.at(b); });
    std::vector<Problem> hard;
    for (const std::string& id : ids) hard.push_back(problems_[places_.at(id)]);
    const std::uint64_t seed =
        RngStream(job_.seed, {key_of("p2o evolution"), static_cast<std::uint64_t>(next.epoch)}).next();
    RolloutContext context = rollout_context(job_);
    context.seed = seed;
    ProblemAdapter adapter(context, *job_.reflection, job_.evolve, hard);
    const std::string name = fmt::format("epoch-{:03}", next.epoch);  // 1-based: the one that has ended
    PartialResults paid(folder_, name);
    const Evolution evolution = evolve(
        adapter, job_.evolve, seed, {{kTemplate, ""}}, split_problems(hard, job_.evolve.dev, seed),
        paid.done(),
        [&](Json item, const std::vector<Json>& rollouts) { paid.add(std::move(item), rollouts, 0); },
        [&](const Evolution& changed) {
          write_jsonl(folder_ / name / "candidates.jsonl", candidate_rows(changed));
          write_jsonl(folder_ / name / "proposals.jsonl", proposal_rows(changed));
        });
    const Scores scores = evolution.scores();
    next.draws = draw_templates(evolution, ids, job_.config.rollouts_per_prompt, job_.p2o.per_rollout, seed);
    next.seed_mean = mean_score(scores.front());
    next.best_mean = mean_score(scores[static_cast<std::size_t>(best_candidate(scores))]);
    next.metric_calls += evolution.metric_calls;
    next.tokens += evolution.rollout_tokens;
    next.reflection_tokens += evolution.reflection_tokens + evolution.reflection_prompt_tokens;
    log_line(fmt::format(
        "epoch {}: {} hard problems, {} candidates, {} templates solve {} of {} dev problems", next.epoch,
        ids.size(), scores.size(), next.draws.templates.size(), next.draws.solved, evolution.dev.size()));
  }

  const TrainJob& job_;
  const std::filesystem::path folder_;
  const std::int64_t epoch_steps_;
  const std::vector<PromptSet> sets_;
  std::vector<Problem> problems_;              // without guidance
  std::map<std::string, std::size_t> places_;  // id → place in problems_
  std::vector<std::string> found_;             // hard in this epoch, as they came
  Evolved evolved_;
};

}  // namespace

bool is_hard(const P2oConfig& config, int correct) { return correct <= (config.near_hard ? 1 : 0); }

TemplateDraws draw_templates(const Evolution& evolution, const std::vector<std::string>& hard, int rollouts,
                             bool per_rollout, std::uint64_t seed) {
  const Scores scores = evolution.scores();
  TemplateDraws draws;
  std::vector<double> means;
  std::vector<int> all;
  std::map<std::string, std::vector<int>> solvers;  // of dev problems
  for (const int candidate : greedy_cover(scores)) {
    const auto number = static_cast<int>(means.size());
    const std::vector<double>& of_candidate = scores[static_cast<std::size_t>(candidate)];
    all.push_back(number);
    means.push_back(mean_score(of_candidate));
    draws.templates.push_back(evolution.candidates[static_cast<std::size_t>(candidate)].texts.at(kTemplate));
    for (std::size_t i = 0; i < evolution.dev.size(); ++i)
      if (of_candidate[i] > 0) solvers[evolution.dev[i]].push_back(number);
  }
  draws.solved = static_cast<int>(solvers.size());
  if (all.empty()) return draws;
  for (const std::string& id : hard) {
    const auto found = solvers.find(id);
    const std::vector<int>& from = found == solvers.end() ? all : found->second;
    RngStream random(seed, {key_of("p2o templates"), key_of(id)});
    std::vector<int>& given = draws.given[id];
    for (int i = 0; i < rollouts; ++i)
      given.push_back(per_rollout || i == 0 ? draw(from, means, random) : given.front());
    std::sort(given.begin(), given.end());
  }
  return draws;
}

std::unique_ptr<Curriculum> make_p2o(const TrainJob& job, const Mixture&, const std::filesystem::path& run) {
  if (std::cmp_less(job.hard.size(), job.config.prompts_per_step)) {
    throw Error("train",
                fmt::format("expected at least train.prompts_per_step = {} problems for an epoch, got {}",
                            job.config.prompts_per_step, job.hard.size()));
  }
  const std::size_t dev =
      std::min<std::size_t>(job.evolve.dev, std::max<std::size_t>(job.hard.size() / 2, 1));
  if (std::cmp_less(job.evolve.budget, dev)) {
    refuse_setting("evolve.budget", fmt::format("at least {}, the problems of a dev set", dev),
                   std::to_string(job.evolve.budget), "raise it, or lower evolve.dev");
  }
  if (!job.reflection) throw Error("train", "expected a reflection model for train.guidance=evolved");
  if (job.processes->size() > 1) {
    throw Error("train", fmt::format("expected one process for train.guidance=evolved, got {}",
                                     job.processes->size()));
  }
  return std::make_unique<P2o>(job, run);
}

}  // namespace pope
