// Weights of a training run on servers: each flavour's own calls, versions of rollouts, servers that lose the
// weights, refuse them or sample with others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "core/error.h"
#include "core/temp_dir.h"
#include "model/load.h"
#include "model/models.h"
#include "rollout/fake_server.h"
#include "rollout/http_engine.h"
#include "rollout/server_weights.h"

namespace pope {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::FakeServer;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::pair<std::string, Json>> calls_of(const std::string& owner, bool adapter) {
  std::vector<std::pair<std::string, Json>> calls;
  for (const WeightsCall& call : server_weights(owner)->calls(
           {.version = 12, .label = "ab-12", .folder = "/w/ab-12", .adapter = adapter, .outdated = "ab-10"}))
    calls.emplace_back(call.path, Json::parse(call.body));
  return calls;
}
using Calls = std::vector<std::pair<std::string, Json>>;

TEST(ServerWeights, EachFlavourLoadsThemByItsOwnCalls) {
  const Json version = {{"model_path", "/w/ab-12"}, {"weight_version", "ab-12"}};
  const Json named = {{"lora_name", "ab-12"}, {"lora_path", "/w/ab-12"}}, old = {{"lora_name", "ab-10"}};
  EXPECT_EQ(calls_of("pope", false), (Calls{{"/update_weights_from_disk", version}}));
  EXPECT_EQ(calls_of("pope", true), (Calls{{"/update_weights_from_disk", version}}));
  EXPECT_EQ(calls_of("sglang", false), (Calls{{"/update_weights_from_disk", version}}));
  EXPECT_EQ(calls_of("sglang", true), (Calls{{"/unload_lora_adapter", old}, {"/load_lora_adapter", named}}));
  EXPECT_EQ(
      calls_of("vllm", false),
      (Calls{{"/collective_rpc", {{"method", "reload_weights"}, {"kwargs", {{"weights_path", "/w/ab-12"}}}}},
             {"/reset_prefix_cache?reset_running_requests=true", Json::object()}}));
  EXPECT_EQ(calls_of("vllm", true),
            (Calls{{"/v1/unload_lora_adapter", old}, {"/v1/load_lora_adapter", named}}));
  EXPECT_EQ(server_weights("llamacpp"), nullptr);
}

TEST(ServerWeights, ALabelTellsProcessAndVersion) {
  const PublishedWeights weights{.version = 12, .label = "ab-12"};
  EXPECT_TRUE(is_no_older("ab-12", weights));
  EXPECT_TRUE(is_no_older("ab-130", weights));  // of a request that was under way while they changed
  for (const char* other : {"ab-11", "ac-12", "ac-13", "", "default", "ab-", "ab-12x"})
    EXPECT_FALSE(is_no_older(other, weights)) << other;
}

class Publishing : public ::testing::Test {
 protected:
  Publishing() {
    tokenizer_ = load_tokenizer(POPE_SOURCE_DIR "/tests/golden/text_smollm");
    Architecture a = tiny_architecture();
    a.vocab_size = tokenizer_->size();
    a.context = 128;
    model_ = lively_model(a, at::kFloat);
  }
  FakeServer::Script script(ServerKind kind) const {
    FakeServer::Script script;
    script.kind = kind;
    return script;
  }
  std::unique_ptr<Engine> engine(const FakeServer& server, double max_gap = 100) const {
    EngineConfig config;
    config.kind = "http";
    config.urls = {server.url()};
    config.backoff_s = 0.002;
    config.give_up_s = 5;
    config.attempts = 30;
    config.publish_every = publish_every_;
    config.publish_dir = (dir_ / "published").string();
    config.max_gap = max_gap;  // a fake server does not sample with our weights
    return make_engine(config, {.tokenizer = tokenizer_, .context = 128, .trained = model_});
  }
  // Version of each of `samples` rollouts for 3 prompts; every one came once.
  std::map<std::int64_t, int> versions(Engine& engine, int samples = 4) const {
    std::vector<Request> requests(3);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      requests[i].prompt = tokenizer_->encode("What is " + std::to_string(i) + "?");
      requests[i].samples = samples;
    }
    const int stop = tokenizer_->find(tokenizer_->eos_token()).value();
    std::map<std::int64_t, int> count;
    for (const auto& rollouts : engine.sample({.max_new_tokens = 16}, 7, std::vector<int>{stop}, requests)) {
      EXPECT_EQ(rollouts.size(), static_cast<std::size_t>(samples));
      for (const Rollout& rollout : rollouts) ++count[rollout.policy_version];
    }
    return count;
  }
  std::vector<std::string> folders() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir_ / "published"))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }

  TempDir dir_;
  int publish_every_ = 1;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::shared_ptr<Model> model_;
};

