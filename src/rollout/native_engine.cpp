// Continuous batching. See native_engine.h.
// A Scheduler lives for one run(): `waiting_` groups have their prompt's keys and values at hand and samples
// still to start; `active_[s]` is the rollout in cache slot s, slots 0 … active−1 without holes.
#include "rollout/native_engine.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <deque>
#include <utility>

#include "core/error.h"
#include "core/rng.h"
#include "rollout/decoder.h"
#include "rollout/prefill.h"
#include "rollout/sample.h"

namespace pope {
namespace {

// Prompts prefilled together have at most this many padded tokens (a longer prompt goes alone).
constexpr std::size_t kPrefillTokens = 4096;

class Scheduler {
 public:
  Scheduler(const Model& model, const SamplingConfig& sampling, std::uint64_t seed,
            std::span<const int> stop_tokens, const NextRequest& next, const OnRollout& done,
            const ContinueSampling& go_on, NativeEngine::Counters& stats, GraphRecorder* recorder)
      : model_(model),
        sampling_(sampling),
        seed_(seed),
        stop_(stop_tokens.begin(), stop_tokens.end()),
        next_(next),
        done_(done),
        go_on_(go_on),
        stats_(stats),
        decoder_(make_decoder(model, sampling.batch_size, sampling.temperature, recorder)) {}

  void run() {
    for (;;) {
      fill();
      if (active_.empty() || !go_on_()) return;
      step();
    }
  }

 private:
  // One prefilled prompt, kept until all its samples have started.
  struct Group {
    Request request;
    std::shared_ptr<const KvCache> prompt;  // of one slot, which its rollouts share
    at::Tensor logits;                      // [V] f32: of the first token, on the CPU
    std::int64_t version = 0;               // of the weights that these come from
    int started = 0;
  };

  struct Active {
    Rollout rollout;
    RngStream rng;
    int length;  // tokens in the cache
  };

  // Starts samples while slots are free, and pulls requests while samples are lacking.
  void fill() {
    while (static_cast<int>(active_.size()) < sampling_.batch_size) {
      if (waiting_.empty() && !pull()) return;
      Group& group = waiting_.front();
      start(group);
      if (++group.started == group.request.samples) waiting_.pop_front();
    }
  }

  // Takes requests enough for the free slots and prefills them; false when there are none.
  bool pull() {
    std::vector<Request> requests;
    std::size_t longest = 0;
    int lacking = sampling_.batch_size - static_cast<int>(active_.size());
    while (lacking > 0 && !dry_) {
      auto request = next_();
      dry_ = !request;
      if (dry_) break;
      check(*request);
      if (request->samples == 0) continue;
      if (!requests.empty() &&
          std::max(longest, request->prompt.size()) * (requests.size() + 1) > kPrefillTokens) {
        prefill(std::exchange(requests, {}));
        longest = 0;
      }
      longest = std::max(longest, request->prompt.size());
      lacking -= request->samples;
      requests.push_back(std::move(*request));
    }
    if (!requests.empty()) prefill(std::move(requests));
    return !waiting_.empty();
  }

  void check(const Request& request) const {
    const auto& a = model_.architecture();
    if (request.prompt.empty()) {
      throw Error("sample", "expected a prompt of at least one token, got an empty one");
    }
    if (request.samples < 0) {
      throw Error("sample", fmt::format("expected samples ≥ 0, got {}", request.samples));
    }
    for (const int token : request.prompt) {
      if (token < 0 || token >= a.vocab_size) {
        throw Error("sample", fmt::format("expected token ids in [0, {}), got {}", a.vocab_size, token),
                    "the tokenizer and the model do not belong together");
      }
    }
    const auto needed = static_cast<std::int64_t>(request.prompt.size()) + sampling_.max_new_tokens;
    if (needed > a.context) {
      throw Error("sample",
                  fmt::format("expected prompt + max_new_tokens ≤ {} (the model's context), got {} + {}",
                              a.context, request.prompt.size(), sampling_.max_new_tokens),
                  "lower max_new_tokens or drop long prompts");
    }
  }

  void prefill(std::vector<Request> requests) {
    std::vector<std::span<const int>> prompts;
    for (const auto& request : requests) prompts.emplace_back(request.prompt);
    Prefilled prefilled = pope::prefill(model_, prompts);
    auto last = at::empty({std::ssize(prompts)}, at::kLong);
    for (std::int64_t r = 0; r < last.numel(); ++r) {
      const auto length = std::ssize(prompts[static_cast<std::size_t>(r)]);
      last.data_ptr<std::int64_t>()[r] = r * prefilled.hidden.size(1) + length - 1;
      stats_.prefill_tokens += length;
    }
    const auto hidden = prefilled.hidden.flatten(0, 1).index_select(0, last.to(model_.device()));
    const auto logits = model_.logits(hidden).cpu();
    for (std::size_t r = 0; r < requests.size(); ++r)
      waiting_.push_back({std::move(requests[r]), std::move(prefilled.prompts[r]),
                          logits[static_cast<std::int64_t>(r)], model_.version});
  }

