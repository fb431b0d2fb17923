// Evaluation: every problem gets the same number of samples, all in flight as the engine has room.
#include "evaluate/evaluate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/progress.h"
#include "explore/kept_records.h"
#include "text/steps.h"

namespace pope {

void EvalConfig::fields(Options& o) {
  o.add("samples", samples, "rollouts per problem").at_least(1);
  o.add("problems", problems, "of each set only the first so many problems; 0 = all").at_least(0);
  o.add("pass_at", pass_at, "k of the reported pass@k; those above samples are left out")
      .at_least(1)
      .distinct()
      .may_change();
  o.add("level", level, "level of the bootstrap intervals over problems").above(0).below(1).may_change();
  o.add("resamples", resamples, "bootstrap resamples").at_least(1).may_change();
  o.add("guided", guided, "also evaluate under guidance those problems that carry it");
  o.add("keep_rollouts", keep_rollouts, "rollouts kept for reading, per problem").at_least(0).may_change();
  o.add("overlap", overlap, "measure how much of its guidance a problem's rollouts re-use, shown or not");
  o.add("overlap_ngram", overlap_of.ngram, "overlap: words of an n-gram").at_least(1);
  o.add("overlap_boundary", overlap_of.boundary, "overlap: where a step ends; auto: at a line or sentence")
      .choices(step_boundaries());
  o.add("overlap_similar", overlap_of.similar, "overlap: two steps match from this part of shared words on")
      .above(0)
      .at_most(1);
}

void EvalConfig::check_together() const {
  if (std::none_of(pass_at.begin(), pass_at.end(), [&](int k) { return k <= samples; }))
    refuse_setting("eval.pass_at", fmt::format("a k that is at most eval.samples ({})", samples),
                   fmt::format("[{}]", fmt::join(pass_at, ", ")));
}

namespace {

// A problem to sample.
struct ToDo {
  std::size_t place;  // in SetResult::problems
  const Problem* problem;
  std::string guidance, others;  // of the problem itself and of another one: what overlap is measured with
};

void add(Overlap& sum, const Overlap& one) {
  sum.ngrams += one.ngrams;
  sum.steps += one.steps;
}

// {value, chance: means over problems; values: of each, value − chance}.
Json overlap_json(const SetResult& result, double Overlap::*measure) {
  double value = 0, chance = 0;
  Json values = Json::array();
  for (const EvaluatedProblem& problem : result.problems) {
    const double own = problem.overlap.*measure / result.samples,
                 other = problem.chance.*measure / result.samples;
    value += own / static_cast<double>(result.problems.size());
    chance += other / static_cast<double>(result.problems.size());
    values.push_back(own - other);
  }
  return {{"value", value}, {"chance", chance}, {"values", values}};
}

void summarise(const EvalConfig& config, SetResult& result) {
  if (result.problems.empty()) return;
  double truncated = 0, ungraded = 0, tokens = 0;
  for (const EvaluatedProblem& problem : result.problems) {
    truncated += problem.truncated;
    ungraded += problem.ungraded;
    tokens += static_cast<double>(problem.tokens);
  }
  const double rollouts = static_cast<double>(result.problems.size()) * config.samples;
  result.truncated = truncated / rollouts;
  result.ungraded = ungraded / rollouts;
  result.mean_tokens = tokens / rollouts;
  for (const int k : config.pass_at) {
    if (k > config.samples) continue;
    std::vector<double> values;
    for (const EvaluatedProblem& p : result.problems)
      values.push_back(pass_at_k(config.samples, p.correct, k));
    result.pass.push_back({k, bootstrap_rate(values, config.level, config.resamples)});
  }
}

}  // namespace

bool has_guidance(const std::vector<Problem>& problems) {
  return std::any_of(problems.begin(), problems.end(),
                     [](const Problem& p) { return p.guidance.has_value(); });
}

SetResult evaluate_set(const RolloutContext& context, const EvalConfig& config, const std::string& set,
                       const std::vector<Problem>& problems, bool guided,
                       const std::vector<EvaluatedProblem>& done, const OnEvaluated& on_finished) {
  check(config);
  SetResult result;
  result.set = set;
  result.guided = guided;
  result.samples = config.samples;
  result.level = config.level;

  std::unordered_map<std::string_view, const EvaluatedProblem*> before;
  for (const EvaluatedProblem& problem : done) before.emplace(problem.id, &problem);
  std::vector<const Problem*> chosen;
  for (const Problem& problem : problems) {
    if (config.problems > 0 && std::cmp_equal(chosen.size(), config.problems)) break;
    if (!guided || problem.guidance) chosen.push_back(&problem);
  }
  result.overlap = config.overlap && chosen.size() >= 2 &&
                   std::all_of(chosen.begin(), chosen.end(), [](const Problem* p) { return p->guidance; });
  std::vector<ToDo> to_do;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const Problem& problem = *chosen[i];
    const auto found = before.find(problem.id);
    result.problems.push_back(found != before.end() ? *found->second : EvaluatedProblem{problem.id});
    if (found != before.end()) continue;
    ToDo one{i, &problem};
    if (result.overlap) {
      one.guidance = problem.guidance->text;
      one.others = chosen[(i + 1) % chosen.size()]->guidance->text;
    }
    to_do.push_back(std::move(one));
  }

