// The prefix search. Each problem has one candidate in flight at a time; many problems are in flight at once.
#include "explore/guide.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include "core/progress.h"
#include "core/rng.h"
#include "explore/prefixes.h"
#include "explore/sampling.h"

namespace pope {

namespace {

constexpr int kKeptRecords = 4;

Guidance guidance_of(const GuideConfig& config, const Prefix& prefix, int samples, int correct) {
  Guidance guidance;
  guidance.kind = config.kind;
  guidance.text = prefix.text;
  guidance.fraction = prefix.fraction;
  guidance.samples = samples;
  guidance.correct = correct;
  return guidance;
}

const Prefix* nearest_prefix(const std::vector<Prefix>& prefixes, double fraction) {
  const Prefix* best = nullptr;
  for (const Prefix& prefix : prefixes) {
    if (!best || std::abs(prefix.fraction - fraction) < std::abs(best->fraction - fraction)) best = &prefix;
  }
  return best;
}

// A problem whose prefixes are being tried.
struct Search {
  Problem posed;
  std::vector<Prefix> candidates;
  std::size_t current = 0;
  bool in_flight = false;
  int arrived = 0, correct = 0, undecided = 0;  // undecided: of all candidates so far
  KeptRecords records{kKeptRecords};
};

class Guider {
 public:
  using OnFinished = std::function<void(const Problem&, const std::vector<Json>&)>;

  Guider(const Explorer& explorer, const GuideConfig& config, const std::vector<Problem>& problems,
         const OnFinished& on_finished)
      : explorer_(explorer),
        config_(config),
        problems_(problems),
        on_finished_(on_finished),
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
      if (guidance_[i].empty()) result_.without_prefix += !problems_[i].solution.empty();
      int number = 0;
      for (const Guidance& guidance : guidance_[i]) {
        result_.problems.push_back(problems_[i]);
        result_.problems.back().guidance = guidance;
        if (config_.per_problem > 1) result_.problems.back().id += fmt::format("#{}", ++number);
        result_.found += guidance.correct > 0;
        result_.fallback += guidance.fallback;
        result_.unsampled += guidance.samples == 0 && !guidance.fallback;
        result_.undecided += guidance.undecided;
      }
    }
    return std::move(result_);
  }

 private:
  // Counts, and settles what needs no search.
  void prepare(std::size_t i, const Problem* done) {
    const Problem& problem = problems_[i];
    std::vector<Prefix> candidates;
    if (problem.solution.empty()) {
      ++result_.without_solution;
    } else {
      candidates = choices(problem);
    }
    if (config_.fixed_fraction > 0 || config_.choose == "random" || candidates.empty()) {
      // Nothing to sample: what was done before is made again.
      std::vector<Guidance> chosen;
      for (const Prefix& prefix : candidates) chosen.push_back(guidance_of(config_, prefix, 0, 0));
      finish(i, std::move(chosen), {}, !done);
    } else if (done) {
      if (done->guidance) guidance_[i] = {*done->guidance};
    } else {
      Search& search = waiting_[i];
      search.candidates = std::move(candidates);
    }
  }

  Problem posed(const Problem& problem, const Prefix& prefix) const {
    Problem with = problem;
    with.guidance = guidance_of(config_, prefix, 0, 0);
    return as_prompted(std::move(with), true, explorer_.instruction);
  }

  // The prefixes to try, in order; a single one when there is nothing to search.
  std::vector<Prefix> choices(const Problem& problem) {
    if (config_.fixed_fraction > 0) {
      std::vector<Prefix> prefixes = step_prefixes(problem, config_.boundary);
      std::erase_if(prefixes, [&](const Prefix& p) {
        return p.fraction > config_.max_fraction || !fits(posed(problem, p), explorer_);
      });
      result_.leaks_prevented +=
          static_cast<int>(std::erase_if(prefixes, [&](const Prefix& p) { return leaks(problem, p); }));
      const Prefix* best = nearest_prefix(prefixes, config_.fixed_fraction);
      return best ? std::vector<Prefix>{*best} : std::vector<Prefix>{};
    }
    std::vector<Prefix> prefixes =
        candidate_prefixes(problem, config_, explorer_.verifier, &result_.leaks_prevented);
    std::erase_if(prefixes, [&](const Prefix& p) {
      return p.fraction < config_.min_fraction || !fits(posed(problem, p), explorer_);
    });
    if (config_.choose == "random" && !prefixes.empty()) return drawn(problem, std::move(prefixes));
    return prefixes;
  }

  // per_problem of them, each time one of those that are left; shortest first.
  std::vector<Prefix> drawn(const Problem& problem, std::vector<Prefix> prefixes) const {
    RngStream stream = choice(problem);
    while (std::cmp_greater(prefixes.size(), config_.per_problem)) {
      // One to take where one is wanted, else one to leave out.
      const auto at = prefixes.begin() + static_cast<std::ptrdiff_t>(stream.below(prefixes.size()));
      if (config_.per_problem == 1) return {*at};
      prefixes.erase(at);
    }
    return prefixes;
  }

  // The random choices of a problem.
  RngStream choice(const Problem& problem) const {
    return {explorer_.seed, {key_of("guide choice"), key_of(problem.id)}};
  }

  void search() {
    Progress progress("guide", static_cast<double>(waiting_.size()));
    const std::size_t total = waiting_.size();
    int found = 0;
    sample_and_grade(
        explorer_, [&] { return next(); },
        [&](std::size_t tag) -> const Problem& { return searching_.at(tag).posed; },
        [&](GradedRollout&& graded) {
          found += arrive(graded);
          const double finished = static_cast<double>(total - waiting_.size() - searching_.size());
          progress.update(finished,
                          fmt::format("{} of {} problems, prefix found for {}", finished, total, found));
        });
  }

