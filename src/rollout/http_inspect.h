// What a server is and can do for us, found by asking it: the model's name, whether token ids go in and come
// out, how many samples a request may ask for. An engine asks once, before it samples; `pope doctor` shows it
// all.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "rollout/http_protocol.h"
#include "rollout/make_engine.h"
#include "text/tokenizer.h"
#include "verify/http_client.h"

namespace pope {

struct ServerInfo {
  ServerKind kind = ServerKind::openai;
  std::string owner;  // "vllm", "sglang", "pope", …: who serves, as it says or engine.server does
  std::string model;
  std::int64_t context = std::numeric_limits<std::int64_t>::max();  // tokens; max: it does not say
  bool takes_ids = false, gives_ids = false;
  bool gives_logprobs = false;
  bool tempered = false;               // logprobs are those at the sampling temperature, not at 1
  int most_samples = 1;                // of a request
  std::optional<bool> same_tokenizer;  // none: it does not say how it splits a text
};

// The server at `url`, asked by `client` (of its origin). Error: what waiting will not mend — a key that is
// refused, a model that it does not have, another tokenizer. Otherwise, where it does not answer: nothing,
// and `problem`. `tokenizer`: the model's, or null.
struct Inspection {
  std::optional<ServerInfo> info;
  std::string problem;
  std::optional<double> retry_after_s;
};
Inspection inspect_server(HttpClient& client, const HttpUrl& url, const EngineConfig& config,
                          const Tokenizer* tokenizer);

// The key that config.key_env names, as a header. Error: it names a variable that is not set.
HttpClient::Headers key_header(const EngineConfig& config);
// Addresses as the settings have them, without "/v1".
HttpUrl server_url(const std::string& text);
std::string text_of(const HttpUrl& url);
// Error where the reply says that no later attempt can do better: the key, the model, the request itself.
void refuse_if_final(const HttpReply& reply, const std::string& url, const EngineConfig& config);
// Whether the server is away for a while, rather than at odds with the request.
bool is_away(const HttpReply& reply);

// A request for trying things out, in the form that `info` says the server takes; one of kTrials, which begin
// differently.
inline constexpr int kTrials = 5;
CompletionCall trial_call(const ServerInfo& info, const Tokenizer* tokenizer, int which = 0);
// What is sent of a prompt to a server that takes texts. A text loses which parts of it are special tokens.
std::string prompt_text(const std::vector<int>& prompt, const Tokenizer& tokenizer);

}  // namespace pope
