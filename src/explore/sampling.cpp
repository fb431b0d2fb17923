// The sampling loop: pieces of work go to the engine as requests, rollouts come back in any order and are
// graded, and a piece of work whose last rollout is graded is done.
#include "explore/sampling.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <limits>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "core/error.h"
#include "core/progress.h"
#include "core/rng.h"
#include "core/threads.h"
#include "core/timed.h"

namespace pope {
namespace {

// Grades on threads of its own. All calls come from one thread.
class GradingThreads {
 public:
  GradingThreads(const RolloutContext& context, int threads) : context_(context) {
    start_threads(
        threads_, threads, [this] { work(); }, [this] { end(); });
  }
  ~GradingThreads() { end(); }  // before the threads are joined
  GradingThreads(const GradingThreads&) = delete;
  GradingThreads& operator=(const GradingThreads&) = delete;

  void submit(Rollout&& rollout, const Prompt& prompt) {
    {
      const std::lock_guard lock(mutex_);
      jobs_.emplace_back(std::move(rollout), &prompt);
    }
    ++pending_;
    job_.notify_one();
  }
  // Submitted and not yet taken.
  std::size_t pending() const { return pending_; }

  // What is graded by now; with `wait` at least one, if any is pending.
  std::deque<GradedRollout> take(bool wait) {
    std::unique_lock lock(mutex_);
    const auto arrived = [&] { return !graded_.empty() || failure_; };
    while (wait && pending_ > 0 && !graded_one_.wait_for(lock, std::chrono::milliseconds(200), arrived))
      stop_if_interrupted();
    if (failure_) std::rethrow_exception(failure_);
    pending_ -= graded_.size();
    return std::exchange(graded_, {});
  }

 private:
  void end() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
      jobs_.clear();
    }
    job_.notify_all();
  }

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      job_.wait(lock, [&] { return stop_ || !jobs_.empty(); });
      if (stop_) return;
      auto [rollout, prompt] = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      std::exception_ptr failure;
      GradedRollout graded;
      try {
        graded = grade(std::move(rollout), *prompt, context_.prompts.tokenizer(), context_.verifier);
        stop_if_interrupted();  // graders may have given up
      } catch (...) {           // whatever it is goes on in take(), on the caller's thread
        failure = std::current_exception();
      }
      lock.lock();
      if (failure) {
        failure_ = failure;
      } else {
        graded_.push_back(std::move(graded));
      }
      graded_one_.notify_one();
    }
  }

  const RolloutContext& context_;
  std::mutex mutex_;
  std::condition_variable job_, graded_one_;
  std::deque<std::pair<Rollout, const Prompt*>> jobs_;
  std::deque<GradedRollout> graded_;
  std::exception_ptr failure_;
  bool stop_ = false;
  std::size_t pending_ = 0;
  std::vector<std::jthread> threads_;
};

// Work that was asked for and is not done. Tags of its requests number it.
class OpenWork {
 public:
  Request begin(Work&& work) {
    Request request;
    request.tag = next_++;
    request.rng_key = work.rng_key;
    request.prompt = work.prompt->sample;
    request.first_sample = work.first_sample;
    request.samples = work.samples;
    Open& open = open_[request.tag];
    open.first_sample = work.first_sample;
    open.missing = work.samples;
    open.arrived.resize(static_cast<std::size_t>(work.samples));
    open.sampled.tag = work.tag;
    open.sampled.prompt = std::move(work.prompt);
    open.sampled.rollouts.resize(static_cast<std::size_t>(work.samples));
    return request;
  }
  const Prompt& prompt(std::size_t request) const { return *find(request).sampled.prompt; }
  std::size_t tag(std::size_t request) const { return find(request).sampled.tag; }
  // The work whose last rollout this is.
  std::optional<Sampled> add(GradedRollout&& graded) {
    const auto found = open_.find(graded.rollout.tag);
    Open& open = found->second;
    const auto place = static_cast<std::size_t>(graded.rollout.sample - open.first_sample);
    if (place >= open.arrived.size() || open.arrived[place]) {
      throw Error("sample",
                  fmt::format("expected each rollout once, sample {} came again", graded.rollout.sample));
    }
    open.arrived[place] = true;
    graded.rollout.tag = open.sampled.tag;
    open.sampled.rollouts[place] = std::move(graded);
    if (--open.missing > 0) return std::nullopt;
    Sampled sampled = std::move(open.sampled);
    open_.erase(found);
    return sampled;
  }
  std::size_t missing() const {
    std::size_t rollouts = 0;
    for (const auto& [tag, open] : open_) rollouts += static_cast<std::size_t>(open.missing);
    return rollouts;
  }

 private:
  struct Open {
    Sampled sampled;
    int first_sample = 0, missing = 0;
    std::vector<bool> arrived;
  };
  const Open& find(std::size_t request) const {
    const auto found = open_.find(request);
    if (found == open_.end()) throw Error("sample", "expected a rollout of what was asked for, got another");
    return found->second;
  }
  std::size_t next_ = 0;
  std::map<std::size_t, Open> open_;
};

// One call of sample_and_grade().
class SamplingLoop {
 public:
  SamplingLoop(const RolloutContext& context, const NextWork& next, const OnSampled& done,
               const OnGraded& on_graded)
      : context_(context), next_(next), done_(done), on_graded_(on_graded) {}

  double run() {
    const int threads = context_.grade_in_turn ? 0 : context_.verifier.parallel();
    if (threads == 0) {
      grade_in_turn();
    } else {
      grade_beside(threads);
    }
    if (!stopped_ && open_.missing() > 0)
      throw Error("sample", fmt::format("expected every rollout, {} did not come back", open_.missing()));
    return seconds_;
  }

