// See rejection.h. All problems are in flight at once; a star problem that fails unguided is asked again.
#include "explore/rejection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <deque>
#include <unordered_map>

#include "core/progress.h"
#include "explore/kept_records.h"

namespace pope {

void CollectConfig::fields(Options& o) {
  o.add("samples", samples, "rollouts per problem, and per prompt for star").at_least(1);
  o.add("keep", keep, "different correct traces kept per problem").at_least(1);
  o.add("prompt", prompt,
        "star: guided where no unguided rollout is correct; star_answer: likewise, with the reference answer "
        "as "
        "the hint in place of guidance, and in no trace")
      .choices({"guided", "unguided", "star", "star_answer"});
  o.add("trace", trace, "of a guided rollout: guidance and completion joined, or the completion alone")
      .choices({"joined", "completion"});
}

namespace {

class Collector {
 public:
  using OnFinished = std::function<void(const CollectedProblem&, const std::vector<Json>&)>;

  Collector(const RolloutContext& context, const CollectConfig& config, const std::vector<Problem>& problems,
            const OnFinished& on_finished)
      : context_(context),
        config_(config),
        star_(config.prompt.starts_with("star")),
        joined_(config.trace == "joined" && config.prompt != "star_answer"),
        problems_(problems),
        on_finished_(on_finished) {}

  CollectResult run(const std::vector<CollectedProblem>& done) {
    std::unordered_map<std::string_view, const CollectedProblem*> before;
    for (const CollectedProblem& one : done) before.emplace(one.problem.id, &one);
    for (std::size_t i = 0; i < problems_.size(); ++i) {
      const auto found = before.find(problems_[i].id);
      result_.problems.push_back(found == before.end() ? CollectedProblem{problems_[i]} : *found->second);
      if (found == before.end()) plan(i);
    }
    Progress progress("collect", static_cast<double>(waiting_.size()));
    const std::size_t total = waiting_.size();
    sample_and_grade(
        context_, [&] { return next(); },
        [&](Sampled&& sampled) {
          arrive(sampled);
          const std::size_t left = waiting_.size() + in_flight_;
          progress.update(static_cast<double>(total - left),
                          fmt::format("{} of {} problems, {} with a trace", total - left, total, found_));
        });
    for (const CollectedProblem& one : result_.problems) {
      result_.ungraded += one.ungraded;
      (one.guided ? result_.guided : result_.unguided) += !one.traces.empty();
      result_.without_guidance += one.samples == 0 || (star_ && one.traces.empty() && !one.problem.guidance);
    }
    return std::move(result_);
  }

 private:
  void plan(std::size_t i) {
    const bool guided = config_.prompt == "guided";
    if (guided && !problems_[i].guidance) {
      finish(i, {});
      return;
    }
    result_.problems[i].guided = guided;
    waiting_.push_back(i);
  }

  std::optional<Work> next() {
    if (waiting_.empty()) return std::nullopt;
    const std::size_t i = waiting_.front();
    waiting_.pop_front();
    ++in_flight_;
    const bool guided = result_.problems[i].guided;
    Work work;
    work.tag = i;
    work.prompt = prompt_for(context_, problems_[i], guided);
    work.rng_key = rng_key_of("collect", problems_[i].id, guided);
    work.samples = config_.samples;
    return work;
  }

  // A problem has been sampled under one prompt.
  void arrive(const Sampled& sampled) {
    --in_flight_;
    const std::size_t i = sampled.tag;
    CollectedProblem& one = result_.problems[i];
    one.samples = config_.samples;
    one.correct = 0;
    for (const GradedRollout& graded : sampled.rollouts) {
      one.ungraded += graded.ungraded();
      if (!graded.verdict.correct) continue;
      ++one.correct;
      const bool joined = one.guided && joined_;
      std::string trace =
          joined ? join_trace(sampled.prompt->problem.guidance->text, graded.completion) : graded.completion;
      const bool is_new = std::find(one.traces.begin(), one.traces.end(), trace) == one.traces.end();
      if (is_new && std::cmp_less(one.traces.size(), config_.keep)) one.traces.push_back(std::move(trace));
    }
    if (star_ && one.traces.empty() && !one.guided && problems_[i].guidance) {
      one.guided = true;
      waiting_.push_back(i);
      return;
    }
    found_ += !one.traces.empty();
    KeptRecords records;
    records.add(sampled, "collect");
    finish(i, records.take(config_.samples));
  }

  void finish(std::size_t i, const std::vector<Json>& records) {
    if (on_finished_) on_finished_(result_.problems[i], records);
  }

  const RolloutContext& context_;
  const CollectConfig& config_;
  const bool star_, joined_;  // guided where unguided fails; guidance and completion are one trace
  const std::vector<Problem>& problems_;
  const OnFinished& on_finished_;
  std::deque<std::size_t> waiting_;
  std::size_t in_flight_ = 0;
  CollectResult result_;
  int found_ = 0;
};

}  // namespace

std::string join_trace(std::string_view guidance, std::string_view completion) {
  const auto is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  const bool apart = guidance.empty() || completion.empty() || is_space(guidance.back()) ||
                     is_space(completion.front()) ||
                     std::string_view(".,;:!?)]}").find(completion.front()) != std::string_view::npos;
  return std::string(guidance) + (apart ? "" : " ") + std::string(completion);
}

CollectResult collect(
    const RolloutContext& context, const CollectConfig& config, const std::vector<Problem>& problems,
    const std::vector<CollectedProblem>& done,
    const std::function<void(const CollectedProblem&, const std::vector<Json>&)>& on_finished) {
  check(config);
  return Collector(context, config, problems, on_finished).run(done);
}

std::vector<Problem> trace_problems(const CollectConfig& config, const CollectResult& result) {
  std::vector<Problem> rows;
  for (const CollectedProblem& one : result.problems) {
    int number = 0;
    for (const std::string& trace : one.traces) {
      Problem row = one.problem;
      if (config.keep > 1) row.id += fmt::format("#{}", ++number);
      if (!row.solution.empty()) row.extra["oracle_solution"] = row.solution;
      row.solution = trace;
      row.guidance.reset();
      row.extra["collected"] = {{"guided", one.guided}, {"samples", one.samples}, {"correct", one.correct}};
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

Json to_json(const CollectResult& result) {
  std::size_t traces = 0;
  for (const CollectedProblem& one : result.problems) traces += one.traces.size();
  return {{"problems", result.problems.size()},
          {"unguided", result.unguided},
          {"guided", result.guided},
          {"without_trace", static_cast<int>(result.problems.size()) - result.unguided - result.guided},
          {"without_guidance", result.without_guidance},
          {"ungraded", result.ungraded},
          {"traces", traces}};
}

}  // namespace pope