  // The group's next sample: draws its first token and, unless that ends it, takes the next free slot.
  void start(const Group& group) {
    const auto sample = group.request.first_sample + group.started;
    Active active{{group.request.tag, sample},
                  RngStream(seed_, {group.request.rng_key, static_cast<std::uint64_t>(sample)}),
                  static_cast<int>(group.request.prompt.size())};
    active.rollout.policy_version = group.version;
    const double uniform = active.rng.uniform();
    const auto draw = draw_token(group.logits.const_data_ptr<float>(), model_.architecture().vocab_size,
                                 sampling_.temperature, uniform);
    if (append(active, draw, group.version)) {
      finish(std::move(active.rollout));
      return;
    }
    decoder_->begin(static_cast<int>(active_.size()), group.prompt, active.length);
    active_.push_back(std::move(active));
  }

  // One decoding step of all active rollouts.
  void step() {
    const auto batch = static_cast<std::int64_t>(active_.size());
    auto& [tokens, starts, uniforms] = inputs_;
    tokens.resize(batch);
    starts.resize(batch);
    uniforms.resize(batch);
    for (std::int64_t s = 0; s < batch; ++s) {
      tokens[s] = active_[s].rollout.tokens.back();
      starts[s] = active_[s].length++;
      uniforms[s] = active_[s].rng.uniform();
    }
    decoder_->step(inputs_, draws_);
    ++stats_.decode_steps;
    // From the last slot down, so that what moves into a hole has already been dealt with.
    for (auto s = static_cast<int>(batch) - 1; s >= 0; --s) {
      if (append(active_[s], draws_[s], model_.version)) leave(s);
    }
  }

  // Adds the token drawn under the weights of `version`; true when the rollout is finished by it.
  bool append(Active& active, const SampledToken& draw, std::int64_t version) {
    if (!std::isfinite(draw.logprob)) {
      throw Error("sample", "logits are not finite",
                  "training diverged or the weights are damaged; lower the learning rate");
    }
    auto& rollout = active.rollout;
    rollout.tokens.push_back(draw.token);
    rollout.logprobs.push_back(draw.logprob);
    rollout.versions.push_back(version);
    ++stats_.sampled_tokens;
    const bool stopped = std::find(stop_.begin(), stop_.end(), draw.token) != stop_.end();
    rollout.finish = stopped ? FinishReason::stop : FinishReason::length;
    return stopped || static_cast<int>(rollout.tokens.size()) >= sampling_.max_new_tokens;
  }

  // Frees slot s; the last slot moves into the hole.
  void leave(int s) {
    auto rollout = std::move(active_[s].rollout);
    const int last = static_cast<int>(active_.size()) - 1;
    decoder_->leave(s, last, active_[last].length);
    if (s != last) active_[s] = std::move(active_[last]);
    active_.pop_back();
    finish(std::move(rollout));
  }

  void finish(Rollout&& rollout) {
    dry_ = false;
    done_(std::move(rollout));
  }

  const Model& model_;
  const SamplingConfig& sampling_;
  const std::uint64_t seed_;
  const std::vector<int> stop_;
  const NextRequest& next_;
  const OnRollout& done_;
  const ContinueSampling& go_on_;
  NativeEngine::Counters& stats_;
  std::unique_ptr<Decoder> decoder_;
  std::deque<Group> waiting_;
  std::vector<Active> active_;
  bool dry_ = false;  // `next` had nothing and no rollout has finished since
  DecodeInputs inputs_;
  std::vector<SampledToken> draws_;
};

}  // namespace

NativeEngine::NativeEngine(std::shared_ptr<const Model> model, std::unique_ptr<GraphRecorder> recorder)
    : model_(std::move(model)), recorder_(std::move(recorder)) {}
NativeEngine::~NativeEngine() = default;

void NativeEngine::run(const SamplingConfig& sampling, std::uint64_t seed, std::span<const int> stop_tokens,
                       const NextRequest& next, const OnRollout& done, const ContinueSampling& go_on) {
  check(sampling);
  const auto begin = std::chrono::steady_clock::now();
  Scheduler(*model_, sampling, seed, stop_tokens, next, done, go_on, counters_, recorder_.get()).run();
  counters_.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

EngineStats NativeEngine::stats() const {
  return {counters_.prefill_tokens, counters_.sampled_tokens, counters_.decode_steps, counters_.seconds};
}

}  // namespace pope