 private:
  void sample(const NextRequest& next, const OnRollout& done) {
    const auto go_on = [&] {
      Progress::refresh();
      return !(stopped_ = !context_.go_on());
    };
    context_.engine.run(context_.sampling, context_.seed, context_.stop_tokens, next, done, go_on);
  }

  std::optional<Request> begin() {
    std::optional<Work> work = next_();
    if (!work) return std::nullopt;
    return open_.begin(std::move(*work));
  }

  void arrive(GradedRollout&& graded) {
    say(context_.truncation->add(graded.rollout, context_));
    say(context_.graders->add(open_.prompt(graded.rollout.tag).problem.id, graded.verdict,
                              context_.verifier.parallel() > 0));
    if (on_graded_) on_graded_(open_.tag(graded.rollout.tag), graded);
    std::optional<Sampled> sampled = open_.add(std::move(graded));
    if (sampled) held_.push_back(std::move(*sampled));
    // In a replay (graded in turn) what is held could wait for a verdict that its schedule has later.
    if (context_.grade_in_turn || !context_.graders->in_doubt()) release();
  }

  static void say(const std::string& advice) {
    if (!advice.empty()) log_line(advice);
  }

  // Whether there was any. What arrives now may call for more samples.
  bool release() {
    std::vector<Sampled> ready = std::exchange(held_, {});
    for (Sampled& sampled : ready) done_(std::move(sampled));
    return !ready.empty();
  }

  void grade_in_turn() {
    do {
      sample([&] { return begin(); },
             [&](Rollout&& rollout) {
               const Prompt& prompt = open_.prompt(rollout.tag);
               GradedRollout graded = timed(seconds_, [&] {
                 return grade(std::move(rollout), prompt, context_.prompts.tokenizer(), context_.verifier);
               });
               if (context_.verifier.parallel() > 0) stop_if_interrupted();  // graders may have given up
               arrive(std::move(graded));
             });
    } while (!stopped_ && release());
  }

  void grade_beside(int threads) {
    GradingThreads graders(context_, threads);
    // Where graders are slower than sampling, it waits: what is kept for them stays small, and so does its
    // age.
    const auto most = static_cast<std::size_t>(threads) * 32;
    while (true) {
      sample(
          [&] {
            take(graders, false);
            return begin();
          },
          [&](Rollout&& rollout) {
            const Prompt& prompt = open_.prompt(rollout.tag);
            graders.submit(std::move(rollout), prompt);
            take(graders, false);
            while (graders.pending() > most) take(graders, true);
          });
      if (graders.pending() > 0) {
        take(graders, true);  // what arrives now may call for more samples
      } else if (stopped_ || !release()) {
        return;
      }
    }
  }

  void take(GradingThreads& graders, bool wait) {
    for (GradedRollout& graded : timed(seconds_, [&] { return graders.take(wait); }))
      arrive(std::move(graded));
  }

  const RolloutContext& context_;
  const NextWork& next_;
  const OnSampled& done_;
  const OnGraded& on_graded_;
  OpenWork open_;
  std::vector<Sampled> held_;  // done while the grader is in doubt
  double seconds_ = 0;         // grading, or waiting for graders
  bool stopped_ = false;
};

}  // namespace

double sample_and_grade(const RolloutContext& context, const NextWork& next, const OnSampled& done,
                        const OnGraded& on_graded) {
  return SamplingLoop(context, next, done, on_graded).run();
}

std::uint64_t rng_key_of(std::string_view purpose, std::string_view problem_id, std::uint64_t variant) {
  return RngStream(key_of(purpose), {key_of(problem_id), variant}).next();
}

std::shared_ptr<const Prompt> prompt_for(const RolloutContext& context, const Problem& problem,
                                         bool show_guidance) {
  return std::make_shared<const Prompt>(make_prompt(context.prompts, problem, show_guidance));
}

bool fits(const Prompt& prompt, const RolloutContext& context) {
  const auto needed = static_cast<std::int64_t>(prompt.sample.size()) + context.sampling.max_new_tokens;
  return needed <= context.engine.context();
}

std::vector<Problem> within_context(std::vector<Problem> problems, const RolloutContext& context,
                                    int* too_long) {
  std::size_t shortest = std::numeric_limits<std::size_t>::max();  // of the prompts that do not fit
  const auto good = [&](const Problem& problem) {
    for (const bool guided : {false, true}) {
      if (guided && !problem.guidance) continue;
      const Prompt prompt = make_prompt(context.prompts, problem, guided);
      if (fits(prompt, context)) continue;
      shortest = std::min(shortest, prompt.sample.size());
      return false;
    }
    return true;
  };
  const auto kept = std::stable_partition(problems.begin(), problems.end(), good);
  const auto dropped = static_cast<int>(problems.end() - kept);
  if (too_long) *too_long = dropped;
  if (dropped > 0) {
    log_line(fmt::format(
        "left out: {} of {} problems, whose prompt + sampling.max_new_tokens is above the context of {} "
        "tokens (the first: '{}'; the shortest of these prompts has {} tokens)",
        dropped, problems.size(), context.engine.context(), kept->id, shortest));
    problems.erase(kept, problems.end());
  }
  if (problems.empty() && dropped > 0) {
    const std::int64_t room = context.engine.context() - static_cast<std::int64_t>(shortest);
    throw Error(
        "sample",
        fmt::format("no problem fits into the model's context of {} tokens: the shortest prompt has {}, "
                    "and sampling.max_new_tokens is {}",
                    context.engine.context(), shortest, context.sampling.max_new_tokens),
        room > 0 ? fmt::format("lower sampling.max_new_tokens, to {} at most", room)
                 : "give shorter problems, or a model with a longer context");
  }
  return problems;
}

}  // namespace pope
