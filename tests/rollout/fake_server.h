// An OpenAI-compatible server for tests, on loopback, that speaks as vLLM, SGLang, llama.cpp or another does,
// and lies or fails as it is told. What it samples is a function of prompt and seed: words, and then the stop
// token.
#pragma once

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/files.h"
#include "core/rng.h"
#include "rollout/http_protocol.h"
#include "text/tokenizer.h"

namespace pope::testing {

// Of each token, at temperature 1.
inline constexpr double kLogprob = -4;

// Requests that an engine sends before it samples.
inline constexpr int kTrialRequests = 6;

enum class Fault { none, busy, broken, truncated, dripped, garbled, fewer, aborted };

class FakeServer {
 public:
  struct Script {
    ServerKind kind = ServerKind::vllm;
    std::string model = "fake";
    std::string key;  // refuses requests without it
    int context = 4096;
    bool takes_ids = true, gives_ids = true, logprobs = true, tempered = false;
    bool heeds_n = true, heeds_seed = true;
    int first_id = 0;    // added to all ids that it gives
    std::string finish;  // in place of the true one
    std::function<Fault(int request)> fault = [](int) { return Fault::none; };
    std::function<void(int request)> wait = [](int) {};
    // Completion of a prompt's text, without its stop token; where there is none, words by the seed.
    std::function<std::string(const std::string& prompt)> answer;
    // Status of a call that loads weights; none: 200.
    std::function<int(const std::string& path, const Json& body)> loads;
  };

  FakeServer(Script script, std::shared_ptr<const Tokenizer> tokenizer)
      : script_(std::move(script)), tokenizer_(std::move(tokenizer)) {
    stop_ = tokenizer_->find(tokenizer_->eos_token()).value();
    words_ = tokenizer_->encode(" one two three four five six seven eight nine ten");
    start(0);
  }
  ~FakeServer() { stop(); }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  int requests() const { return requests_; }  // for completions
  int stop_token() const { return stop_; }
  Json last() const {
    const std::lock_guard lock(mutex_);
    return last_;
  }
  // Paths and bodies of the calls that load weights, and the adapters that are there.
  std::vector<std::pair<std::string, Json>> weight_calls() const {
    const std::lock_guard lock(mutex_);
    return weight_calls_;
  }
  std::set<std::string> adapters() const {
    const std::lock_guard lock(mutex_);
    return adapters_;
  }
  void stop() {
    if (!server_) return;
    server_->stop();
    thread_.join();
    server_.reset();
  }
  // With the weights of before all calls.
  void restart() {
    {
      const std::lock_guard lock(mutex_);
      label_.clear();
      adapters_.clear();
    }
    start(port_);
  }

