// The http engine: rollouts from OpenAI-compatible servers (vLLM, SGLang, llama.cpp, others). No weights are
// needed in this process, only the tokenizer; where a model is trained here, its weights are published to the
// servers (server_weights.h). What each server takes and gives: docs/engines.md.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "rollout/http_session.h"
#include "rollout/make_engine.h"
#include "rollout/publishing_engine.h"

namespace pope {

class HttpEngine : public PublishingEngine {
 public:
  // Asks the servers what they are. Errors: HttpServers.
  HttpEngine(const EngineConfig& config, const EngineParts& parts);
  void run(const SamplingConfig& sampling, std::uint64_t seed, std::span<const int> stop_tokens,
           const NextRequest& next, const OnRollout& done, const ContinueSampling& go_on) override;
  // Where nothing is sampled now, the weights go to the servers when the next run() begins, so that several
  // optimiser steps cost one transfer. Error: no model is trained.
  void publish(std::int64_t version) override;
  void publish_now() override { publish_due(/*now=*/true); }
  void remove_published() override;
  EngineStats stats() const override;
  PublishStats published() const override;
  std::int64_t context() const override;

 private:
  void publish_due(bool now = false);
  void remove_weights(const std::function<bool(const std::string& label)>& which) const;
  bool prove(const ServerInfo& info, HttpClient& client, const HttpUrl& url, const PublishedWeights& weights);

  const EngineConfig config_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::shared_ptr<const Model> trained_;  // null: none is
  std::int64_t context_;                  // of the model, as its folder says
  HttpServers servers_;
  HttpCounters counters_;
  std::atomic<double> seconds_ = 0;
  std::atomic<int> running_ = 0;  // calls of run()

  mutable std::mutex publishing_;  // of what follows
  const std::string tag_;          // begins the labels of this process
  std::optional<std::int64_t> due_, published_;
  std::string newest_, before_;  // labels
  PublishStats stats_;
};

std::unique_ptr<Engine> make_http_engine(const EngineConfig& config, const EngineParts& parts);

}  // namespace pope
