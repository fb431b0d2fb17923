// Continuous batching for a server: samples join and leave between decode steps, each with settings of its
// own, and their tokens are handed on as they are drawn. It samples as the native engine does (rollout/
// native_engine.h), whose run() has one setting for all and gives rollouts back whole: the same prefill,
// shared prompts, kernels and draws, so that the same tokens come out. Recorded steps (model/graphs.h) are
// not used.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/rng.h"
#include "model/model.h"

namespace pope {

struct LiveSampling {
  int max_new_tokens = 16;
  double temperature = 1;  // 0: the most likely token
  double top_p = 1;        // of the most likely tokens as many as have this probability together; 1: all
  int top_k = 0;           // so many of the most likely; 0: all
  std::vector<int> stop_tokens;  // that end a sample
  int top_logprobs = 0;          // so many alternatives are told with each token
  bool prompt_logprobs = false;  // of the prompt's tokens, too
};

// logprob: under softmax(logits / temperature), at temperature 0 under softmax(logits), of all tokens, also
// where top_p or top_k leave some out.
struct LiveToken {
  int token = 0;
  float logprob = 0;
  std::vector<std::pair<int, float>> top;  // the most likely tokens with theirs, falling
};

enum class LiveEnd { stop, length, error };

// Who is told. Calls come on the batch's thread, and must not take long.
class LiveSink {
 public:
  virtual ~LiveSink() = default;
  // The prompt's tokens from the second on, once, before all else; where they were asked for.
  virtual void prompt(std::vector<LiveToken>&& tokens) = 0;
  // Whether any sample is wanted still. Where none is, they end without being begun, and without end().
  virtual bool wanted() const = 0;
  // False: this sample is wanted no longer; it ends without end().
  virtual bool token(int sample, const LiveToken& token) = 0;
  // After the last token, which a stop token is, too. `problem` with LiveEnd::error.
  virtual void end(int sample, LiveEnd end, const std::string& problem) = 0;
};

// Samples 0 … draws.size() − 1 of a prompt, which is computed once. Sample i depends on the prompt, the
// settings and the stream draws[i] alone, up to the rounding of batched products.
struct LiveRequest {
  std::vector<int> prompt;  // not empty, in the vocabulary, with max_new_tokens within the context
  LiveSampling sampling;
  std::vector<RngStream> draws;
  std::shared_ptr<LiveSink> sink;
};

class LiveBatch {
 public:
  // `slots` samples are decoded at once; at most `most` samples wait or are decoded.
  LiveBatch(std::shared_ptr<const Model> model, int slots, int most);
  // What is under way ends with LiveEnd::error.
  ~LiveBatch();
  LiveBatch(const LiveBatch&) = delete;
  LiveBatch& operator=(const LiveBatch&) = delete;

  // False: there are too many.
  bool submit(LiveRequest&& request);

  // Does `work` on the batch's thread, between two decode steps; returns when it is done, or throws what it
  // threw. Where it changes the weights, samples go on with the keys and values that they have.
  void between_steps(std::function<void()> work);

  struct Stats {
    std::int64_t running = 0, waiting = 0;  // samples
    std::int64_t prompt_tokens = 0, sampled_tokens = 0, decode_steps = 0;
  };
  Stats stats() const;

 private:
  struct Group;
  struct Active;
  struct Cache;

  void run(int threads);
  bool take();  // waits for work; false: to end
  void prefill(std::vector<std::shared_ptr<Group>> groups);
  void start_waiting();
  void step();
  bool deliver(Active& active, const float* logits);
  void leave(std::size_t slot);
  void fail_all(const std::string& problem);

  const std::shared_ptr<const Model> model_;
  const int slots_, most_;

  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::shared_ptr<Group>> incoming_;
  std::deque<std::packaged_task<void()>> work_;
  int samples_ = 0;  // waiting or decoded
  bool stop_ = false;

  // The thread's.
  std::deque<std::shared_ptr<Group>> ready_;  // prefilled, with samples to start
  std::vector<Active> active_;                // in slots 0, 1, …
  std::unique_ptr<Cache> cache_;

  std::atomic<std::int64_t> running_ = 0, prompt_tokens_ = 0, sampled_tokens_ = 0, decode_steps_ = 0;
  std::thread thread_;
};

}  // namespace pope