TEST_F(Publishing, WeightsGoToTheServerBeforeSamplesAreAskedFor) {
  FakeServer server(script(ServerKind::sglang), tokenizer_);
  const auto http = engine(server);
  http->publish(3);
  EXPECT_TRUE(server.weight_calls().empty());  // several updates in a row cost one transfer
  http->publish(4);
  EXPECT_EQ(versions(*http), (std::map<std::int64_t, int>{{4, 12}}));
  ASSERT_EQ(server.weight_calls().size(), 1u);
  const Json call = server.weight_calls()[0].second;
  const fs::path folder = call["model_path"].get<std::string>();
  EXPECT_TRUE(folder.is_absolute());
  EXPECT_EQ(folder.filename().string(), "weights-" + call["weight_version"].get<std::string>());
  const LoadedModel loaded = load_model(folder, at::kFloat);  // a Hugging Face directory with these weights
  for (std::size_t i = 0; i < model_->parameters().size(); ++i)
    EXPECT_TRUE(at::equal(loaded.model->parameters()[i].master, model_->parameters()[i].master));
  EXPECT_EQ(versions(*http).at(4), 12);
  EXPECT_EQ(server.weight_calls().size(), 1u);  // it has them
  for (const int version : {5, 6}) {
    http->publish(version);
    EXPECT_EQ(versions(*http).at(version), 12);
  }
  EXPECT_EQ(folders().size(), 2u);  // the newest, and the one that requests may have been under way with
  EXPECT_FALSE(fs::exists(folder));
}

TEST_F(Publishing, AsOftenAsIsAskedFor) {
  publish_every_ = 3;
  FakeServer server(script(ServerKind::sglang), tokenizer_);
  const auto http = engine(server);
  std::vector<std::int64_t> seen;
  for (int version = 0; version < 7; ++version) {
    http->publish(version);
    seen.push_back(versions(*http).begin()->first);
  }
  EXPECT_EQ(seen, (std::vector<std::int64_t>{0, 0, 0, 3, 3, 3, 6}));
  auto& publishing = dynamic_cast<PublishingEngine&>(*http);
  http->publish(7);
  publishing.publish_now();  // before an evaluation, say
  EXPECT_EQ(versions(*http).begin()->first, 7);
  EXPECT_EQ(folders().size(), 2u);
  publishing.remove_published();
  EXPECT_TRUE(folders().empty());
}

// A server that was started anew has the weights of its start, and says so or is seen to have been away.
TEST_F(Publishing, AServerThatWasStartedAnewLoadsThemAgain) {
  for (const ServerKind kind : {ServerKind::sglang, ServerKind::vllm}) {
    FakeServer server(script(kind), tokenizer_);
    const auto http = engine(server);
    http->publish(2);
    EXPECT_EQ(versions(*http), (std::map<std::int64_t, int>{{2, 12}}));
    const std::size_t calls = server.weight_calls().size();
    server.stop();
    std::thread returns([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      server.restart();
    });
    EXPECT_EQ(versions(*http, 6), (std::map<std::int64_t, int>{{2, 18}}));
    returns.join();
    EXPECT_GT(server.weight_calls().size(), calls);
  }
}

