// Texts to choose from in the place of a reflection model: an engine that reads nothing and answers every
// prompt with one of them, in a block, drawn by the request's random stream. So GEPA selects among known
// texts, at no cost but that of their evaluation.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "evolve/problem_adapter.h"
#include "rollout/engine.h"
#include "text/prompt.h"

namespace pope {

// Whether a reflection model is such a list: a file *.txt.
bool is_proposal_list(const std::filesystem::path& path);
// Its lines, without empty ones. Error: there is none, or one stands twice.
std::vector<std::string> read_proposals(const std::filesystem::path& path);

class ProposalList : public Engine {
 public:
  explicit ProposalList(const std::vector<std::string>& texts);
  void run(const SamplingConfig& sampling, std::uint64_t seed, std::span<const int> stop_tokens,
           const NextRequest& next, const OnRollout& done, const ContinueSampling& go_on) override;
  EngineStats stats() const override { return stats_; }

  // This list as a reflection model; it must outlive that.
  ReflectionModel model();

 private:
  int texts_;
  PromptRenderer prompts_;  // knows the texts as one word each
  EngineStats stats_;
};

}  // namespace pope