  // Problems whose candidate failed come first, then new ones.
  std::optional<Request> next() {
    for (auto& [tag, search] : searching_) {
      if (!search.in_flight) return attempt(tag, search);
    }
    if (waiting_.empty()) return std::nullopt;
    auto node = waiting_.extract(waiting_.begin());
    const std::size_t tag = node.key();
    searching_.insert(std::move(node));
    return attempt(tag, searching_.at(tag));
  }

  Request attempt(std::size_t tag, Search& search) {
    const Prefix& prefix = search.candidates[search.current];
    search.in_flight = true;
    search.arrived = search.correct = 0;
    search.records = KeptRecords(kKeptRecords);
    search.posed = posed(problems_[tag], prefix);
    Request request;
    request.tag = tag;
    request.stream = stream_of("guide", search.posed.id, prefix.text.size());
    request.prompt = prompt_of(search.posed, explorer_);
    request.samples = config_.samples;
    return request;
  }

  // True when the rollout completed a prefix that works.
  bool arrive(const GradedRollout& graded) {
    const std::size_t tag = graded.rollout.tag;
    Search& search = searching_.at(tag);
    result_.tokens += static_cast<std::int64_t>(graded.rollout.tokens.size());
    search.records.add(graded, search.posed, "guide", true);
    search.correct += graded.verdict.correct;
    search.undecided += graded.verdict.undecided;
    if (++search.arrived < config_.samples) return false;

    search.in_flight = false;
    const bool works = search.correct >= std::max(1.0, config_.min_rate * config_.samples);
    if (!works && ++search.current < search.candidates.size()) return false;
    std::optional<Guidance> chosen =
        works ? guidance_of(config_, search.candidates[search.current], config_.samples, search.correct)
              : fallback(search);
    std::vector<Guidance> guidance;
    if (chosen) {
      chosen->undecided = search.undecided;
      guidance = {*chosen};
    }
    std::vector<Json> records = search.records.take(config_.samples);
    searching_.erase(tag);
    finish(tag, std::move(guidance), records);
    return works;
  }

  // A random prefix shorter than fallback_fraction. Where the first step is longer than that, the longest
  // such prefix that ends at a word: cut inside a step, but never longer than the paper's quarter.
  std::optional<Guidance> fallback(const Search& search) const {
    std::vector<Prefix> steps = short_prefixes(search.posed, config_.boundary);
    RngStream rng = choice(search.posed);
    while (!steps.empty()) {
      const std::size_t drawn = rng.below(steps.size());
      if (good(search.posed, steps[drawn])) return fallback_guidance(search, steps[drawn]);
      steps.erase(steps.begin() + static_cast<std::ptrdiff_t>(drawn));
    }
    const std::vector<Prefix> words = short_prefixes(search.posed, "word");
    const auto longest =
        std::find_if(words.rbegin(), words.rend(), [&](const Prefix& p) { return good(search.posed, p); });
    if (longest == words.rend()) return std::nullopt;
    return fallback_guidance(search, *longest);
  }

  std::vector<Prefix> short_prefixes(const Problem& problem, const std::string& boundary) const {
    std::vector<Prefix> prefixes = step_prefixes(problem, boundary);
    std::erase_if(prefixes, [&](const Prefix& p) { return p.fraction >= config_.fallback_fraction; });
    return prefixes;
  }

  Guidance fallback_guidance(const Search& search, const Prefix& prefix) const {
    const bool sampled = std::any_of(search.candidates.begin(), search.candidates.end(),
                                     [&](const Prefix& p) { return p.text == prefix.text; });
    // With min_rate some of its rollouts may have been correct: counts are kept of failures alone.
    const bool failed = sampled && config_.min_rate == 0;
    Guidance guidance = guidance_of(config_, prefix, failed ? config_.samples : 0, 0);
    guidance.fallback = true;
    return guidance;
  }

  bool good(const Problem& problem, const Prefix& prefix) const {
    return !leaks(problem, prefix) && fits(posed(problem, prefix), explorer_);
  }

  bool leaks(const Problem& problem, const Prefix& prefix) const {
    return explorer_.verifier.states_answer(problem, prefix.text);
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

  const Explorer& explorer_;
  const GuideConfig& config_;
  const std::vector<Problem>& problems_;
  const OnFinished& on_finished_;
  std::vector<std::vector<Guidance>> guidance_;  // per problem: one and more, or none
  std::map<std::size_t, Search> waiting_, searching_;
  GuideResult result_;
};

}  // namespace

GuideResult guide(const Explorer& explorer, const GuideConfig& config, const std::vector<Problem>& problems,
                  const std::vector<Problem>& done,
                  const std::function<void(const Problem&, const std::vector<Json>&)>& on_finished) {
  check(config);
  return Guider(explorer, config, problems, on_finished).run(done);
}

Json to_json(const GuideResult& result) {
  Json fractions = Json::array();
  for (const Problem& problem : result.problems) fractions.push_back(problem.guidance->fraction);
  return Json{{"guided", result.problems.size()},
              {"found", result.found},
              {"fallback", result.fallback},
              {"unsampled", result.unsampled},
              {"undecided", result.undecided},
              {"without_solution", result.without_solution},
              {"without_prefix", result.without_prefix},
              {"leaks_prevented", result.leaks_prevented},
              {"tokens", result.tokens},
              {"fractions", fractions}};
}

}  // namespace pope
