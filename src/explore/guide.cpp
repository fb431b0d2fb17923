// The search. Each problem has one candidate in flight at a time; many problems are in flight at once.
#include "explore/guide.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "core/progress.h"
#include "core/rng.h"
#include "explore/kept_records.h"

namespace pope {

namespace {

// A problem whose candidates are being tried.
struct Search {
  std::vector<Guidance> candidates;
  std::size_t current = 0;
  bool in_flight = false;
  int ungraded = 0;  // rollouts of all candidates so far
};

class Guider {
 public:
  using OnFinished = std::function<void(const Problem&, const std::vector<Json>&)>;

  Guider(const RolloutContext& context, const GuideConfig& config, const std::vector<Problem>& problems,
         const OnFinished& on_finished)
      : context_(context),
        config_(config),
        problems_(problems),
        on_finished_(on_finished),
        source_(guidance_source(config.kind)),
        guidance_(problems.size()) {}

  GuideResult run(const std::vector<Problem>& done) {
    std::unordered_map<std::string, const Problem*> finished;
    for (const Problem& problem : done) finished[problem.id] = &problem;
    for (std::size_t i = 0; i < problems_.size(); ++i) {
      const auto found = finished.find(problems_[i].id);
      prepare(i, found == finished.end() ? nullptr : found->second);
    }
    if (!waiting_.empty()) search();
    for (std::size_t i = 0; i < problems_.size(); ++i) {
      if (guidance_[i].empty()) result_.without_prefix += possible(problems_[i]);
      int number = 0;
      for (const Guidance& guidance : guidance_[i]) {
        result_.problems.push_back(problems_[i]);
        result_.problems.back().guidance = guidance;
        if (config_.per_problem > 1) result_.problems.back().id += fmt::format("#{}", ++number);
        result_.found += guidance.correct > 0;
        result_.fallback += guidance.fallback;
        result_.unsampled += guidance.samples == 0 && !guidance.fallback;
        result_.ungraded += guidance.ungraded;
      }
    }
    return std::move(result_);
  }

 private:
  bool possible(const Problem& problem) const { return !source_.needs_solution || !problem.solution.empty(); }

  // Counts, and settles what needs no search.
  void prepare(std::size_t i, const Problem* done) {
    const Problem& problem = problems_[i];
    if (!possible(problem)) {
      ++result_.without_solution;
      finish(i, {}, {}, !done);
      return;
    }
    std::vector<Guidance> candidates =
        source_.candidates(problem, config_, choice(problem), [&](const Guidance& guidance) {
          const bool leaks = states_answer(problem, guidance);
          result_.leaks_prevented += leaks;
          return !leaks && leaves_room(problem, guidance);
        });
    const bool unsampled = source_.unsampled && source_.unsampled(config_);
    if (candidates.empty() || unsampled) {  // what was done before is made again
      const std::optional<Guidance> chosen = unsampled ? std::nullopt : fallback(problem, {});
      if (chosen) candidates = {*chosen};
      result_.without_candidate += chosen.has_value();
      finish(i, std::move(candidates), {}, !done);
    } else if (done) {
      if (done->guidance) guidance_[i] = {*done->guidance};
    } else {
      waiting_[i].candidates = std::move(candidates);
    }
  }

  std::shared_ptr<const Prompt> prompt(const Problem& problem, const Guidance& guidance) const {
    Problem with = problem;
    with.guidance = guidance;
    return prompt_for(context_, with, /*show_guidance=*/true);
  }

  bool leaves_room(const Problem& problem, const Guidance& guidance) const {
    return fits(*prompt(problem, guidance), context_);
  }

  bool states_answer(const Problem& problem, const Guidance& guidance) const {
    return context_.verifier.states_answer(problem, guidance.text);
  }

  // The random choices of a problem.
  RngStream choice(const Problem& problem) const {
    return {context_.seed, {key_of("guide choice"), key_of(problem.id)}};
  }

  void search() {
    Progress progress("guide", static_cast<double>(waiting_.size()));
    const std::size_t total = waiting_.size();
    int found = 0;
    sample_and_grade(
        context_, [&] { return next(); },
        [&](Sampled&& sampled) {
          found += arrive(sampled);
          const double finished = static_cast<double>(total - waiting_.size() - searching_.size());
          progress.update(finished,
                          fmt::format("{} of {} problems, guidance found for {}", finished, total, found));
        });
  }

  // Problems whose candidate failed come first, then new ones.
  std::optional<Work> next() {
    for (auto& [tag, search] : searching_) {
      if (!search.in_flight) return attempt(tag, search);
    }
    if (waiting_.empty()) return std::nullopt;
    auto node = waiting_.extract(waiting_.begin());
    const std::size_t tag = node.key();
    searching_.insert(std::move(node));
    return attempt(tag, searching_.at(tag));
  }

