// Sampling and grading side by side.
#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "core/error.h"
#include "explore/sampling.h"

namespace pope {
namespace {

using Clock = std::chrono::steady_clock;

// Grades on threads of its own. All calls come from one thread.
class GradingThreads {
 public:
  GradingThreads(const Explorer& explorer, int threads) : explorer_(explorer) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }
  ~GradingThreads() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
      jobs_.clear();
    }
    job_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  GradingThreads(const GradingThreads&) = delete;
  GradingThreads& operator=(const GradingThreads&) = delete;

  void submit(Rollout&& rollout, const Problem& problem) {
    {
      const std::lock_guard lock(mutex_);
      jobs_.emplace_back(std::move(rollout), &problem);
    }
    ++pending_;
    job_.notify_one();
  }
  // Submitted and not yet taken.
  std::size_t pending() const { return pending_; }

  // What is graded by now; with `wait` at least one, if any is pending.
  std::deque<GradedRollout> take(bool wait) {
    std::unique_lock lock(mutex_);
    if (wait && pending_ > 0) graded_one_.wait(lock, [&] { return !graded_.empty() || failure_; });
    if (failure_) std::rethrow_exception(failure_);
    pending_ -= graded_.size();
    return std::exchange(graded_, {});
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      job_.wait(lock, [&] { return stop_ || !jobs_.empty(); });
      if (stop_) return;
      auto [rollout, problem] = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      std::exception_ptr failure;
      GradedRollout graded;
      try {
        graded = grade_finished(std::move(rollout), *problem, explorer_);
      } catch (...) {  // whatever it is goes on in take(), on the caller's thread
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

  const Explorer& explorer_;
  std::mutex mutex_;
  std::condition_variable job_, graded_one_;
  std::deque<std::pair<Rollout, const Problem*>> jobs_;
  std::deque<GradedRollout> graded_;
  std::exception_ptr failure_;
  bool stop_ = false;
  std::size_t pending_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace

double sample_and_grade(const Explorer& explorer, const NextRequest& next,
                        const std::function<const Problem&(std::size_t tag)>& posed,
                        const std::function<void(GradedRollout&&)>& arrive) {
  double seconds = 0;
  const auto timed = [&](const auto& work) {
    const auto begin = Clock::now();
    auto result = work();
    seconds += std::chrono::duration<double>(Clock::now() - begin).count();
    return result;
  };
  const auto run = [&](const NextRequest& ask, const OnRollout& done) {
    explorer.engine.run_while(explorer.sampling, explorer.seed, explorer.stop_tokens, ask, done,
                              explorer.go_on);
  };
  const int threads = explorer.grade_in_turn ? 0 : explorer.verifier.parallel();
  if (threads == 0) {
    run(next, [&](Rollout&& rollout) {
      const Problem& problem = posed(rollout.tag);
      arrive(timed([&] { return grade_finished(std::move(rollout), problem, explorer); }));
    });
    return seconds;
  }
  GradingThreads graders(explorer, threads);
  // Where graders are slower than sampling, it waits: what is kept for them stays small, and so does its age.
  const auto most = static_cast<std::size_t>(threads) * 32;
  // A grader that judges none of the first rollouts is broken: what follows would be failures that are none.
  constexpr int kFirst = 32;
  int unjudged = 0;
  bool works = false;
  const auto take = [&](bool wait) {
    for (GradedRollout& graded : timed([&] { return graders.take(wait); })) {
      works = works || !graded.verdict.undecided;
      if (!works && ++unjudged == kFirst) {
        throw Error(
            "grade",
            fmt::format("the first {} rollouts could not be judged: {}", kFirst, graded.verdict.reason),
            "see the section \"verify\" of the config; nothing that was finished before is lost");
      }
      arrive(std::move(graded));
    }
  };
  while (true) {
    run(
        [&] {
          take(false);
          return next();
        },
        [&](Rollout&& rollout) {
          const Problem& problem = posed(rollout.tag);
          graders.submit(std::move(rollout), problem);
          take(false);
          while (graders.pending() > most) take(true);
        });
    // What arrives now may call for more samples.
    if (graders.pending() == 0) return seconds;
    take(true);
  }
}

}  // namespace pope
