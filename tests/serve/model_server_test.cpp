// The OpenAI API in front of a small random model, asked by our own engine over HTTP, by hand, and by clients
// that mean harm.
#include "serve/model_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <future>

#include "core/error.h"
#include "core/temp_dir.h"
#include "model/load.h"
#include "model/models.h"
#include "rollout/http_engine.h"
#include "rollout/native_engine.h"
#include "serve/raw_client.h"

namespace pope {
namespace {

using testing::body_of;
using testing::get;
using ::testing::HasSubstr;
using testing::post;
using testing::RawClient;
using ::testing::StartsWith;

class Served : public ::testing::Test {
 protected:
  Served() {
    tokenizer_ = load_tokenizer(std::string(POPE_SOURCE_DIR) + "/tests/golden/text_smollm");
    Architecture a = tiny_architecture();
    a.vocab_size = tokenizer_->size();
    a.context = 256;
    model_ = lively_model(a, at::kFloat);
    stop_ = tokenizer_->find(tokenizer_->eos_token()).value();
  }
  void serve(ServeConfig config = {}, int slots = 8) {
    config.port = 0;
    server_ = std::make_unique<ModelServer>(ServedModel{model_, tokenizer_, {stop_}, "tiny", "chatml"},
                                            config, slots);
  }
  Json ask(const std::string& path, const Json& body, const std::string& headers = "") const {
    return Json::parse(body_of(post(server_->port(), path, dump(body), headers)));
  }
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::shared_ptr<Model> model_;
  int stop_ = 0;
  std::unique_ptr<ModelServer> server_;
};

// Greedy tokens and their logprobs are the native engine's, for many prompts at once, longer than the batch.
TEST_F(Served, OurEngineGetsTheTokensOfTheNativeOne) {
  serve({}, /*slots=*/3);
  EngineConfig config;
  config.kind = "http";
  config.urls = {server_->url()};
  HttpEngine http(config, {.tokenizer = tokenizer_});
  NativeEngine native(model_);
  std::vector<Request> requests;
  for (int i = 0; i < 7; ++i)
    requests.push_back(
        {.prompt = tokenizer_->encode("Problem " + std::to_string(i * 17) + std::string(i, 'x')),
         .samples = 1 + i % 2});
  const SamplingConfig sampling{.temperature = 0, .max_new_tokens = 12};
  const std::vector<int> stops = {stop_};
  const auto expected = native.sample(sampling, 1, stops, requests),
             got = http.sample(sampling, 1, stops, requests);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    ASSERT_EQ(got[i].size(), expected[i].size());
    for (std::size_t j = 0; j < got[i].size(); ++j) {
      EXPECT_EQ(got[i][j].tokens, expected[i][j].tokens);
      EXPECT_EQ(got[i][j].finish, expected[i][j].finish);
      for (std::size_t t = 0; t < got[i][j].tokens.size(); ++t)
        EXPECT_NEAR(got[i][j].logprobs[t], expected[i][j].logprobs[t],
                    1e-4);  // other batches, other rounding
    }
  }
}

TEST_F(Served, SamplesDependOnTheirSeedAlone) {
  serve();
  const Json body = {{"prompt", "One"}, {"max_tokens", 8}, {"temperature", 1}, {"seed", 5}, {"n", 3}};
  const Json together = ask("/v1/completions", body);
  ASSERT_EQ(together["choices"].size(), 3u);
  EXPECT_NE(together["choices"][0]["text"], together["choices"][1]["text"]);
  for (int i = 0; i < 3; ++i) {
    Json alone = body;
    alone["n"] = 1;
    alone["seed"] = 5 + i;
    EXPECT_EQ(ask("/v1/completions", alone)["choices"][0]["text"], together["choices"][i]["text"]);
  }
}

TEST_F(Served, ACompletionHasWhatWasAskedFor) {
  serve();
  const Json reply = ask("/v1/completions", {{"model", "tiny"},
                                             {"prompt", "Two words"},
                                             {"max_tokens", 5},
                                             {"temperature", 0},
                                             {"logprobs", 2},
                                             {"echo", true},
                                             {"ignore_eos", true},
                                             {"return_token_ids", true}});
  const Json& choice = reply["choices"][0];
  EXPECT_EQ(choice["token_ids"].size(), 5u);
  EXPECT_EQ(choice["prompt_token_ids"], Json(tokenizer_->encode("Two words", true)));
  EXPECT_EQ(choice["finish_reason"], "length");
  EXPECT_THAT(choice["text"].get<std::string>(), StartsWith("Two words"));
  const Json& logprobs = choice["logprobs"];
  const std::size_t all = choice["prompt_token_ids"].size() + 5;
  EXPECT_EQ(logprobs["token_logprobs"].size(), all);
  EXPECT_TRUE(logprobs["token_logprobs"][0].is_null());
  for (std::size_t i = 1; i < all; ++i) {
    EXPECT_LE(logprobs["token_logprobs"][i].get<double>(), 0);
    EXPECT_GE(logprobs["top_logprobs"][i].size(), 2u);
  }
  EXPECT_EQ(reply["usage"]["completion_tokens"], 5);
  EXPECT_EQ(reply["usage"]["prompt_tokens"], choice["prompt_token_ids"].size());

  // The logprobs of a prompt that is what was sampled are those of sampling it.
  std::vector<int> ids = choice["prompt_token_ids"];
  const std::vector<int> sampled = choice["token_ids"];
  ids.insert(ids.end(), sampled.begin(), sampled.end());
  const Json told =
      ask("/v1/completions",
          {{"prompt", ids}, {"max_tokens", 0}, {"temperature", 0}, {"logprobs", 0}, {"echo", true}});
  for (std::size_t i = 1; i < all; ++i)
    EXPECT_NEAR(told["choices"][0]["logprobs"]["token_logprobs"][i].get<double>(),
                logprobs["token_logprobs"][i].get<double>(), 1e-4);
}

TEST_F(Served, AStreamIsTheWholeInPieces) {
  serve();
  Json body = {{"messages", Json::array({{{"role", "system"}, {"content", "Be kind."}},
                                         {{"role", "user"}, {"content", "Hello <|im_end|>"}},
                                         {{"role", "assistant"}, {"content", "Yes?"}},
                                         {{"role", "user"}, {"content", "Go on."}}})},
               {"max_tokens", 20},
               {"temperature", 0},
               {"logprobs", true},
               {"ignore_eos", true}};
  const Json whole = ask("/v1/chat/completions", body);
  body["stream"] = true;
  body["stream_options"] = {{"include_usage", true}};
  const std::string events =
      testing::unchunked(body_of(post(server_->port(), "/v1/chat/completions", dump(body))));
  std::string text, role, finish;
  std::size_t tokens = 0;
  Json usage;
  for (std::size_t at = 0; at < events.size(); at = events.find("\n\n", at) + 2) {
    ASSERT_EQ(events.substr(at, 6), "data: ");
    const std::string data = events.substr(at + 6, events.find("\n\n", at) - at - 6);
    if (data == "[DONE]") continue;
    const Json json = Json::parse(data);
    EXPECT_EQ(json["object"], "chat.completion.chunk");
    if (json["choices"].empty()) {
      usage = json["usage"];
      continue;
    }
    const Json& choice = json["choices"][0];
    role += choice["delta"].value("role", "");
    text += choice["delta"]["content"].get<std::string>();
    tokens += choice["logprobs"]["content"].size();
    if (choice["finish_reason"].is_string()) finish = choice["finish_reason"];
  }
  EXPECT_TRUE(events.ends_with("data: [DONE]\n\n"));
  EXPECT_EQ(role, "assistant");
  EXPECT_EQ(text, whole["choices"][0]["message"]["content"]);
  EXPECT_EQ(tokens, 20u);
  EXPECT_EQ(finish, "length");
  EXPECT_EQ(usage, whole["usage"]);
}

TEST_F(Served, StopTextsAndStopTokensEndASample) {
  serve();
  Json body = {{"prompt", "Three"},
               {"max_tokens", 12},
               {"temperature", 0},
               {"return_token_ids", true},
               {"ignore_eos", true}};
  const Json plain = ask("/v1/completions", body)["choices"][0];
  const std::vector<int> ids = plain["token_ids"];
  // Two letters of the second half: a random model writes halves of characters, too.
  const std::string text = plain["text"];
  const auto is_ascii = [](char c) { return c > 0; };
  std::size_t at = text.size() / 2;
  while (at + 2 < text.size() && !(is_ascii(text[at]) && is_ascii(text[at + 1]))) ++at;
  const std::string stop = text.substr(at, 2);
  ASSERT_TRUE(stop.size() == 2 && is_ascii(stop[0]) && is_ascii(stop[1])) << text;
  const std::size_t first = text.find(stop);
  body["stop"] = Json::array({stop});
  const Json stopped = ask("/v1/completions", body)["choices"][0];
  EXPECT_EQ(stopped["text"], text.substr(0, first));
  EXPECT_EQ(stopped["finish_reason"], "stop");
  EXPECT_EQ(stopped["stop_reason"], stop);
  body.erase("stop");
  body["stop_token_ids"] = Json::array({ids[5]});
  const Json by_token = ask("/v1/completions", body)["choices"][0];
  const auto place = std::find(ids.begin(), ids.end(), ids[5]) - ids.begin();
  EXPECT_EQ(by_token["token_ids"].size(), static_cast<std::size_t>(place + 1));
  EXPECT_EQ(by_token["finish_reason"], "stop");
  EXPECT_EQ(by_token["stop_reason"], ids[5]);
}

TEST_F(Served, TopKAndTopPKeepToTheLikeliest) {
  serve();
  Json body = {{"prompt", "Four"}, {"max_tokens", 6}, {"ignore_eos", true}, {"temperature", 0}};
  const std::string likeliest = ask("/v1/completions", body)["choices"][0]["text"];
  body["temperature"] = 2;
  body["top_k"] = 1;
  EXPECT_EQ(ask("/v1/completions", body)["choices"][0]["text"], likeliest);
  body.erase("top_k");
  body["top_p"] = 1e-6;
  EXPECT_EQ(ask("/v1/completions", body)["choices"][0]["text"], likeliest);
}

TEST_F(Served, RefusalsNameTheField) {
  serve({.queue = 4, .body_kb = 8, .max_tokens = 64});
  const int port = server_->port();
  const auto message = [&](const Json& body, const std::string& path = "/v1/completions") {
    return ask(path, body)["error"]["message"].get<std::string>();
  };
  EXPECT_THAT(message({{"prompt", "a"}, {"model", "gpt"}}),
              HasSubstr("no model 'gpt' here: there is 'tiny'"));
  EXPECT_THAT(message({{"prompt", "a"}, {"max_tokens", 65}}), HasSubstr("at most 64"));
  EXPECT_THAT(message({{"prompt", std::vector<int>(250, 1)}, {"max_tokens", 20}}),
              HasSubstr("context of 256"));
  EXPECT_THAT(message({{"prompt", Json::array({1 << 29})}}), HasSubstr("token ids below"));
  EXPECT_THAT(message({{"prompt", ""}}), HasSubstr("at least one token"));
  EXPECT_THAT(message({{"prompt", "a"}, {"n", 5}, {"max_tokens", 9}}), HasSubstr("serve.queue"));
  EXPECT_THAT(post(port, "/v1/completions", std::string(9000, 'x')), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(get(port, "/v1/completions"), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(get(port, "/nowhere"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(get(port, "/health"), HasSubstr("\"ok\""));
  EXPECT_THAT(get(port, "/v1/models"), HasSubstr("\"owned_by\":\"pope\""));
  EXPECT_THAT(get(port, "/metrics"),
              HasSubstr("pope_requests_total{route=\"/v1/completions\",status=\"400\"} 5\n"));
}

TEST_F(Served, AKeyIsAskedForWhereThereIsOne) {
  ::setenv("POPE_TEST_KEY", "secret", 1);
  serve({.key_env = "POPE_TEST_KEY"});
  const int port = server_->port();
  EXPECT_THAT(get(port, "/v1/models"), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(get(port, "/v1/models", "Authorization: Bearer secreT\r\n"), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(get(port, "/v1/models", "Authorization: Bearer \r\n"), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(get(port, "/v1/models", "Authorization: Bearer secret\r\n"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(get(port, "/health"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(post(port, "/v1/completions", "{}"), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(post(port, "/v1/completions", "{}", "Authorization: Bearer secret\r\n"),
              StartsWith("HTTP/1.1 400 "));
  ServeConfig open;
  open.host = "0.0.0.0";
  EXPECT_THAT(error_of([&] { serve(open); }), HasSubstr("serve.key_env"));
  EXPECT_THAT(error_of([&] { serve({.key_env = "POPE_NO_SUCH_KEY"}); }), HasSubstr("POPE_NO_SUCH_KEY"));
}

// A client that goes gives its place free; slow and half-open ones cost nobody else anything.
TEST_F(Served, ClientsThatGoOrStallDoNotStopTheOthers) {
  serve({.connections = 12, .max_tokens = 240}, /*slots=*/2);
  const std::string body =
      dump(Json{{"prompt", "Five"}, {"max_tokens", 240}, {"ignore_eos", true}, {"n", 2}});
  std::deque<RawClient> stalled;
  for (int i = 0; i < 20; ++i)
    stalled.emplace_back(server_->port()).send("POST /v1/completions HTTP/1.1\r\nCont");
  {
    const RawClient going(server_->port());
    going.send("POST /v1/completions HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) +
               "\r\n\r\n" + body);
    while (server_->stats().running == 0) std::this_thread::yield();
  }
  const Json reply = ask("/v1/completions", {{"prompt", "Six"},
                                             {"max_tokens", 3},
                                             {"temperature", 0},
                                             {"return_token_ids", true},
                                             {"ignore_eos", true}});
  EXPECT_EQ(reply["choices"][0]["token_ids"].size(), 3u);
  while (server_->stats().running > 0) std::this_thread::yield();
  EXPECT_LT(server_->stats().sampled_tokens, 480);
}

TEST_F(Served, AStopLetsEndWhatRuns) {
  serve({.max_tokens = 200});
  auto answer = std::async(std::launch::async, [&] {
    return ask("/v1/completions", {{"prompt", "Seven"}, {"max_tokens", 200}, {"ignore_eos", true}});
  });
  while (server_->stats().running == 0) std::this_thread::yield();
  server_->stop(60);
  EXPECT_EQ(answer.get()["usage"]["completion_tokens"], 200);
  EXPECT_FALSE(RawClient(server_->port()).connected());
}

TEST_F(Served, ARequestThatTakesTooLongEndsWithWhatItHas) {
  serve({.max_tokens = 240, .timeout_s = 0.1}, /*slots=*/1);
  const Json reply =
      ask("/v1/completions", {{"prompt", "Eight"}, {"max_tokens", 240}, {"ignore_eos", true}, {"n", 32}});
  ASSERT_EQ(reply["choices"].size(), 32u);
  EXPECT_EQ(reply["choices"].back()["finish_reason"], "abort");
}

// Samples that draw as the native engine does are its samples.
TEST_F(Served, DrawsOfTheNativeEngineGiveItsTokens) {
  serve();
  EngineConfig config;
  config.kind = "http";
  config.urls = {server_->url()};
  config.samples_per_request = 2;
  HttpEngine http(config, {.tokenizer = tokenizer_});
  NativeEngine native(model_);
  std::vector<Request> requests(3);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    requests[i].prompt = tokenizer_->encode("Problem " + std::to_string(i));
    requests[i].rng_key = (std::uint64_t{1} << 63) + i;  // all 64 bits arrive
    requests[i].first_sample = 3;
    requests[i].samples = 5;
  }
  const SamplingConfig sampling{.max_new_tokens = 10};
  const std::vector<int> stops = {stop_};
  const auto expected = native.sample(sampling, 9, stops, requests),
             got = http.sample(sampling, 9, stops, requests);
  for (std::size_t i = 0; i < requests.size(); ++i)
    for (std::size_t j = 0; j < 5; ++j) EXPECT_EQ(got[i][j].tokens, expected[i][j].tokens);
  EXPECT_NE(expected[0][0].tokens, expected[0][1].tokens);
  EXPECT_THAT(post(server_->port(), "/v1/completions", R"({"prompt": "a", "draws": {"seed": -1}})"),
              HasSubstr("400 "));
}

class Updated : public Served {
 protected:
  // Serves model_ from here on with updates, and leaves other weights of the same architecture in a folder.
  void serve_updates(bool updates = true) {
    Architecture a = model_->architecture();
    other_ = lively_model(a, at::kFloat, 8);
    std::filesystem::create_directories(dir_ / "other");
    save_model(dir_ / "other", *other_, *tokenizer_);
    ServeConfig config;
    config.port = 0;
    config.updates = updates;
    ServedModel served{model_, tokenizer_, {stop_}, "tiny", "chatml"};
    served.load = [](const std::string& folder) -> std::shared_ptr<const Model> {
      return load_model(folder, at::kFloat, Weights::frozen).model;
    };
    server_ = std::make_unique<ModelServer>(std::move(served), config, 8);
  }
  std::string update(const std::string& folder) const {
    return post(server_->port(), "/update_weights_from_disk",
                dump(Json{{"model_path", (dir_ / folder).string()}, {"weight_version", "run-7"}}));
  }
  TempDir dir_;
  std::shared_ptr<Model> other_;
};

TEST_F(Updated, WeightsOfAFolderAreTakenAndNamed) {
  serve_updates();
  const Json body = {{"prompt", "Two words"},
                     {"max_tokens", 12},
                     {"temperature", 0},
                     {"ignore_eos", true},
                     {"return_token_ids", true}};
  const Json before = ask("/v1/completions", body)["choices"][0]["token_ids"];
  EXPECT_FALSE(ask("/v1/completions", body).contains("weight_version"));
  const auto expect_other = [&] {
    const Json reply = ask("/v1/completions", body);
    EXPECT_EQ(reply["weight_version"], "run-7");
    EXPECT_EQ(Json::parse(body_of(get(server_->port(), "/v1/models")))["data"][0]["weight_version"], "run-7");
    const auto tokens =
        NativeEngine(other_).sample({.temperature = 0, .max_new_tokens = 12}, 1, std::vector<int>{-1},
                                    {{.prompt = tokenizer_->encode("Two words")}});
    EXPECT_EQ(reply["choices"][0]["token_ids"], Json(tokens[0][0].tokens));
    EXPECT_NE(reply["choices"][0]["token_ids"], before);
  };
  // While others sample: they go on to their end.
  Json many = {
      {"prompt", "One"}, {"max_tokens", 200}, {"n", 4}, {"ignore_eos", true}, {"return_token_ids", true}};
  auto sampled = std::async(std::launch::async, [&] { return ask("/v1/completions", many); });
  while (server_->stats().sampled_tokens < 100) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_THAT(update("other"), HasSubstr(R"("success":true)"));
  for (const Json& choice : sampled.get()["choices"]) EXPECT_EQ(choice["token_ids"].size(), 200u);
  expect_other();
  // What cannot be loaded changes nothing.
  EXPECT_THAT(update("missing"), HasSubstr("400 "));
  Architecture wider = model_->architecture();
  wider.ffn_width += 8;
  std::filesystem::create_directories(dir_ / "wider");
  save_model(dir_ / "wider", *lively_model(wider, at::kFloat), *tokenizer_);
  EXPECT_THAT(update("wider"), HasSubstr("expected a model with the same parameters"));
  expect_other();
}

TEST_F(Updated, OnlyWhereTheServerIsToTakeThem) {
  serve_updates(false);
  EXPECT_THAT(update("other"), ::testing::AllOf(HasSubstr("403 "), HasSubstr("serve.updates=true")));
}

}  // namespace
}  // namespace pope
