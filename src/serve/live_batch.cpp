// See live_batch.h. Between two decode steps at most kPrefillTokens are prefilled, so that those that are
// being decoded are not kept waiting by long prompts for longer than it takes.
#include "serve/live_batch.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/printable.h"
#include "core/progress.h"
#include "core/rng.h"
#include "rollout/prefill.h"
#include "serve/draw.h"

namespace pope {
namespace {

constexpr std::size_t kPrefillTokens = 1024;  // padded; a longer prompt goes alone
constexpr std::int64_t kToldRows = 128;       // rows of logits at once where a prompt's logprobs are told

}  // namespace

struct LiveBatch::Group {
  LiveRequest request;
  std::shared_ptr<const KvCache> prompt;  // of one slot, which its samples share
  at::Tensor logits;                      // [V] f32, on the CPU: of the first token
  std::size_t started = 0;
};

struct LiveBatch::Active {
  std::shared_ptr<Group> group;
  int sample;
  RngStream rng;
  int length;    // tokens in the cache
  int last = 0;  // the newest token, which is not in it yet
  int drawn = 0;
};

struct LiveBatch::Cache {
  KvCache kv;
};

LiveBatch::LiveBatch(std::shared_ptr<const Model> model, int slots, int most)
    : model_(std::move(model)),
      slots_(slots),
      most_(most),
      cache_(std::make_unique<Cache>(
          Cache{KvCache(model_->architecture(), slots, 1, model_->compute_type(), model_->device())})) {
  thread_ = std::thread([this, threads = at::get_num_threads()] { run(threads); });
}

LiveBatch::~LiveBatch() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  arrived_.notify_all();
  thread_.join();
}

bool LiveBatch::submit(LiveRequest&& request) {
  const int samples = static_cast<int>(request.draws.size());
  {
    const std::lock_guard lock(mutex_);
    if (stop_ || samples_ + samples > most_) return false;
    samples_ += samples;
    incoming_.push_back(std::make_shared<Group>(Group{std::move(request), nullptr, {}}));
  }
  arrived_.notify_all();
  return true;
}

void LiveBatch::between_steps(std::function<void()> work) {
  std::packaged_task<void()> task(std::move(work));
  std::future<void> done = task.get_future();
  {
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(task));
  }
  arrived_.notify_all();
  done.get();
}

LiveBatch::Stats LiveBatch::stats() const {
  const std::lock_guard lock(mutex_);
  const std::int64_t running = running_;
  return {running, samples_ - running, prompt_tokens_, sampled_tokens_, decode_steps_};
}

void LiveBatch::run(int threads) {
  at::set_num_threads(threads);
  const c10::NoGradGuard no_grad;
  while (take()) {
    try {
      start_waiting();
      if (!active_.empty()) step();
    } catch (const std::exception& error) {  // out of memory, say: the next ones may fit
      const std::string problem = without_trace(error.what());
      log_line("samples are given up: " + problem);
      fail_all(problem);
    }
  }
  fail_all("the server ends");
}

bool LiveBatch::take() {
  std::vector<std::shared_ptr<Group>> fresh;
  std::deque<std::packaged_task<void()>> work;
  {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] {
      return stop_ || !incoming_.empty() || !active_.empty() || !ready_.empty() || !work_.empty();
    });
    if (stop_) return false;
    std::swap(work, work_);
    std::size_t longest = 0;
    // No more than have room soon, so that what waits can still be let go.
    while (!incoming_.empty() && ready_.size() + fresh.size() < static_cast<std::size_t>(slots_)) {
      if (!incoming_.front()->request.sink->wanted()) {
        samples_ -= static_cast<int>(incoming_.front()->request.draws.size());
        incoming_.pop_front();
        continue;
      }
      longest = std::max(longest, incoming_.front()->request.prompt.size());
      if (!fresh.empty() && longest * (fresh.size() + 1) > kPrefillTokens) break;
      fresh.push_back(std::move(incoming_.front()));
      incoming_.pop_front();
    }
  }
  for (auto& task : work) task();
  if (fresh.empty()) return true;
  try {
    prefill(fresh);
  } catch (const std::exception& error) {
    for (const auto& group : fresh) {
      for (std::size_t i = 0; i < group->request.draws.size(); ++i)
        group->request.sink->end(static_cast<int>(i), LiveEnd::error, without_trace(error.what()));
      const std::lock_guard lock(mutex_);
      samples_ -= static_cast<int>(group->request.draws.size());
    }
  }
  return true;
}

void LiveBatch::prefill(std::vector<std::shared_ptr<Group>> groups) {
  std::vector<std::span<const int>> prompts;
  for (const auto& group : groups) prompts.emplace_back(group->request.prompt);
  Prefilled prefilled = pope::prefill(*model_, prompts);
  const at::Tensor& hidden = prefilled.hidden;
  for (std::int64_t r = 0; r < std::ssize(groups); ++r) {
    Group& group = *groups[static_cast<std::size_t>(r)];
    const auto& prompt = group.request.prompt;
    const auto length = static_cast<std::int64_t>(prompt.size());
    if (group.request.sampling.prompt_logprobs) {
      std::vector<LiveToken> told;
      for (std::int64_t begin = 0; begin + 1 < length; begin += kToldRows) {
        const std::int64_t n = std::min(kToldRows, length - 1 - begin);
        const auto logits = model_->logits(hidden[r].narrow(0, begin, n)).cpu();
        for (std::int64_t i = 0; i < n; ++i)
          told.push_back(told_token(logits[i].const_data_ptr<float>(), logits.size(1), group.request.sampling,
                                    prompt[static_cast<std::size_t>(begin + i + 1)]));
      }
      group.request.sink->prompt(std::move(told));
    }
    group.logits = model_->logits(hidden[r].narrow(0, length - 1, 1)).cpu()[0].contiguous();
    group.prompt = std::move(prefilled.prompts[static_cast<std::size_t>(r)]);
    prompt_tokens_ += length;
  }
  ready_.insert(ready_.end(), groups.begin(), groups.end());
}

