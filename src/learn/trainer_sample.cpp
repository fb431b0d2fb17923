// The sampling half of a training step: prompts of the mixture → graded groups with advantages.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "core/rng.h"
#include "explore/sampling.h"
#include "learn/advantage.h"
#include "learn/objective.h"
#include "learn/trainer_parts.h"

namespace pope {

namespace {

// The solution as the policy would have sampled it, end token included; empty where the prompt shows
// guidance, there is no solution, or it is longer than a rollout may be.
std::vector<int> demonstration_of(const TrainJob& job, const Group& group) {
  const Problem& problem = *group.problem;
  if (group.set->guided || problem.solution.empty()) return {};
  const Wording wording{.problem = problem.statement, .solution = problem.solution, .answer = problem.answer};
  std::vector<int> tokens =
      job.prompts->tokenizer().encode(fill_wording(job.objective.demonstration, wording));
  if (!job.stop_tokens.empty()) tokens.push_back(job.stop_tokens.front());
  const auto longest = static_cast<std::size_t>(job.sampling.max_new_tokens);
  return tokens.size() <= longest ? tokens : std::vector<int>{};
}

void set_advantages(const TrainJob& job, Group& group) {
  if (takes_demonstrations(job.objective)) group.demonstration = demonstration_of(job, group);
  std::vector<double> rewards = group.rewards;
  if (!group.demonstration.empty()) rewards.push_back(1);
  group.advantages = group_advantages(job.objective, rewards);
  if (group.demonstration.empty()) return;
  group.demonstration_advantage = group.advantages.back();
  group.advantages.pop_back();
}

}  // namespace

bool Group::has_signal() const {
  return demonstration_advantage != 0 ||
         std::any_of(advantages.begin(), advantages.end(), [](double a) { return a != 0; });
}

Explorer explorer_of(const TrainJob& job) {
  Explorer explorer{*job.engine, *job.prompts, *job.verifier};
  explorer.sampling = job.sampling;
  explorer.stop_tokens = job.stop_tokens;
  explorer.seed = job.seed;
  explorer.instruction = job.instruction;
  return explorer;
}

std::vector<Group> sample_groups(const TrainJob& job, const Mixture& mixture, std::int64_t step,
                                 StageSeconds& seconds, const std::function<void(double)>& progress) {
  const Explorer explorer = explorer_of(job);
  std::vector<Group> groups;
  std::vector<Request> requests;
  for (const PromptDraw& draw : mixture.draw(step, job.config.prompts_per_step)) {
    Group group;
    group.set = draw.set;
    group.problem = draw.problem;
    group.prompt = prompt_of(*draw.problem, explorer);
    Request request;
    request.tag = groups.size();
    // The place in the batch is part of the key: a small set may be drawn from twice in one step.
    request.stream = RngStream(job.seed, {key_of("train"), static_cast<std::uint64_t>(step), groups.size(),
                                          key_of(draw.set->name), key_of(draw.problem->id)})
                         .next();
    request.prompt = group.prompt;
    request.samples = job.config.rollouts_per_prompt;
    group.rollouts.resize(static_cast<std::size_t>(request.samples));
    group.rewards.resize(group.rollouts.size());
    groups.push_back(std::move(group));
    requests.push_back(std::move(request));
  }
  const std::size_t all = groups.size() * static_cast<std::size_t>(job.config.rollouts_per_prompt);
  std::size_t asked = 0, arrived = 0;
  const auto next = [&]() -> std::optional<Request> {
    if (asked == requests.size()) return std::nullopt;
    return std::move(requests[asked++]);
  };
  const auto arrive = [&](GradedRollout&& graded) {
    Group& group = groups.at(graded.rollout.tag);
    const auto sample = static_cast<std::size_t>(graded.rollout.sample);
    group.rewards.at(sample) = graded.reward();
    group.rollouts.at(sample) = std::move(graded);
    progress(static_cast<double>(++arrived) / static_cast<double>(all));
  };
  const double grading = timed(seconds.sample, [&] {
    return sample_and_grade(
        explorer, next, [&](std::size_t tag) -> const Problem& { return *groups.at(tag).problem; }, arrive);
  });
  if (arrived != all) throw Error("train", fmt::format("expected {} rollouts, {} came back", all, arrived));
  seconds.sample -= grading;
  seconds.verify += grading;
  for (Group& group : groups) set_advantages(job, group);
  return groups;
}

std::vector<Json> rollout_records(const std::vector<Group>& groups, std::int64_t step) {
  std::vector<Json> rows;
  for (const Group& group : groups) {
    for (std::size_t i = 0; i < group.rollouts.size(); ++i) {
      Json row = record(group.rollouts[i], *group.problem, group.set->name, group.set->guided);
      row["step"] = step;
      row["reward"] = group.rewards[i];
      row["advantage"] = group.advantages[i];
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

}  // namespace pope
