// See rejection.h. All problems are in flight at once; a star problem that fails unguided is asked again.
#include "explore/rejection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <deque>
#include <map>
#include <unordered_map>

#include "core/progress.h"

namespace pope {

void CollectConfig::fields(Options& o) {
  o.add("samples", samples, "rollouts per problem, and per prompt for star").at_least(1);
  o.add("keep", keep, "different correct traces kept per problem").at_least(1);
  o.add("prompt", prompt, "star: guided where no unguided rollout is correct")
      .choices({"guided", "unguided", "star"});
  o.add("trace", trace, "of a guided rollout: guidance and completion joined, or the completion alone")
      .choices({"joined", "completion"});
}

namespace {

constexpr int kKeptRecords = 4;

// A problem whose rollouts are awaited.
struct Asked {
  Problem posed;
  std::map<int, std::string> correct;  // by sample
  int arrived = 0;
  KeptRecords records{kKeptRecords};
};

class Collector {
 public:
  using OnFinished = std::function<void(const CollectedProblem&, const std::vector<Json>&)>;

  Collector(const Explorer& explorer, const CollectConfig& config, const std::vector<Problem>& problems,
            const OnFinished& on_finished)
      : explorer_(explorer), config_(config), problems_(problems), on_finished_(on_finished) {}

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
        explorer_, [&] { return next(); },
        [&](std::size_t tag) -> const Problem& { return asked_.at(tag).posed; },
        [&](GradedRollout&& graded) {
          arrive(graded);
          const std::size_t left = waiting_.size() + asked_.size();
          progress.update(static_cast<double>(total - left),
                          fmt::format("{} of {} problems, {} with a trace", total - left, total, found_));
        });
    for (const CollectedProblem& one : result_.problems) {
      result_.undecided += one.undecided;
      (one.guided ? result_.guided : result_.unguided) += !one.traces.empty();
      result_.without_guidance +=
          one.samples == 0 || (config_.prompt == "star" && one.traces.empty() && !one.problem.guidance);
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

  std::optional<Request> next() {
    if (waiting_.empty()) return std::nullopt;
    const std::size_t i = waiting_.front();
    waiting_.pop_front();
    const bool guided = result_.problems[i].guided;
    Asked& asked = asked_[i];
    asked = {};
    asked.posed = as_prompted(problems_[i], guided, explorer_.instruction);
    Request request;
    request.tag = i;
    request.stream = stream_of("collect", asked.posed.id, guided);
    request.prompt = prompt_of(asked.posed, explorer_);
    request.samples = config_.samples;
    return request;
  }

  void arrive(const GradedRollout& graded) {
    const std::size_t i = graded.rollout.tag;
    Asked& asked = asked_.at(i);
    CollectedProblem& one = result_.problems[i];
    one.undecided += graded.verdict.undecided;
    asked.records.add(graded, asked.posed, "collect", one.guided);
    if (graded.verdict.correct) {
      const bool joined = one.guided && config_.trace == "joined";
      asked.correct[graded.rollout.sample] =
          joined ? join_trace(asked.posed.guidance->text, graded.completion) : graded.completion;
    }
    if (++asked.arrived < config_.samples) return;
    one.samples = config_.samples;
    one.correct = static_cast<int>(asked.correct.size());
    for (auto& [sample, trace] : asked.correct) {
      const bool is_new = std::find(one.traces.begin(), one.traces.end(), trace) == one.traces.end();
      if (is_new && std::cmp_less(one.traces.size(), config_.keep)) one.traces.push_back(std::move(trace));
    }
    std::vector<Json> records = asked.records.take(config_.samples);
    asked_.erase(i);
    if (config_.prompt == "star" && one.traces.empty() && !one.guided && problems_[i].guidance) {
      one.guided = true;
      waiting_.push_back(i);
      return;
    }
    found_ += !one.traces.empty();
    finish(i, records);
  }

  void finish(std::size_t i, const std::vector<Json>& records) {
    if (on_finished_) on_finished_(result_.problems[i], records);
  }

  const Explorer& explorer_;
  const CollectConfig& config_;
  const std::vector<Problem>& problems_;
  const OnFinished& on_finished_;
  std::deque<std::size_t> waiting_;
  std::map<std::size_t, Asked> asked_;
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
    const Explorer& explorer, const CollectConfig& config, const std::vector<Problem>& problems,
    const std::vector<CollectedProblem>& done,
    const std::function<void(const CollectedProblem&, const std::vector<Json>&)>& on_finished) {
  check(config);
  return Collector(explorer, config, problems, on_finished).run(done);
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
          {"undecided", result.undecided},
          {"traces", traces}};
}

}  // namespace pope