 private:
  void start(int port) {
    server_ = std::make_unique<httplib::Server>();
    server_->new_task_queue = [] { return new httplib::ThreadPool(24); };
    server_->set_keep_alive_max_count(1000);
    server_->set_keep_alive_timeout(1);  // stop() waits for so long
    server_->Get("/v1/models", [this](const auto& request, auto& response) {
      if (allowed(request, response)) response.set_content(models(), "application/json");
    });
    server_->Get("/props", [](const auto&, auto& response) {
      response.set_content(R"({"total_slots": 3, "default_generation_settings": {"n_ctx": 2048}})",
                           "application/json");
    });
    server_->Post("/tokenize", [this](const auto& request, auto& response) {
      const Json body = Json::parse(request.body);
      std::vector<int> ids =
          tokenizer_->encode(body.contains("prompt") ? body["prompt"].template get<std::string>()
                                                     : body["content"].template get<std::string>());
      for (int& id : ids) id += script_.first_id;
      response.set_content(dump(Json{{"tokens", ids}}), "application/json");
    });
    for (const char* path :
         {"/collective_rpc", "/reset_prefix_cache", "/update_weights_from_disk", "/load_lora_adapter",
          "/unload_lora_adapter", "/v1/load_lora_adapter", "/v1/unload_lora_adapter"}) {
      server_->Post(path, [this, path = std::string(path)](const auto& request, auto& response) {
        load(path, Json::parse(request.body), response);
      });
    }
    server_->Post(completion_path(script_.kind), [this](const auto& request, auto& response) {
      if (allowed(request, response)) complete(Json::parse(request.body), response);
    });
    port_ = port == 0 ? server_->bind_to_any_port("127.0.0.1") : port;
    if (port != 0) server_->bind_to_port("127.0.0.1", port);
    thread_ = std::thread([this] { server_->listen_after_bind(); });
    // stop() is no use before.
    while (!server_->is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  bool allowed(const httplib::Request& request, httplib::Response& response) const {
    if (script_.key.empty() || request.get_header_value("Authorization") == "Bearer " + script_.key)
      return true;
    response.status = 401;
    response.set_content(R"({"error": {"message": "who are you?"}})", "application/json");
    return false;
  }

  std::string label() const {
    const std::lock_guard lock(mutex_);
    return label_;
  }

  std::string models() const {
    const char* owner = script_.kind == ServerKind::vllm     ? "vllm"
                        : script_.kind == ServerKind::sglang ? "sglang"
                                                             : "llamacpp";
    Json model = {{"id", script_.model}, {"owned_by", script_.kind == ServerKind::openai ? "me" : owner}};
    if (script_.kind == ServerKind::vllm) model["max_model_len"] = script_.context;
    return dump(Json{{"data", {model}}});
  }

  void load(const std::string& path, const Json& body, httplib::Response& response) {
    int status = script_.loads ? script_.loads(path, body) : 200;
    const std::lock_guard lock(mutex_);
    // As vLLM and SGLang do where there are no such files, or the name is taken.
    const char* folder = body.contains("lora_path") ? "lora_path" : "model_path";
    if (status == 200 && body.contains(folder) &&
        !std::filesystem::exists(body.at(folder).get<std::string>()))
      status = 400;
    if (status == 200 && body.contains("lora_path") &&
        adapters_.contains(body.at("lora_name").get<std::string>()))
      status = 400;
    response.status = status;
    response.set_content(R"({"success": true})", "application/json");
    weight_calls_.emplace_back(path, body);
    if (status != 200) return;
    if (path == "/update_weights_from_disk") label_ = body.at("weight_version");
    if (path.ends_with("unload_lora_adapter")) {
      adapters_.erase(body.at("lora_name").get<std::string>());
    } else if (path.ends_with("load_lora_adapter")) {
      adapters_.insert(body.at("lora_name").get<std::string>());
    }
  }

  struct Sample {
    std::vector<int> tokens;
    std::string text, finish;
    std::vector<double> logprobs;
  };

  Sample sample(const std::vector<int>& prompt, std::uint64_t seed, int most, double temperature) const {
    std::uint64_t key = 0;
    for (const int id : prompt) key = key * 31 + static_cast<std::uint64_t>(id);
    RngStream rng(script_.heeds_seed ? seed : 0, {key});
    Sample one;
    if (script_.answer) {
      one.tokens = tokenizer_->encode(script_.answer(tokenizer_->decode(prompt)));
    } else {
      const std::uint64_t length = 1 + rng.below(12);
      for (std::uint64_t i = 0; i < length; ++i) one.tokens.push_back(words_[rng.below(words_.size())]);
    }
    one.tokens.push_back(stop_);
    one.finish = std::cmp_greater(one.tokens.size(), most) ? "length" : "stop";
    if (one.finish == "length") one.tokens.resize(static_cast<std::size_t>(most));
    one.text = tokenizer_->decode(one.tokens);
    // Words are drawn evenly at any temperature; a server that says so at temperature 1 only is "raw".
    // It is sure of a scripted answer.
    const bool sure = script_.answer || (script_.tempered && temperature < 0.1);
    const double logprob = sure ? -0.01 : kLogprob;
    one.logprobs.assign(one.tokens.size(), logprob);
    for (int& id : one.tokens) id += script_.first_id;
    if (!script_.finish.empty()) one.finish = script_.finish;
    return one;
  }

  void complete(const Json& body, httplib::Response& response) {
    const int number = ++requests_;
    {
      const std::lock_guard lock(mutex_);
      last_ = body;
    }
    script_.wait(number);
    const std::string model = body.value("model", script_.model);
    if (script_.kind != ServerKind::sglang && model != script_.model && !adapters().contains(model)) {
      response.status = 404;
      response.set_content(R"({"error": {"message": "no such model"}})", "application/json");
      return;
    }
    const Json& sampling = script_.kind == ServerKind::sglang ? body["sampling_params"] : body;
    const Json& prompt = body.contains("input_ids") ? body["input_ids"]
                         : body.contains("text")    ? body["text"]
                                                    : body["prompt"];
    if (prompt.is_array() && !script_.takes_ids) {
      response.status = 422;
      response.set_content(R"({"detail": "prompt: expected a string"})", "application/json");
      return;
    }
    if (body.value("logprobs", 0) > 0 && !script_.logprobs) {
      response.status = 400;
      response.set_content(R"({"message": "no logprobs here"})", "application/json");
      return;
    }
    const Fault fault = script_.fault(number);
    if (fault == Fault::busy) {
      response.status = 429;
      response.set_header("Retry-After", "0");
      return;
    }
    if (fault == Fault::broken) {
      response.status = 500;
      response.set_content("<html>oh</html>", "text/html");
      return;
    }
    int samples = script_.heeds_n ? sampling.value("n", 1) : 1;
    if (fault == Fault::fewer) samples = std::max(1, samples - 1);
    const auto most =
        sampling.value("max_tokens", sampling.value("n_predict", sampling.value("max_new_tokens", 16)));
    const auto seed = sampling.value("seed", sampling.value("sampling_seed", std::uint64_t{0}));
    const std::vector<int> ids = prompt.is_array() ? prompt.get<std::vector<int>>()
                                                   : tokenizer_->encode(prompt.get<std::string>(), true);
    std::vector<Json> all;
    for (int i = 0; i < samples; ++i) {
      Sample one =
          sample(ids, seed + static_cast<std::uint64_t>(i), most, sampling.value("temperature", 1.0));
      if (fault == Fault::aborted && i == samples - 1) one.finish = "abort";
      all.push_back(choice(one, i));
    }
    std::string text = script_.kind == ServerKind::sglang || script_.kind == ServerKind::llama_cpp
                           ? dump(samples == 1 ? all[0] : Json(all))
                           : dump(Json{{"model", model}, {"choices", all}});
    if (fault == Fault::garbled) text.resize(text.size() / 2);
    if (fault == Fault::truncated || fault == Fault::dripped) {
      const bool drips = fault == Fault::dripped;
      response.set_content_provider(
          text.size(), "application/json",
          [text, drips](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
            if (drips) std::this_thread::sleep_for(std::chrono::milliseconds(50));
            sink.write(text.data() + offset, drips ? 1 : std::min<std::size_t>(length, text.size() / 2));
            return drips;  // false closes the connection
          });
      return;
    }
    response.set_content(text, "application/json");
  }

  Json choice(const Sample& one, int index) const {
    switch (script_.kind) {
      case ServerKind::sglang: {
        Json logprobs = Json::array();
        for (std::size_t i = 0; i < one.tokens.size(); ++i)
          logprobs.push_back({one.logprobs[i], one.tokens[i], nullptr});
        return {{"text", one.text},
                {"output_ids", one.tokens},
                {"meta_info",
                 {{"finish_reason", {{"type", one.finish}}},
                  {"output_token_logprobs", logprobs},
                  {"weight_version", label()}}}};
      }
      case ServerKind::llama_cpp: {
        Json entries = Json::array();
        for (std::size_t i = 0; i < one.tokens.size(); ++i)
          entries.push_back({{"id", one.tokens[i]}, {"prob", std::exp(one.logprobs[i])}});
        return {{"index", index},
                {"content", one.text},
                {"tokens", one.tokens},
                {"stop_type", one.finish == "stop" ? "eos" : "limit"},
                {"completion_probabilities", entries}};
      }
      default: {
        Json choice = {{"index", index}, {"text", one.text}, {"finish_reason", one.finish}};
        if (script_.gives_ids && script_.kind == ServerKind::vllm) choice["token_ids"] = one.tokens;
        if (script_.logprobs) choice["logprobs"] = {{"token_logprobs", one.logprobs}};
        return choice;
      }
    }
  }

  const Script script_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  int stop_ = 0;
  std::vector<int> words_;
  std::unique_ptr<httplib::Server> server_;
  std::thread thread_;
  int port_ = 0;
  std::atomic<int> requests_ = 0;
  mutable std::mutex mutex_;
  Json last_;
  std::vector<std::pair<std::string, Json>> weight_calls_;
  std::set<std::string> adapters_;
  std::string label_;  // SGLang's, of the weights
};

}  // namespace pope::testing