void LiveBatch::start_waiting() {
  while (!ready_.empty() && active_.size() < static_cast<std::size_t>(slots_)) {
    const std::shared_ptr<Group> group = ready_.front();
    if (group->started == group->request.draws.size()) {
      ready_.pop_front();
      continue;
    }
    const auto sample = group->started++;
    Active active{group, static_cast<int>(sample), group->request.draws[sample],
                  static_cast<int>(group->request.prompt.size())};
    active_.push_back(std::move(active));
    ++running_;
    const auto slot = active_.size() - 1;
    if (deliver(active_[slot], group->logits.const_data_ptr<float>())) {
      leave(slot);
      continue;
    }
    if (model_->device().is_cpu()) {
      cache_->kv.share(static_cast<int>(slot), group->prompt, active_[slot].length);
    } else {
      if (active_[slot].length > cache_->kv.positions()) cache_->kv.reserve(active_[slot].length);
      cache_->kv.copy_from(*group->prompt, 0, static_cast<int>(slot), active_[slot].length);
    }
  }
}

void LiveBatch::step() {
  const auto batch = static_cast<std::int64_t>(active_.size());
  auto tokens = at::empty({batch, 1}, at::kLong), starts = at::empty({batch}, at::kLong);
  int rows = 0;
  for (std::int64_t s = 0; s < batch; ++s) {
    Active& active = active_[static_cast<std::size_t>(s)];
    rows = std::max(rows, active.length - cache_->kv.shared(static_cast<int>(s)) + 1);
    tokens.data_ptr<std::int64_t>()[s] = active.last;
    starts.data_ptr<std::int64_t>()[s] = active.length++;
  }
  if (rows > cache_->kv.positions())
    cache_->kv.reserve(
        std::min(model_->architecture().context, std::max(rows, cache_->kv.positions() * 3 / 2 + 32)));
  const auto hidden = model_->decode(tokens, starts, cache_->kv).flatten(0, 1);
  const auto logits = model_->logits(hidden).cpu().contiguous();
  ++decode_steps_;
  // From the last slot down, so that what moves into a hole has already been dealt with.
  for (auto s = batch - 1; s >= 0; --s) {
    if (deliver(active_[static_cast<std::size_t>(s)], logits.const_data_ptr<float>() + s * logits.size(1)))
      leave(static_cast<std::size_t>(s));
  }
}

// Draws a token and hands it on; true: the sample has ended by it.
bool LiveBatch::deliver(Active& active, const float* logits) {
  const LiveRequest& request = active.group->request;
  const LiveSampling& sampling = request.sampling;
  if (sampling.max_new_tokens == 0) {
    request.sink->end(active.sample, LiveEnd::length, "");
    return true;
  }
  const LiveToken token =
      draw_live(logits, model_->architecture().vocab_size, sampling, active.rng.uniform());
  if (!std::isfinite(token.logprob)) {
    request.sink->end(active.sample, LiveEnd::error, "logits are not finite: the weights are damaged");
    return true;
  }
  active.last = token.token;
  ++active.drawn;
  ++sampled_tokens_;
  if (!request.sink->token(active.sample, token)) return true;
  const bool stopped = std::find(sampling.stop_tokens.begin(), sampling.stop_tokens.end(), token.token) !=
                       sampling.stop_tokens.end();
  if (!stopped && active.drawn < sampling.max_new_tokens) return false;
  request.sink->end(active.sample, stopped ? LiveEnd::stop : LiveEnd::length, "");
  return true;
}

// Frees a slot; the last one moves into the hole.
void LiveBatch::leave(std::size_t slot) {
  const std::size_t last = active_.size() - 1;
  if (slot != last) {
    cache_->kv.copy(static_cast<int>(last), static_cast<int>(slot), active_[last].length);
    active_[slot] = std::move(active_[last]);
  }
  cache_->kv.release(static_cast<int>(last));
  active_.pop_back();
  --running_;
  const std::lock_guard lock(mutex_);
  --samples_;
}

void LiveBatch::fail_all(const std::string& problem) {
  while (!active_.empty()) {
    const Active& active = active_.back();
    active.group->request.sink->end(active.sample, LiveEnd::error, problem);
    leave(active_.size() - 1);
  }
  std::deque<std::shared_ptr<Group>> waiting;
  std::swap(waiting, ready_);
  const std::lock_guard lock(mutex_);
  if (stop_) {
    waiting.insert(waiting.end(), incoming_.begin(), incoming_.end());
    incoming_.clear();
  }
  for (const auto& group : waiting) {
    for (; group->started < group->request.draws.size(); ++group->started, --samples_)
      group->request.sink->end(static_cast<int>(group->started), LiveEnd::error, problem);
  }
}

}  // namespace pope
