// Mining. The order of work is depth first: problems that have started are finished before new ones start, so
// that finished problems can be saved as the run goes; new ones start whenever the engine would otherwise
// starve.
#include "explore/mine.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "core/progress.h"
#include "explore/kept_records.h"

namespace pope {
namespace {

struct Sample {
  int tokens = 0;
  bool drawn = false, correct = false, truncated = false, ungraded = false;
};

// A problem that has started and not finished.
struct Open {
  std::shared_ptr<const Prompt> prompt;
  std::vector<Sample> samples;  // by number
  int requested = 0, graded = 0, delivered = 0;
  // The first samples that are there without a gap, up to those that settle the class.
  int counted = 0, correct = 0;
  bool settled = false;
  KeptRecords records;
};

// "12 of 40 problems, 3 hard, 2 truncated", by the classes of those that have finished.
std::string progress_note(const std::map<std::string, int>& classes, std::size_t problems) {
  int finished = 0;
  for (const auto& [name, count] : classes) finished += count;
  const auto count = [&](const char* name) { return classes.contains(name) ? classes.at(name) : 0; };
  std::string note = fmt::format("{} of {} problems, {} hard", finished, problems, count("hard"));
  for (const char* apart : {"truncated", "ungraded"})
    if (count(apart) > 0) note += fmt::format(", {} {}", count(apart), apart);
  return note;
}

class Miner {
 public:
  using OnFinished = std::function<void(const MinedProblem&, const std::vector<Json>&)>;

  Miner(const RolloutContext& context, const MineConfig& config, const std::vector<Problem>& problems,
        const std::vector<MinedProblem>& done, const OnFinished& on_finished)
      : context_(context), config_(config), rule_(config), problems_(problems), on_finished_(on_finished) {
    std::unordered_map<std::string, const MinedProblem*> finished;
    for (const MinedProblem& mined : done) finished[mined.problem.id] = &mined;
    result_.problems.resize(problems.size());
    for (std::size_t i = 0; i < problems.size(); ++i) {
      const auto found = finished.find(problems[i].id);
      if (found == finished.end()) {
        to_do_.push_back(i);
        continue;
      }
      result_.problems[i] = *found->second;
      result_.tokens += found->second->tokens;
      ++classes_[found->second->difficulty];
    }
  }

  MiningResult run() {
    Progress progress("mine", static_cast<double>(to_do_.size()) * config_.samples);
    sample_and_grade(
        context_, [&] { return next(); }, [&](Sampled&& sampled) { arrive(sampled); },
        [&](std::size_t tag, const GradedRollout&) {
          Open& open = open_.at(tag);
          ++open.graded;
          ++samples_open_;
          progress.update(samples_settled_ + samples_open_, progress_note(classes_, problems_.size()));
        });
    progress.update(samples_settled_, progress_note(classes_, problems_.size()));  // the last chunk, too
    for (const MinedProblem& mined : result_.problems) {
      if (mined.samples > 0)
        result_.tokens_fixed += static_cast<double>(mined.tokens) / mined.samples * config_.samples;
    }
    return std::move(result_);
  }

 private:
  std::optional<Work> next() {
    const auto wants = [&](const Open& open) { return open.requested < config_.samples && !open.settled; };
    for (auto& [tag, open] : open_) {
      if (open.requested == open.delivered && wants(open)) return chunk(tag, open);
    }
    if (started_ < to_do_.size()) {
      const std::size_t tag = to_do_[started_++];
      Open& open = open_[tag];
      open.prompt = prompt_for(context_, problems_[tag], /*show_guidance=*/false);
      open.samples.resize(config_.samples);
      return chunk(tag, open);
    }
    // No other problem waits: sample ahead where the least is in flight.
    std::optional<std::size_t> best;
    for (auto& [tag, open] : open_) {
      const auto in_flight = [&](const Open& o) { return o.requested - o.delivered; };
      if (wants(open) && (!best || in_flight(open) < in_flight(open_.at(*best)))) best = tag;
    }
    if (best) return chunk(*best, open_.at(*best));
    return std::nullopt;
  }

