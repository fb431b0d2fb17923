// `pope serve`: the OpenAI API in front of a model. docs/serve.md says what is answered.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "model/model.h"
#include "serve/config.h"
#include "serve/live_batch.h"
#include "serve/openai_request.h"
#include "serve/serve_metrics.h"
#include "serve/web_server.h"
#include "text/conversation.h"
#include "text/tokenizer.h"

namespace pope {

struct ServedModel {
  std::shared_ptr<Model> model;
  std::shared_ptr<const Tokenizer> tokenizer;
  std::vector<int> stop_tokens;        // that end a sample
  std::string name;                    // as clients see it
  std::string chat_template = "auto";  // a choice of prompt.chat_template
  // The model with the weights of a folder, for /update_weights_from_disk and take_weights().
  std::function<std::shared_ptr<const Model>(const std::string& folder)> load = nullptr;
};

class ModelServer {
 public:
  // Answers from now on; `slots` samples are decoded at once. Errors: settings that are not allowed, a key
  // that is not in the environment, WebServer's.
  ModelServer(ServedModel served, const ServeConfig& config, int slots);
  ~ModelServer();  // stop(0)

  std::string url() const { return server_->url(); }
  int port() const { return server_->port(); }
  // Refuses what is new; what is being answered may end within so many seconds.
  void stop(double grace_s);
  LiveBatch::Stats stats() const { return batch_.stats(); }
  // Goes on with the weights of this folder; replies to what is asked from then on name them by `label`.
  // Error: they cannot be loaded, or are of another architecture: those of before stay.
  void take_weights(const std::string& folder, const std::string& label);

 private:
  void answer(WebExchange& exchange);
  int dispatch(WebExchange& exchange);
  int generate(WebExchange& exchange, bool chat);
  int respond(WebExchange& exchange, const GenerationRequest& request, std::vector<std::vector<int>> prompts);
  int tokenize(WebExchange& exchange) const;
  int update_weights(WebExchange& exchange);
  std::string weights() const;
  // Behind the tokens that open every text, if `special`. Error: a word that the vocabulary lacks.
  std::vector<int> ids_of(const std::string& text, bool special) const;
  std::variant<std::vector<std::vector<int>>, ApiProblem> prompts_of(const GenerationRequest& request) const;
  std::optional<ApiProblem> check(const GenerationRequest& request,
                                  const std::vector<std::vector<int>>& prompts) const;
  int most_tokens(const GenerationRequest& request, std::size_t prompt) const;
  LiveSampling sampling_of(const GenerationRequest& request, std::size_t prompt) const;
  int admits(const WebRequest& request) const;  // WebServer::Admits
  bool has_key(const WebRequest& request) const;
  Json models() const;

  const ServedModel served_;
  const ServeConfig config_;
  const std::string key_;  // "": none is asked for
  const std::int64_t context_;
  ConversationRenderer conversations_;
  ServeMetrics metrics_;
  std::atomic<bool> stopping_ = false;
  std::mutex updating_;  // one update at a time
  mutable std::mutex weights_mutex_;
  std::string weights_;  // label; "": those that it was started with
  std::atomic<std::uint64_t> next_seed_;
  LiveBatch batch_;
  std::unique_ptr<WebServer> server_;  // last: its threads use all the others
};

}  // namespace pope
