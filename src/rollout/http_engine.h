// The http engine: rollouts from OpenAI-compatible servers (vLLM, SGLang, llama.cpp, others). No weights are
// needed in this process, only the tokenizer. What each server takes and gives: docs/engines.md.
#pragma once

#include <memory>

#include "rollout/http_session.h"
#include "rollout/make_engine.h"

namespace pope {

class HttpEngine : public Engine {
 public:
  // Asks the servers what they are. Errors: HttpServers.
  HttpEngine(const EngineConfig& config, const EngineParts& parts);
  void run(const SamplingConfig& sampling, std::uint64_t seed, std::span<const int> stop_tokens,
           const NextRequest& next, const OnRollout& done, const ContinueSampling& go_on) override;
  // Error: servers do not take weights from here.
  void publish(std::int64_t version) override;
  EngineStats stats() const override;
  std::int64_t context() const override;

 private:
  const EngineConfig config_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::int64_t context_;  // of the model, as its folder says
  HttpServers servers_;
  HttpCounters counters_;
  std::atomic<double> seconds_ = 0;
};

std::unique_ptr<Engine> make_http_engine(const EngineConfig& config, const EngineParts& parts);

}  // namespace pope
