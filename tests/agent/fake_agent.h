// A model that plays an agent by a script: it sees the conversation as plain text, and says something.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/agent_model.h"
#include "core/error.h"
#include "rollout/text_engine.h"

namespace pope::fake {

// What the model says to a conversation; an Error that it throws is the engine's.
using Says = std::function<std::string(const std::string& conversation, std::uint64_t key)>;

struct PlayedModel {
  explicit PlayedModel(Says says, std::uint64_t seed = 1)
      : engine(tokenizer,
               [says = std::move(says)](const std::string& conversation, const Request& request) {
                 return says(conversation, request.rng_key);
               }),
        model(engine, tokenizer, PromptConfig(), SamplingConfig{.max_new_tokens = 4000}, {kEnd}, seed) {}
  std::shared_ptr<const Tokenizer> tokenizer = std::make_shared<BytesTokenizer>();
  TextEngine engine;
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
