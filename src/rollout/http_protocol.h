// What is said to servers and what they say back, as JSON: the OpenAI API's completions and each server's own
// fields. Pure functions; who sends, waits and tries again is http_engine.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/files.h"

namespace pope {

// vllm: /v1/completions with vLLM's fields, ids both ways. sglang and llama_cpp: their own routes /generate
// and /completion, ids both ways. openai: /v1/completions and no more than OpenAI's fields: texts.
enum class ServerKind { vllm, sglang, llama_cpp, openai };
ServerKind server_kind(std::string_view name);  // "vllm", "sglang", "llama.cpp", "openai"
std::string name_of(ServerKind kind);
// Of a model that a server lists, by its "owned_by".
ServerKind kind_of_owner(std::string_view owned_by);

// n samples of one prompt.
struct CompletionCall {
  std::string model;
  std::vector<int> prompt;  // given as ids, or, where there are none,
  std::string prompt_text;  // as text
  int samples = 1;
  int max_new_tokens = 16;
  double temperature = 1;
  bool logprobs = true;
  std::uint32_t seed = 0;  // of the first sample; servers give the next one seed + 1, …
  std::vector<int> stop_tokens;
  std::vector<std::string> stop_texts;  // of these, for kind openai
  std::string adapter;                  // name of the LoRA adapter that samples; "": none
  // pope serve alone: the samples draw from RngStream(seed, {key, first}), {key, first + 1}, … in place of
  // `seed`.
  struct Draws {
    std::uint64_t seed, key;
    int first;
  };
  std::optional<Draws> draws;
};
// The request's path, below the server's address.
std::string completion_path(ServerKind kind);
std::string completion_body(ServerKind kind, const CompletionCall& call);

// One sample as the server gave it.
struct Completion {
  std::string text;
  std::optional<std::vector<int>> tokens;  // none: the server gives no ids
  // One for each token or none at all; NaN where one is missing. Of texts: one for each token of the
  // server's.
  std::vector<float> logprobs;
  std::string finish;             // as the server says it: "stop", "length", …
  std::optional<int> stop_token;  // that ended it, where the server says so
};
// The samples, in their order; there may be fewer than were asked for. `problem`: why the body is no reply to
// `call`.
struct CompletionReply {
  std::vector<Completion> completions;
  std::string
      weights;  // the label of the weights that sampled them, where the server tells it (server_weights.h)
  std::string problem;
};
CompletionReply read_completions(ServerKind kind, const CompletionCall& call, std::string_view body);

// What the body of an error says, in one line: its message where it has one, else its beginning.
std::string error_message(std::string_view body);
// JSON that a server sent: nothing where it is none, or is nested too deep.
std::optional<Json> parse_foreign(std::string_view body);

}  // namespace pope