  Progress progress("evaluate " + set + (guided ? ", guided" : ""),
                    static_cast<double>(to_do.size()) * config.samples);
  std::size_t asked = 0;
  double finished = 0;
  const auto next = [&]() -> std::optional<Work> {
    if (asked == to_do.size()) return std::nullopt;
    Work work;
    work.tag = asked;
    work.prompt = prompt_for(context, *to_do[asked].problem, guided);
    work.rng_key = rng_key_of("evaluate", to_do[asked].problem->id, guided);
    work.samples = config.samples;
    ++asked;
    return work;
  };
  const auto done_one = [&](Sampled&& sampled) {
    const ToDo& one = to_do.at(sampled.tag);
    EvaluatedProblem& evaluated = result.problems[one.place];
    for (const GradedRollout& graded : sampled.rollouts) {
      evaluated.correct += graded.verdict.correct;
      evaluated.truncated += graded.truncated();
      evaluated.ungraded += graded.ungraded();
      evaluated.tokens += static_cast<std::int64_t>(graded.rollout.tokens.size());
      if (!result.overlap) continue;
      add(evaluated.overlap, overlap(config.overlap_of, one.guidance, graded.completion));
      add(evaluated.chance, overlap(config.overlap_of, one.others, graded.completion));
    }
    if (!on_finished) return;
    KeptRecords records(config.keep_rollouts);
    if (config.keep_rollouts > 0) records.add(sampled, set);
    on_finished(evaluated, records.take(config.samples));
  };
  sample_and_grade(context, next, done_one,
                   [&](std::size_t, const GradedRollout&) { progress.update(++finished); });
  summarise(config, result);
  return result;
}

Json to_json(const EvaluatedProblem& p) {
  return {{"id", p.id},
          {"correct", p.correct},
          {"truncated", p.truncated},
          {"ungraded", p.ungraded},
          {"tokens", p.tokens},
          {"overlap", {p.overlap.ngrams, p.overlap.steps, p.chance.ngrams, p.chance.steps}}};
}

EvaluatedProblem evaluated_problem(const Json& row) {
  EvaluatedProblem p{row.at("id"), row.at("correct"), row.at("truncated"), row.value("ungraded", 0),
                     row.at("tokens")};
  const Json sums = row.value("overlap", Json::array({0, 0, 0, 0}));
  p.overlap = {sums.at(0), sums.at(1)};
  p.chance = {sums.at(2), sums.at(3)};
  return p;
}

Json to_json(const SetResult& result) {
  Json pass = Json::array(), correct = Json::array(), ids = Json::array();
  for (const EvaluatedProblem& problem : result.problems) {
    correct.push_back(problem.correct);
    ids.push_back(problem.id);
  }
  for (const PassAtK& p : result.pass) {
    pass.push_back(
        {{"k", p.k}, {"value", p.interval.value}, {"low", p.interval.low}, {"high", p.interval.high}});
  }
  Json json{{"set", result.set},
            {"guided", result.guided},
            {"problems", result.problems.size()},
            {"samples", result.samples},
            {"pass", pass},
            {"level", result.level},
            {"truncated", result.truncated},
            {"ungraded", result.ungraded},
            {"mean_tokens", result.mean_tokens},
            {"correct", correct},
            {"ids", ids}};
  if (result.overlap) {
    json["overlap"] = {{"ngrams", overlap_json(result, &Overlap::ngrams)},
                       {"steps", overlap_json(result, &Overlap::steps)}};
  }
  return json;
}

}  // namespace pope
