// What the user's own graders speak: one JSON object for each completion and one back (docs/verifier.md). And
// the pool that lets many threads share a few of them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "verify/verifier.h"

namespace pope {

// What a grader may say, in bytes: a longer reply is none, a longer text in one is cut (docs/verifier.md).
constexpr std::size_t kMostReply = 1 << 20, kMostText = 1000;

// {"id", "problem_id", "problem", "gold", "completion"} on one line, without its end.
std::string grader_request(std::uint64_t id, const Problem& problem, std::string_view completion);

// Reads {"id", "correct", "extracted"?, "reason"?, "undecided"?}. False when `line` is no reply to `id`, such
// as what a grader prints besides.
bool read_reply(std::string_view line, std::uint64_t id, Verdict& verdict);

// A verdict for a grader that gave none.
Verdict failed_verdict(const std::string& what);
Verdict timed_out_verdict(double timeout_s);
Verdict too_long_verdict();

// When a grader must have answered that is asked at this moment.
std::chrono::steady_clock::time_point deadline_after(double timeout_s);

// Hands out items of T, each to one thread at a time.
template <class T>
class Pool {
 public:
  explicit Pool(std::vector<std::unique_ptr<T>> items) : free_(std::move(items)) {}

  // Takes an item, waiting for one; gives it back when it goes.
  class Lease {
   public:
    explicit Lease(Pool& pool) : pool_(pool) {
      std::unique_lock lock(pool_.mutex_);
      pool_.returned_.wait(lock, [&] { return !pool_.free_.empty(); });
      item_ = std::move(pool_.free_.back());
      pool_.free_.pop_back();
    }
    ~Lease() {
      {
        const std::lock_guard lock(pool_.mutex_);
        pool_.free_.push_back(std::move(item_));
      }
      pool_.returned_.notify_one();
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    T* operator->() { return item_.get(); }
    T& operator*() { return *item_; }

   private:
    Pool& pool_;
    std::unique_ptr<T> item_;
  };

 private:
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<T>> free_;
};

}  // namespace pope
