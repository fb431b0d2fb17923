// An engine that plays an agent by a script: it sees the conversation as plain text, and says something. Text
// is bytes.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "agent/agent_model.h"
#include "core/error.h"

namespace pope::fake {

class BytesTokenizer : public Tokenizer {
 public:
  std::vector<int> encode(std::string_view text, bool) const override {
    return {reinterpret_cast<const unsigned char*>(text.data()),
            reinterpret_cast<const unsigned char*>(text.data()) + text.size()};
  }
  std::string decode(std::span<const int> ids, bool) const override {
    std::string text;
    for (const int id : ids)
      if (id < 256) text += static_cast<char>(id);
    return text;
  }
  int size() const override { return 257; }
  std::optional<int> find(std::string_view) const override { return std::nullopt; }
  std::string eos_token() const override { return ""; }
  std::string chat_template() const override { return ""; }
  void save(const std::filesystem::path&) const override {}
};

inline constexpr int kEnd = 256;  // the stop token

// What the model says to a conversation; an Error that it throws is the engine's.
using Says = std::function<std::string(const std::string& conversation, std::uint64_t key)>;

class PlayedEngine : public Engine {
 public:
  explicit PlayedEngine(Says says) : says_(std::move(says)) {}
  void run(const SamplingConfig& sampling, std::uint64_t, std::span<const int> stop_tokens,
           const NextRequest& next, const OnRollout& done, const ContinueSampling& go_on) override {
    while (const std::optional<Request> request = next()) {
      if (!go_on()) return;
      Rollout rollout{.tag = request->tag};
      const std::string text = says_(BytesTokenizer().decode(request->prompt, true), request->rng_key);
      rollout.tokens = BytesTokenizer().encode(text, false);
      if (std::ssize(rollout.tokens) >= sampling.max_new_tokens) {
        rollout.tokens.resize(static_cast<std::size_t>(sampling.max_new_tokens));
        rollout.finish = FinishReason::length;
      } else {
        rollout.tokens.push_back(stop_tokens.front());
      }
      rollout.logprobs.resize(rollout.tokens.size());
      done(std::move(rollout));
    }
  }
  EngineStats stats() const override { return {}; }
  std::int64_t context() const override { return context_tokens; }
  std::int64_t context_tokens = 100000;

 private:
  Says says_;
};

struct PlayedModel {
  explicit PlayedModel(Says says)
      : engine(std::move(says)),
        model(engine, std::make_shared<BytesTokenizer>(), PromptConfig(),
              SamplingConfig{.max_new_tokens = 4000}, {kEnd}, 1) {}
  PlayedEngine engine;
  AgentModel model;
};

inline std::string finish(const std::string& answer) { return "```finish\n" + answer + "\n```"; }

// How often a text stands in another.
inline int count_of(const std::string& text, const std::string& part) {
  int count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size()))
    ++count;
  return count;
}

}  // namespace pope::fake