// Where replies name the weights, others are found out at once: another run publishes to the same server.
TEST_F(Publishing, SamplesOfOtherWeightsAreNotTaken) {
  FakeServer server(script(ServerKind::sglang), tokenizer_);
  const auto ours = engine(server), other = engine(server);
  ours->publish(1);
  versions(*ours);
  other->publish(1);
  versions(*other);
  EXPECT_EQ(versions(*ours), (std::map<std::int64_t, int>{{1, 12}}));
  EXPECT_EQ(server.weight_calls().size(), 3u);
  EXPECT_EQ(server.weight_calls()[2].second, server.weight_calls()[0].second);
  EXPECT_EQ(folders().size(), 2u);  // each leaves the other's alone
}

TEST_F(Publishing, AnAdapterIsSampledByItsName) {
  model_->add_lora({.rank = 2}, "/base", 1);
  FakeServer server(script(ServerKind::vllm), tokenizer_);
  const auto http = engine(server);
  for (const int version : {1, 2, 3, 4}) {
    http->publish(version);
    EXPECT_EQ(versions(*http).at(version), 12);
    const std::string label = server.last()["model"];
    EXPECT_THAT(label, ::testing::EndsWith("-" + std::to_string(version)));
    EXPECT_TRUE(server.adapters().contains(label));
    EXPECT_TRUE(fs::exists(dir_ / ("published/weights-" + label + "/adapter_model.safetensors")));
  }
  EXPECT_EQ(server.adapters().size(), 2u);
  server.stop();
  server.restart();  // without any
  EXPECT_EQ(versions(*http), (std::map<std::int64_t, int>{{4, 12}}));

  FakeServer sglang(script(ServerKind::sglang), tokenizer_);
  const auto second = engine(sglang);
  second->publish(1);
  EXPECT_EQ(versions(*second).at(1), 12);
  EXPECT_EQ(sglang.last()["lora_path"], *sglang.adapters().begin());
}

TEST_F(Publishing, WhatCannotBeProvedOrLoadedIsAnError) {
  const auto error = [&](FakeServer::Script script, double max_gap = 100) {
    FakeServer server(std::move(script), tokenizer_);
    const auto http = engine(server, max_gap);
    http->publish(1);
    return error_of([&] { versions(*http); });
  };
  FakeServer::Script refuses = script(ServerKind::vllm);
  refuses.loads = [](const std::string&, const Json&) { return 404; };
  EXPECT_THAT(error(refuses), AllOf(HasSubstr("/collective_rpc: expected the server to load "),
                                    HasSubstr("status 404"), HasSubstr("VLLM_SERVER_DEV_MODE=1")));
  EXPECT_THAT(
      error(script(ServerKind::vllm), 0.5),
      AllOf(HasSubstr("expected logprobs within 0.5 nats a token of the weights that it was given, got"),
            HasSubstr("it samples with other weights")));
  EXPECT_THAT(error(script(ServerKind::llama_cpp)),
              AllOf(HasSubstr("expected a server that takes weights (pope, sglang and vllm), got one of "),
                    HasSubstr("llamacpp")));
  FakeServer::Script silent = script(ServerKind::vllm);
  silent.logprobs = false;
  EXPECT_THAT(error(silent), HasSubstr("expected samples with token ids and logprobs"));
}

TEST_F(Publishing, AServerThatIsBusyIsAskedAgain) {
  std::atomic<int> calls = 0;
  FakeServer::Script busy = script(ServerKind::vllm);
  busy.loads = [&](const std::string&, const Json&) { return ++calls < 4 ? 503 : 200; };
  FakeServer server(busy, tokenizer_);
  const auto http = engine(server);
  http->publish(1);
  EXPECT_EQ(versions(*http).at(1), 12);
  EXPECT_EQ(calls, 5);  // three refusals, and the two calls of vLLM
}

}  // namespace
}  // namespace pope
