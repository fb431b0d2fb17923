// Templates as guidance, rollouts as evaluations, a chat message as reflection.
#include "evolve/problem_adapter.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "core/chars.h"
#include "core/error.h"
#include "core/rng.h"
#include "evolve/reflection.h"
#include "explore/kept_records.h"

namespace pope {
namespace {

constexpr const char* kPlaces[] = {"{problem}", "{guidance}", "{solution}", "{answer}"};

// What to say about one rollout of several.
std::string feedback_of(const GradedRollout& shown, const Problem& problem, std::size_t right,
                        std::size_t judged) {
  std::string text;
  if (judged > 1) text = fmt::format("{} of {} attempts were right. This one: ", right, judged);
  if (shown.truncated()) {
    text +=
        fmt::format("It was cut off after {} tokens, before it came to an end.", shown.rollout.tokens.size());
  } else if (shown.verdict.correct) {
    text += "The final answer is right.";
  } else {
    text += "The final answer is wrong (" + shown.verdict.reason + ").";
  }
  if (!shown.verdict.extracted.empty()) text += " As the final answer was read: " + shown.verdict.extracted;
  return text + "\nThe reference answer is: " + problem.answer;
}

Evaluated evaluation_of(const Sampled& sampled) {
  Evaluated evaluation;
  const GradedRollout* shown = nullptr;
  std::size_t right = 0, judged = 0;
  for (const GradedRollout& graded : sampled.rollouts) {
    evaluation.tokens += std::ssize(graded.rollout.tokens);
    if (graded.ungraded()) continue;
    ++judged;
    right += graded.verdict.correct;
    // The first that went wrong says most.
    if (shown == nullptr || (shown->verdict.correct && !graded.verdict.correct)) shown = &graded;
  }
  if (shown == nullptr) {
    evaluation.error = "the verifier could not judge: " + sampled.rollouts.front().verdict.reason;
    return evaluation;
  }
  evaluation.score = static_cast<double>(right) / static_cast<double>(judged);
  evaluation.output = shown->completion;
  evaluation.feedback = feedback_of(*shown, sampled.prompt->problem, right, judged);
  KeptRecords records;
  records.add(sampled, "evolve");
  evaluation.rollouts = records.take(static_cast<int>(sampled.rollouts.size()));
  return evaluation;
}

}  // namespace

void add_evolved_wording(PromptConfig& config) {
  config.wordings.emplace(kEvolved,
                          std::map<std::string, std::string>{{"text", "{guidance}\n\n" + config.unguided}});
}

Problem with_template(Problem problem, const std::string& text) {
  problem.guidance.reset();
  if (!text.empty()) {
    Guidance guidance;
    guidance.kind = kEvolved;
    guidance.text = text;
    guidance.instruction = kEvolved;
    problem.guidance = std::move(guidance);
  }
  return problem;
}

Instances split_problems(const std::vector<Problem>& problems, int dev, std::uint64_t seed) {
  Instances instances;
  const std::size_t most = std::min<std::size_t>(dev, std::max<std::size_t>(problems.size() / 2, 1));
  for (const std::size_t i : RngStream(seed, {key_of("evolve dev")}).permutation(problems.size()))
    (instances.dev.size() < most ? instances.dev : instances.feedback).push_back(problems[i].id);
  if (instances.feedback.empty()) instances.feedback = instances.dev;
  return instances;
}

ProblemAdapter::ProblemAdapter(const RolloutContext& context, const ReflectionModel& model,
                               const EvolveConfig& config, const std::vector<Problem>& problems)
    : context_(context), model_(model), config_(config) {
  for (const Problem& problem : problems) problems_[problem.id] = &problem;
}

std::shared_ptr<const Prompt> ProblemAdapter::prompt(const Problem& problem, const std::string& text) const {
  return prompt_for(context_, with_template(problem, text), true);
}

void ProblemAdapter::evaluate(const std::vector<EvaluationJob>& jobs,
                              const std::function<void(std::size_t, Evaluated&&)>& done) {
  std::size_t next = 0;
  const NextWork work = [&]() -> std::optional<Work> {
    if (next == jobs.size()) return std::nullopt;
    const EvaluationJob& job = jobs[next];
    const std::string& text = job.texts->at(kTemplate);
    Work one;
    one.tag = next++;
    one.prompt = prompt(*problems_.at(job.instance), text);
    one.rng_key = rng_key_of("evolve", job.instance, key_of(text));
    one.samples = config_.samples;
    return one;
  };
  sample_and_grade(context_, work, [&](Sampled&& sampled) { done(sampled.tag, evaluation_of(sampled)); });
}

std::vector<int> ProblemAdapter::reflection_prompt(const ReflectionJob& job) const {
  std::vector<Example> examples;
  for (std::size_t i = 0; i < job.instances.size(); ++i) {
    const Evaluated& evaluation = *job.evaluations[i];
    examples.push_back({problems_.at(job.instances[i])->statement, evaluation.output, evaluation.feedback});
  }
  constexpr std::size_t kMost = 1 << 15, kLeast = 1 << 6;  // bytes of one part of an example
  for (std::size_t most = kMost;; most /= 2) {
    std::vector<int> ids = model_.prompts.render(reflection_message(
        "stands in front of each problem that the model is given", job.text, examples, most));
    if (std::ssize(ids) + model_.sampling.max_new_tokens <= model_.engine.context()) return ids;
    if (most == kLeast)
      throw Error("reflect",
                  fmt::format("the shortest message of {} tokens and a reply of {} do not fit into the "
                              "context of the reflection model, {} tokens",
                              ids.size(), model_.sampling.max_new_tokens, model_.engine.context()),
                  "lower evolve.reflection_tokens, evolve.minibatch or evolve.max_text");
  }
}

void ProblemAdapter::reflect(const std::vector<ReflectionJob>& jobs,
                             const std::function<void(std::size_t, Reflection&&)>& done) {
  std::vector<Request> requests;
  for (const ReflectionJob& job : jobs) {
    Request request;
    request.tag = requests.size();
    request.rng_key = job.key;
    request.prompt = reflection_prompt(job);
    requests.push_back(std::move(request));
  }
  std::vector<bool> came(jobs.size());
  std::string problem = "no reply came";
  std::exception_ptr not_taken;  // by the caller: no fault of the engine
  std::size_t next = 0;
  try {
    model_.engine.run(
        model_.sampling, context_.seed, model_.stop_tokens,
        [&]() -> std::optional<Request> {
          if (next == requests.size()) return std::nullopt;
          return requests[next++];
        },
        [&](Rollout&& rollout) {
          came.at(rollout.tag) = true;
          try {
            done(rollout.tag, {model_.prompts.tokenizer().decode(rollout.tokens), std::ssize(rollout.tokens),
                               std::ssize(requests[rollout.tag].prompt), ""});
          } catch (...) {
            not_taken = std::current_exception();
            throw;
          }
        },
        context_.go_on);
  } catch (const Error& error) {
    if (not_taken) throw;
    problem = error.what();
  }
  for (std::size_t i = 0; i < came.size(); ++i) {
    if (came[i]) continue;
    Reflection failed;
    failed.error = problem;
    done(i, std::move(failed));
  }
}

std::string ProblemAdapter::refusal(const std::string&, const std::string& text) const {
  if (std::cmp_greater(text.size(), config_.max_text))
    return fmt::format("{} bytes, above evolve.max_text ({})", text.size(), config_.max_text);
  for (const char* place : kPlaces) {
    if (text.find(place) != std::string::npos)
      return std::string("it names the place ") + place +
             ", which nothing fills: the problem stands below it";
  }
  for (const auto& [id, problem] : problems_) {
    if (!fits(*prompt(*problem, text), context_))
      return "with it problem '" + id + "' does not fit into the model's context";
  }
  return "";
}

}  // namespace pope
