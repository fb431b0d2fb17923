// Training whose rollouts come from a pope serve that is given the weights: step by step what the native
// engine gives, with whole weights and with an adapter, in turn and at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "learn/bandit.h"
#include "model/load.h"
#include "rollout/http_engine.h"
#include "serve/model_server.h"

namespace pope {
namespace {

using World = test::BanditWorld;

// A bandit whose model is served, and whose engine asks the server.
class ServedWorld {
 public:
  explicit ServedWorld(const test::TempFolder& folder, int publish_every = 1, int lora_rank = 0) {
    const auto tokenizer = make_word_tokenizer(test::kWords, "<eos>");
    const std::filesystem::path base = folder / "base";
    std::filesystem::create_directories(base);
    save_model(base, *world.job.model, *tokenizer);
    if (lora_rank > 0) world.job.model->add_lora({.rank = lora_rank}, base.string(), 1);
    ServedModel served{load_model(base, at::kFloat, Weights::frozen).model, tokenizer, {0}, "tiny"};
    served.load = [](const std::string& path) -> std::shared_ptr<const Model> {
      return load_model(path, at::kFloat, Weights::frozen).model;
    };
    ServeConfig config;
    config.port = 0;
    config.updates = true;
    server = std::make_unique<ModelServer>(std::move(served), config, 16);
    EngineConfig engine;
    engine.kind = "http";
    engine.urls = {server->url()};
    engine.publish_every = publish_every;
    engine.publish_dir = (folder / "published").string();
    engine.max_gap = 1e-4;
    world.engine = std::make_unique<HttpEngine>(
        engine, EngineParts{.tokenizer = tokenizer, .context = 32, .trained = world.job.model});
    world.job.engine = world.engine.get();
    world.job.publish_every = publish_every;
    world.job.sampling.batch_size = 16;
  }
  World world;
  std::unique_ptr<ModelServer> server;
};

double distance(const Model& a, const Model& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.trainable().size(); ++i)
    largest =
        std::max(largest, (a.trainable()[i].master - b.trainable()[i].master).abs().max().item<double>());
  return largest;
}

TEST(ServedTraining, LeavesWhatTheNativeEngineDoes) {
  for (const int rank : {0, 2}) {
    test::TempFolder folder("served_training");
    World native;
    if (rank > 0) native.job.model->add_lora({.rank = rank}, (folder / "base").string(), 1);
    native.job.sampling.batch_size = 16;
    const World begin;
    native.train(folder / "native");
    ServedWorld served(folder, 1, rank);
    served.world.train(folder / "http");
    const std::vector<Json> expected = test::metrics_of(folder / "native"),
                            got = test::metrics_of(folder / "http");
    ASSERT_EQ(got.size(), 6u);
    for (std::size_t i = 0; i < got.size(); ++i) {
      for (const char* key : {"tokens/sampled", "rollouts/total", "reward/unguided", "reward/guided"})
        EXPECT_EQ(got[i].at(key), expected[i].at(key)) << key << " of step " << i + 1;
      EXPECT_EQ(got[i].at("engine/published"), 1);
      EXPECT_EQ(got[i].at("engine/lag_max"), 0);
      EXPECT_LT(got[i].at("engine/gap").get<double>(), 1e-5);
      EXPECT_LT(got[i].value("train_sampler_mismatch/max", 0.0), 1e-4);  // no tokens: no mismatch
    }
    // AdamW divides by the root of small second moments, which enlarges rounding.
    EXPECT_LT(distance(*native.job.model, *served.world.job.model), 2e-3);
    if (rank == 0) {
      EXPECT_GT(distance(*native.job.model, *begin.job.model), 1e-2);
    }
  }
}

TEST(ServedTraining, WeightsThatAreHeldBackAreOlder) {
  test::TempFolder folder("held_back");
  ServedWorld served(folder, 3);
  served.world.train(folder / "run");
  std::vector<int> published, lag;
  for (const Json& row : test::metrics_of(folder / "run")) {
    published.push_back(row["engine/published"]);
    lag.push_back(row["engine/lag_max"]);
  }
  EXPECT_EQ(published, (std::vector<int>{1, 0, 0, 1, 0, 0}));
  EXPECT_EQ(lag, (std::vector<int>{0, 1, 2, 0, 1, 2}));
}

TEST(ServedTraining, SamplingGoesOnWhileWeightsChange) {
  test::TempFolder folder("served_async");
  ServedWorld served(folder);
  served.world.job.config.mode = "async";
  served.world.job.config.steps = 12;
  served.world.job.async.max_lag = 1;
  served.world.job.objective.kind = "truncated_is";
  served.world.train(folder / "run");
  const std::vector<Json> rows = test::metrics_of(folder / "run");
  ASSERT_EQ(rows.size(), 12u);
  for (const Json& row : rows) {
    EXPECT_LE(row["async/lag_max"].get<int>(), 1);
    EXPECT_EQ(row["rollouts/total"], row["step"].get<int>() * 32);
  }
}

}  // namespace
}  // namespace pope
