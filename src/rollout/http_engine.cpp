// See http_engine.h.
#include "rollout/http_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "core/error.h"
#include "core/progress.h"
#include "core/timed.h"
#include "model/load.h"
#include "rollout/logprob_gap.h"

namespace pope {
namespace {

namespace fs = std::filesystem;
const std::string kPrefix = "weights-";

std::string fresh_tag() { return fmt::format("{:08x}", std::random_device()()); }

}  // namespace

HttpEngine::HttpEngine(const EngineConfig& config, const EngineParts& parts)
    : config_(config),
      tokenizer_(parts.tokenizer),
      trained_(parts.trained),
      context_(parts.context),
      servers_(config, parts.tokenizer),
      tag_(fresh_tag()) {}

void HttpEngine::run(const SamplingConfig& sampling, std::uint64_t seed, std::span<const int> stop_tokens,
                     const NextRequest& next, const OnRollout& done, const ContinueSampling& go_on) {
  check(sampling);
  if (stop_tokens.empty()) throw Error("sample", "expected a token that ends a rollout, got none");
  publish_due();
  struct Count {
    std::atomic<int>& running;
    explicit Count(std::atomic<int>& all) : running(all) { ++running; }
    ~Count() { --running; }
  } const count(running_);
  double seconds = 0;
  timed(seconds, [&] {
    HttpSession(servers_, config_, *tokenizer_, context(), counters_,
                {sampling, seed, {stop_tokens.begin(), stop_tokens.end()}, next, done, go_on})
        .run();
  });
  seconds_ += seconds;
}

void HttpEngine::publish(std::int64_t version) {
  if (!trained_) throw Error("http engine", "expected a model that is trained here, got none");
  {
    const std::lock_guard lock(publishing_);
    due_ = version;
  }
  if (running_ > 0) publish_due();
}

void HttpEngine::publish_due(bool now) {
  const std::lock_guard lock(publishing_);
  const int most = now ? 1 : config_.publish_every;  // updates that servers are not told of, and one
  if (!due_ || (published_ && *due_ - *published_ < most)) return;
  timed(stats_.seconds, [&] {
    const auto weights = std::make_shared<PublishedWeights>();
    const fs::path folder = fs::absolute(config_.publish_dir);
    weights->version = *due_;
    weights->label = fmt::format("{}-{}", tag_, *due_);
    weights->folder = (folder / (kPrefix + weights->label)).string();
    weights->adapter = trained_->lora().has_value();
    weights->outdated = before_;
    fs::create_directories(folder);
    // What is computed with: bf16 is not published in f32, which the server would round to the same.
    const bool bf16 = trained_->compute_type() == at::kBFloat16 && !weights->adapter;
    write_folder(weights->folder,
                 [&](const fs::path& made) { save_model(made, *trained_, *tokenizer_, bf16); });
    stats_.gap = 0;
    servers_.publish(weights, [&](const ServerInfo& info, HttpClient& client, const HttpUrl& url) {
      return prove(info, client, url, *weights);
    });
    before_ = std::exchange(newest_, weights->label);
    published_ = due_;
    ++stats_.times;
    // Requests under way may still be answered with the weights before; older ones go.
    remove_weights([&](const std::string& label) { return label != newest_ && label != before_; });
  });
}

void HttpEngine::remove_published() {
  const std::lock_guard lock(publishing_);
  remove_weights([](const std::string&) { return true; });
}

// Those of this process: others may write theirs to the same folder.
void HttpEngine::remove_weights(const std::function<bool(const std::string& label)>& which) const {
  std::error_code code;  // what stays is no reason to end a run
  for (const fs::directory_entry& entry : fs::directory_iterator(config_.publish_dir, code)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kPrefix + tag_ + "-") && which(name.substr(kPrefix.size())))
      fs::remove_all(entry.path(), code);
  }
}

// A few samples of the server's, whose logprobs are to be those of the weights here. False: it gave none.
bool HttpEngine::prove(const ServerInfo& info, HttpClient& client, const HttpUrl& url,
                       const PublishedWeights& weights) {
  constexpr int kTokens = 16;
  const ServerWeights* flavour = server_weights(info.owner);
  LogprobGap all;
  bool answered = false;
  for (int which = 0; which < kTrials; ++which) {
    CompletionCall call = trial_call(info, tokenizer_.get(), which);
    call.max_new_tokens = kTokens;
    call.seed = static_cast<std::uint32_t>(weights.version % (1 << 30));
    if (weights.adapter && flavour->adapter_by_name) call.adapter = weights.label;
    const HttpReply reply = client.post(url.path + completion_path(info.kind),
                                        completion_body(info.kind, call), {.timeout_s = config_.timeout_s});
    if (!reply.ok()) continue;
    answered = true;
    const LogprobGap gap =
        logprob_gap(*trained_, call, read_completions(info.kind, call, reply.body).completions);
    const std::int64_t tokens = all.tokens + gap.tokens;
    if (tokens == 0) continue;
    all.mean = (all.mean * static_cast<double>(all.tokens) + gap.mean * static_cast<double>(gap.tokens)) /
               static_cast<double>(tokens);
    all.tokens = tokens;
  }
  if (!answered) {  // it has left again: before it is sampled from it loads the weights anew
    log_line("note: " + text_of(url) + " has loaded weights and does not answer: not compared");
    return false;
  }
  if (all.tokens == 0) {
    throw Error("publish weights",
                text_of(url) +
                    ": expected samples with token ids and logprobs, from which it is seen that the "
                    "weights are there; got none",
                "pope doctor --engine " + text_of(url) + " says what the server can do");
  }
  stats_.gap = std::max(stats_.gap, all.mean);
  if (all.mean <= config_.max_gap) return true;
  throw Error(
      "publish weights",
      fmt::format("{}: expected logprobs within {} nats a token of the weights that it was given, got {:.3g} "
                  "over {} tokens",
                  text_of(url), config_.max_gap, all.mean, all.tokens),
      "it samples with other weights, or computes otherwise: another model at the start, quantised weights, "
      "weights that it has kept; engine.max_gap is the bound");
}

EngineStats HttpEngine::stats() const {
  return {counters_.prefill_tokens, counters_.sampled_tokens, 0, seconds_};
}

PublishStats HttpEngine::published() const {
  const std::lock_guard lock(publishing_);
  return stats_;
}

std::int64_t HttpEngine::context() const { return std::min(context_, servers_.context()); }

std::unique_ptr<Engine> make_http_engine(const EngineConfig& config, const EngineParts& parts) {
  return std::make_unique<HttpEngine>(config, parts);
}

}  // namespace pope