  Work attempt(std::size_t tag, Search& search) {
    const Guidance& guidance = search.candidates[search.current];
    search.in_flight = true;
    Work work;
    work.tag = tag;
    work.prompt = prompt(problems_[tag], guidance);
    work.rng_key = rng_key_of("guide", problems_[tag].id, variant(search));
    work.samples = config_.samples;
    return work;
  }

  // Names the random streams of the current candidate: its length, and how many before it are as long. (Of
  // prefixes of one text none are.)
  static std::uint64_t variant(const Search& search) {
    const std::size_t length = search.candidates[search.current].text.size();
    const auto current = search.candidates.begin() + static_cast<std::ptrdiff_t>(search.current);
    const auto before = std::count_if(search.candidates.begin(), current, [&](const Guidance& guidance) {
      return guidance.text.size() == length;
    });
    return length | (static_cast<std::uint64_t>(before) << 32);
  }

  // A candidate has been sampled. True when it works.
  bool arrive(const Sampled& sampled) {
    const std::size_t tag = sampled.tag;
    Search& search = searching_.at(tag);
    int correct = 0;
    for (const GradedRollout& graded : sampled.rollouts) {
      result_.tokens += static_cast<std::int64_t>(graded.rollout.tokens.size());
      correct += graded.verdict.correct;
      search.ungraded += graded.ungraded();
    }
    search.in_flight = false;
    const bool works = correct >= 1 && static_cast<double>(correct) / config_.samples >= config_.min_rate;
    if (!works && ++search.current < search.candidates.size()) return false;
    std::vector<Guidance> guidance;
    if (works) {
      guidance = {search.candidates[search.current]};
      guidance[0].samples = config_.samples;
      guidance[0].correct = correct;
    } else if (const std::optional<Guidance> chosen = fallback(problems_[tag], search)) {
      guidance = {*chosen};
    }
    if (!guidance.empty()) guidance[0].ungraded = search.ungraded;
    KeptRecords records;
    records.add(sampled, "guide");
    searching_.erase(tag);
    finish(tag, std::move(guidance), records.take(config_.samples));
    return works;
  }

  std::optional<Guidance> fallback(const Problem& problem, const Search& search) const {
    if (!source_.fallback) return std::nullopt;
    std::optional<Guidance> guidance =
        source_.fallback(problem, config_, choice(problem), [&](const Guidance& candidate) {
          return !states_answer(problem, candidate) && leaves_room(problem, candidate);
        });
    if (!guidance) return std::nullopt;
    guidance->fallback = true;
    const bool sampled = std::any_of(search.candidates.begin(), search.candidates.end(),
                                     [&](const Guidance& g) { return g.text == guidance->text; });
    // With min_rate some of its rollouts may have been correct: counts are kept of failures alone.
    if (sampled && config_.min_rate == 0) guidance->samples = config_.samples;
    return guidance;
  }

  void finish(std::size_t i, std::vector<Guidance> guidance, const std::vector<Json>& records,
              bool tell = true) {
    guidance_[i] = std::move(guidance);
    if (!on_finished_ || !tell) return;
    Problem problem = problems_[i];
    problem.guidance.reset();
    if (!guidance_[i].empty()) problem.guidance = guidance_[i].front();
    on_finished_(problem, records);
  }

  const RolloutContext& context_;
  const GuideConfig& config_;
  const std::vector<Problem>& problems_;
  const OnFinished& on_finished_;
  const GuidanceSource& source_;
  std::vector<std::vector<Guidance>> guidance_;  // per problem: one and more, or none
  std::map<std::size_t, Search> waiting_, searching_;
  GuideResult result_;
};

}  // namespace

GuideResult guide(const RolloutContext& context, const GuideConfig& config,
                  const std::vector<Problem>& problems, const std::vector<Problem>& done,
                  const std::function<void(const Problem&, const std::vector<Json>&)>& on_finished) {
  check(config);
  return Guider(context, config, problems, on_finished).run(done);
}

std::vector<Problem> without_leaks(std::vector<Problem> problems, const Verifier& verifier, int* leaks) {
  int count = 0;
  std::string first;
  for (Problem& problem : problems) {
    if (!problem.guidance || !verifier.states_answer(problem, problem.guidance->text)) continue;
    problem.guidance.reset();
    if (++count == 1) first = problem.id;
  }
  if (count > 0) {
    log_line(
        fmt::format("left out: the guidance of {} of {} problems, which states the answer (the first: '{}')",
                    count, problems.size(), first));
  }
  if (leaks) *leaks = count;
  return problems;
}

Json to_json(const GuideResult& result) {
  Json fractions = Json::array();
  for (const Problem& problem : result.problems) fractions.push_back(problem.guidance->fraction);
  return Json{{"guided", result.problems.size()},
              {"found", result.found},
              {"fallback", result.fallback},
              {"without_candidate", result.without_candidate},
              {"unsampled", result.unsampled},
              {"ungraded", result.ungraded},
              {"without_solution", result.without_solution},
              {"without_prefix", result.without_prefix},
              {"leaks_prevented", result.leaks_prevented},
              {"tokens", result.tokens},
              {"fractions", fractions}};
}

}  // namespace pope
