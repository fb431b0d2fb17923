// Evaluation: every problem gets the same number of samples, all in flight as the engine has room.
#include "evaluate/evaluate.h"

#include <algorithm>

#include "core/error.h"
#include "core/progress.h"
#include "explore/sampling.h"

namespace pope {

void EvalConfig::fields(Options& o) {
  o.add("samples", samples, "rollouts per problem");
  o.add("pass_at", pass_at, "k of the reported pass@k; those above samples are left out");
  o.add("level", level, "level of the bootstrap intervals over problems");
  o.add("resamples", resamples, "bootstrap resamples");
  o.add("guided", guided, "also evaluate under guidance those problems that carry it");
  o.add("keep_rollouts", keep_rollouts, "rollouts kept for reading, per problem");
}

namespace {

struct Running {
  Problem posed;
  int arrived = 0, correct = 0;
  KeptRecords records;
};

std::vector<PassAtK> pass_at(const EvalConfig& config, const std::vector<int>& correct) {
  std::vector<PassAtK> pass;
  for (const int k : config.pass_at) {
    if (k < 1) throw Error("evaluate", "expected pass_at >= 1, got " + std::to_string(k));
    if (k > config.samples) continue;
    std::vector<double> values;
    for (const int c : correct) values.push_back(pass_at_k(config.samples, c, k));
    pass.push_back({k, bootstrap_mean(values, config.level, config.resamples)});
  }
  return pass;
}

}  // namespace

SetResult evaluate(const Explorer& explorer, const EvalConfig& config, const std::string& set,
                   const std::vector<Problem>& problems, bool guided, std::vector<Json>* records) {
  if (config.samples < 1)
    throw Error("evaluate", "expected samples >= 1, got " + std::to_string(config.samples));
  SetResult result;
  result.set = set;
  result.guided = guided;
  result.samples = config.samples;
  result.level = config.level;

  std::vector<Running> running;
  for (const Problem& problem : problems) {
    if (guided && !problem.guidance) continue;
    running.push_back(
        {as_prompted(problem, guided, explorer.instruction), 0, 0, KeptRecords(config.keep_rollouts)});
    result.ids.push_back(problem.id);
  }
  result.problems = static_cast<int>(running.size());
  if (running.empty()) return result;

  const double total = static_cast<double>(running.size()) * config.samples;
  Progress progress("evaluate " + set + (guided ? ", guided" : ""), total);
  std::size_t asked = 0;
  double finished = 0, truncated = 0, tokens = 0;
  const auto next = [&]() -> std::optional<Request> {
    if (asked == running.size()) return std::nullopt;
    Request request;
    request.tag = asked;
    request.stream = stream_of("evaluate", running[asked].posed.id, guided);
    request.prompt = prompt_of(running[asked].posed, explorer);
    request.samples = config.samples;
    ++asked;
    return request;
  };
  const auto arrive = [&](Rollout&& rollout) {
    Running& one = running.at(rollout.tag);
    const GradedRollout graded = grade_finished(std::move(rollout), one.posed, explorer);
    one.correct += graded.verdict.correct;
    truncated += graded.rollout.finish == FinishReason::length;
    tokens += static_cast<double>(graded.rollout.tokens.size());
    if (records && config.keep_rollouts > 0) one.records.add(graded, one.posed, set, guided);
    progress.update(++finished);
  };
  explorer.engine.run(explorer.sampling, explorer.seed, explorer.stop_tokens, next, arrive);

  for (Running& one : running) {
    result.correct.push_back(one.correct);
    if (!records) continue;
    for (Json& record : one.records.take(config.samples)) records->push_back(std::move(record));
  }
  result.truncated = truncated / total;
  result.mean_tokens = tokens / total;
  result.pass = pass_at(config, result.correct);
  return result;
}

Json to_json(const SetResult& result) {
  Json pass = Json::array();
  for (const PassAtK& p : result.pass) {
    pass.push_back(
        {{"k", p.k}, {"value", p.interval.value}, {"low", p.interval.low}, {"high", p.interval.high}});
  }
  return Json{{"set", result.set},
              {"guided", result.guided},
              {"problems", result.problems},
              {"samples", result.samples},
              {"pass", pass},
              {"level", result.level},
              {"truncated", result.truncated},
              {"mean_tokens", result.mean_tokens},
              {"correct", result.correct},
              {"ids", result.ids}};
}

}  // namespace pope