  Work chunk(std::size_t tag, Open& open) {
    Work work;
    work.tag = tag;
    work.prompt = open.prompt;
    work.rng_key = rng_key_of("mine", open.prompt->problem.id);
    work.first_sample = open.requested;
    work.samples = std::min(config_.chunk, config_.samples - open.requested);
    open.requested += work.samples;
    return work;
  }

  // A chunk is done.
  void arrive(const Sampled& sampled) {
    Open& open = open_.at(sampled.tag);
    for (const GradedRollout& graded : sampled.rollouts) {
      Sample& sample = open.samples.at(static_cast<std::size_t>(graded.rollout.sample));
      sample.drawn = true;
      sample.tokens = static_cast<int>(graded.rollout.tokens.size());
      sample.correct = graded.verdict.correct;
      sample.truncated = graded.truncated();
      sample.ungraded = graded.ungraded();
      result_.tokens += sample.tokens;
    }
    open.delivered += static_cast<int>(sampled.rollouts.size());
    open.records.add(sampled, "mine");
    while (!open.settled && open.counted < config_.samples && open.samples[open.counted].drawn) {
      open.correct += open.samples[open.counted++].correct;
      open.settled = rule_.stops(open.counted, open.correct);
    }
    if (open.settled && open.delivered == open.requested) finish(sampled.tag, open);
  }

  void finish(std::size_t tag, Open& open) {
    MinedProblem& mined = result_.problems[tag];
    mined.problem = problems_[tag];
    mined.samples = open.counted;
    mined.correct = open.correct;
    for (int i = 0; i < open.counted; ++i) {
      mined.truncated += open.samples[i].truncated;
      mined.ungraded += open.samples[i].ungraded;
      mined.tokens += open.samples[i].tokens;
    }
    mined.difficulty = rule_.class_at(mined.samples, mined.correct).value();
    if (mined.difficulty == "hard") {
      const int failed = mined.samples - mined.correct;
      if (failed > 0 && mined.truncated == failed) {
        mined.difficulty = "truncated";
      } else if (failed > 0 && mined.truncated + mined.ungraded == failed) {
        mined.difficulty = "ungraded";
      }
    }
    samples_open_ -= open.graded;
    samples_settled_ += config_.samples;
    ++classes_[mined.difficulty];
    const std::vector<Json> records = open.records.take(mined.samples);
    open_.erase(tag);
    if (on_finished_) on_finished_(mined, records);
  }

  const RolloutContext& context_;
  const MineConfig& config_;
  const StoppingRule rule_;
  const std::vector<Problem>& problems_;
  const OnFinished& on_finished_;
  std::vector<std::size_t> to_do_;  // into problems_
  std::size_t started_ = 0;         // of to_do_
  std::map<std::size_t, Open> open_;
  double samples_open_ = 0, samples_settled_ = 0;
  std::map<std::string, int> classes_;  // of the problems that have finished, those of before too
  MiningResult result_;
};

}  // namespace

MiningResult mine(const RolloutContext& context, const MineConfig& config,
                  const std::vector<Problem>& problems, const std::vector<MinedProblem>& done,
                  const std::function<void(const MinedProblem&, const std::vector<Json>&)>& on_finished) {
  check(config);
  return Miner(context, config, problems, done, on_finished).run();
}

Json to_json(const MiningResult& result) {
  std::int64_t samples = 0, truncated = 0, ungraded = 0;
  Json classes = Json::object();
  for (const char* name : {"hard", "truncated", "ungraded", "medium", "easy", "easier", "solved"})
    classes[name] = 0;
  for (const MinedProblem& mined : result.problems) {
    samples += mined.samples;
    truncated += mined.truncated;
    ungraded += mined.ungraded;
    classes[mined.difficulty] = classes[mined.difficulty].get<int>() + 1;
  }
  return Json{{"problems", result.problems.size()},
              {"samples", samples},
              {"classes", classes},
              {"truncated", truncated},
              {"ungraded", ungraded},
              {"tokens", result.tokens},
              {"tokens_fixed", result.tokens_fixed}};
}

}  // namespace pope
