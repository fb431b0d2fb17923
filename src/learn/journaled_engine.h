// An engine that keeps what another one has sampled since the run's last checkpoint, rollout by rollout, so
// that a training run that was killed, or stopped within a step, does not pay servers for it twice: when it
// comes to a step again, it takes these rollouts and asks for the rest alone. RUN/journal/step-NNNNNN.jsonl,
// N counted from 1.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <tuple>

#include "rollout/engine.h"

namespace pope {

class JournaledEngine : public Engine {
 public:
  // `engine` outlives it.
  JournaledEngine(Engine& engine, std::filesystem::path run);
  // Turns to 0-based step t, which is sampled by weights that have `version` optimiser steps behind them.
  // `before`: a digest of what the step before was learned from, rollouts aside; nothing in the first step of
  // a start, whose weights are the checkpoint's. What was sampled after another one does not come again. What
  // a checkpoint has behind it is removed.
  void turn_to(std::int64_t t, std::int64_t version, std::optional<std::uint64_t> before);
  // The rollouts of this step are not to come again.
  void forget();
  // Removes all that is kept in the folder of a run.
  static void remove(const std::filesystem::path& run);

  void run(const SamplingConfig& sampling, std::uint64_t seed, std::span<const int> stop_tokens,
           const NextRequest& next, const OnRollout& done, const ContinueSampling& go_on) override;
  EngineStats stats() const override { return engine_.stats(); }
  std::int64_t context() const override { return engine_.context(); }

 private:
  // What a rollout is drawn by: its random stream, its prompt and its number.
  using Key = std::tuple<std::uint64_t, std::uint64_t, int>;
  static Key key_of_first(const Request& request);
  void read();
  void add(const Key& key, const Rollout& rollout);
  void remove_files(std::int64_t from, std::int64_t to) const;  // of these steps, both included

  Engine& engine_;
  const std::filesystem::path run_;
  std::filesystem::path file_;
  std::int64_t step_ = 0, version_ = 0;
  std::optional<std::uint64_t> before_;
  bool is_last_ = false;  // no file is of a later step
  std::map<Key, Rollout> kept_;
};

}  // namespace pope
