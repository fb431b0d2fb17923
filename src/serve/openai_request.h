// Requests of the OpenAI API, completions and chat completions, with those of vLLM's fields that engines use:
// token ids in and out, stop_token_ids, top_k. Read from JSON that anybody may have sent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/files.h"
#include "text/conversation.h"

namespace pope {

// Why a request is refused: the status and the error object's message, and the field that it is about.
struct ApiProblem {
  int status = 400;
  std::string message, param;
};
Json to_json(const ApiProblem& problem);  // {"error": {"message", "type", "param", "code"}}

struct GenerationRequest {
  bool chat = false;
  std::vector<std::variant<std::string, std::vector<int>>> prompts;  // completions: one or more
  std::vector<ChatMessage> messages;                                 // chat completions
  std::string model;
  int n = 1;
  std::optional<int> max_tokens;
  double temperature = 1, top_p = 1;
  int top_k = 0;
  std::optional<std::uint64_t> seed;
  // Our own engine's: sample i draws from RngStream(seed, {key, first + i}), as the native engine does.
  struct Draws {
    std::uint64_t seed = 0, key = 0;
    std::uint64_t first = 0;
  };
  std::optional<Draws> draws;
  std::vector<std::string> stop;
  std::vector<int> stop_token_ids;
  bool ignore_eos = false, stream = false, include_usage = false, echo = false, return_token_ids = false;
  bool add_special_tokens = true;       // completions: BOS in front of a prompt that is text
  std::optional<int> logprobs;          // alternatives told with each token; nothing: no logprobs either
  std::optional<bool> enable_thinking;  // of chat_template_kwargs
};

// Fields that are not known are ignored, as OpenAI's clients send more and more of them; those that are
// known, and would change what is sampled in a way that there is not here, are refused.
std::variant<GenerationRequest, ApiProblem> read_generation(std::string_view body, bool chat);

}  // namespace pope
