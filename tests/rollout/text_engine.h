// An engine that says what a function makes of each prompt's text, and a tokenizer whose tokens are bytes.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "rollout/engine.h"
#include "text/tokenizer.h"

namespace pope::fake {

inline constexpr int kEnd = 256;  // the stop token: no byte

class BytesTokenizer : public Tokenizer {
 public:
  std::vector<int> encode(std::string_view text, bool) const override {
    return {reinterpret_cast<const unsigned char*>(text.data()),
            reinterpret_cast<const unsigned char*>(text.data()) + text.size()};
  }
  std::string decode(std::span<const int> ids, bool) const override {
    std::string text;
    for (const int id : ids)
      if (id != kEnd) text += static_cast<char>(id);
    return text;
  }
  int size() const override { return kEnd + 1; }
  std::optional<int> find(std::string_view) const override { return std::nullopt; }
  std::string eos_token() const override { return ""; }
  std::string chat_template() const override { return ""; }
  void save(const std::filesystem::path&) const override {}
};

class TextEngine : public Engine {
 public:
  // What a sample of the request says, whose prompt reads so. What it throws, the engine throws.
  using Says = std::function<std::string(const std::string& prompt, const Request& request)>;
  TextEngine(std::shared_ptr<const Tokenizer> tokenizer, Says says)
      : tokenizer_(std::move(tokenizer)), says_(std::move(says)) {}

  void run(const SamplingConfig& sampling, std::uint64_t, std::span<const int> stop_tokens,
           const NextRequest& next, const OnRollout& done, const ContinueSampling& go_on) override {
    while (go_on()) {
      const std::optional<Request> request = next();
      if (!request) return;
      const std::string prompt = tokenizer_->decode(request->prompt);
      for (int i = 0; i < request->samples; ++i) {
        Rollout rollout{.tag = request->tag, .sample = request->first_sample + i};
        rollout.tokens = tokenizer_->encode(says_(prompt, *request));
        if (std::ssize(rollout.tokens) >= sampling.max_new_tokens) {
          rollout.tokens.resize(static_cast<std::size_t>(sampling.max_new_tokens));
          rollout.finish = FinishReason::length;
        } else {
          rollout.tokens.push_back(stop_tokens.front());
        }
        rollout.logprobs.resize(rollout.tokens.size());
        sampled_tokens_ += std::ssize(rollout.tokens);
        done(std::move(rollout));
      }
    }
  }
  EngineStats stats() const override { return {.sampled_tokens = sampled_tokens_}; }
  std::int64_t context() const override { return context_tokens; }
  std::int64_t context_tokens = 100000;

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  Says says_;
  std::atomic<std::int64_t> sampled_tokens_ = 0;
};

}  // namespace pope::fake
