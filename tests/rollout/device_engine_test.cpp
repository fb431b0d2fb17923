// The engine on a device against the engine on the CPU: the same tokens, for the same uniforms decide them;
// and what crosses between host and device in a step. See fake_device.h for the device.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "model/fake_device.h"
#include "model/models.h"
#include "rollout/decoder.h"
#include "rollout/native_engine.h"
#include "rollout/sample_rows.h"

namespace pope {
namespace {

// What records on the device of the tests.
std::unique_ptr<GraphRecorder> make_recorder(fake::Recorder::Counts& counts) {
  return fake::counts() ? std::make_unique<fake::Recorder>(counts) : make_graph_recorder(fake::device());
}

void expect_recorded(const fake::Recorder::Counts& counts) {
  if (!fake::counts()) return;
  EXPECT_GT(counts.records, 3);
  EXPECT_GT(counts.replays, counts.records);
  EXPECT_EQ(counts.crossings, 0);
}

void expect_same(const Rollout& got, const Rollout& expected) {
  ASSERT_EQ(got.tokens, expected.tokens);
  EXPECT_EQ(got.finish, expected.finish);
  EXPECT_EQ(got.versions, expected.versions);
  for (std::size_t t = 0; t < expected.tokens.size(); ++t)
    EXPECT_NEAR(got.logprobs[t], expected.logprobs[t], 5e-5);  // order of f32 sums
}

std::vector<Request> requests(int vocab) {
  std::vector<Request> all;
  for (std::size_t i = 0; i < 5; ++i) {
    Request request{.rng_key = i, .samples = static_cast<int>(1 + i % 3)};
    const auto tokens = random_tokens(1, static_cast<std::int64_t>(1 + i * 5 % 9), vocab, i);
    for (std::int64_t t = 0; t < tokens.size(1); ++t) request.prompt.push_back(tokens[0][t].item<int>());
    all.push_back(std::move(request));
  }
  return all;
}

// 140 tokens: the cache grows through three sizes, and rollouts that stop early make room for others.
TEST(DeviceEngineTest, SameRolloutsAsOnTheCpu) {
  for (const char* family : {"llama", "qwen3", "gemma3_text", "qwen3_moe"}) {
    auto a = tiny_architecture(family);
    a.context = 160;
    const auto host = lively_model(a, at::kFloat);
    NativeEngine on_host(host);
    fake::Recorder::Counts counts;
    NativeEngine device(fake::on_device(*host), make_recorder(counts));
    SamplingConfig sampling{.max_new_tokens = 140, .batch_size = 5};
    const std::vector<int> stop = {3};
    for (const double temperature : {0.9, 0.0}) {
      SCOPED_TRACE(testing::Message() << family << " at temperature " << temperature);
      sampling.temperature = temperature;
      const auto expected = on_host.sample(sampling, 4, stop, requests(a.vocab_size));
      const auto got = device.sample(sampling, 4, stop, requests(a.vocab_size));
      for (std::size_t i = 0; i < expected.size(); ++i) {
        for (std::size_t s = 0; s < expected[i].size(); ++s) expect_same(got[i][s], expected[i][s]);
      }
    }
    expect_recorded(counts);
  }
}

// The weights change under rollouts in flight, time and again, long after their steps have been recorded:
// masters are scaled in place and published, as by an optimiser step. Recorded steps must read the new ones.
TEST(DeviceEngineTest, RecordedStepsReadTheWeightsThatAreCurrent) {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const auto host = lively_model(tiny_architecture("qwen3"), type);
    const auto model = fake::on_device(*host);
    fake::Recorder::Counts counts;
    std::vector<int> replays_at_change;
    std::vector<std::vector<Rollout>> rollouts;
    for (const auto& policy : {host, model}) {
      NativeEngine engine(policy, policy == model ? make_recorder(counts) : nullptr);
      std::optional<Request> next = Request{.rng_key = 3, .prompt = {1, 2, 9}, .samples = 4};
      rollouts.push_back(std::vector<Rollout>(4));
      int steps = 0;
      engine.run(
          {.temperature = 1.0, .max_new_tokens = 60, .batch_size = 4}, 17, std::vector<int>{},
          [&] { return std::exchange(next, std::nullopt); },
          [&](Rollout&& r) { rollouts.back()[r.sample] = std::move(r); },
          [&] {
            if (++steps % 9 == 0) {
              const c10::NoGradGuard no_grad;
              for (Parameter& p : policy->parameters()) p.master.mul_(p.master.dim() == 2 ? 0.8 : 1.1);
              policy->sync_compute_weights();
              ++policy->version;
              replays_at_change.push_back(counts.replays);
            }
            return true;
          });
    }
    for (std::size_t s = 0; s < 4; ++s) {
      const Rollout &expected = rollouts[0][s], &got = rollouts[1][s];
      EXPECT_EQ(expected.versions.back(), 6);
      if (type == at::kFloat) {
        expect_same(got, expected);
      } else {
        // Roundings of bf16 may turn a draw: as far as the tokens agree, logprobs must, too.
        double difference = 0;
        std::size_t t = 0;
        for (; t < 60 && got.tokens[t] == expected.tokens[t]; ++t)
          difference += std::abs(got.logprobs[t] - expected.logprobs[t]);
        EXPECT_GT(t, 10u);
        EXPECT_LT(difference / static_cast<double>(t), 0.05);
      }
    }
    if (fake::counts()) {
      EXPECT_GT(replays_at_change.back(), 30);
      EXPECT_GT(counts.replays, replays_at_change.back());
      EXPECT_EQ(counts.crossings, 0);
    }
  }
}

TEST(DeviceEngineTest, OneTransferEachWayPerStep) {
  if (!fake::counts()) GTEST_SKIP() << "counted on the fake device only";
  const auto model = fake::on_device(*lively_model(tiny_architecture(), at::kFloat));
  const auto decoder = make_decoder(*model, 5, 1.0, nullptr);
  std::vector<SampledToken> draws;
  decoder->step({{4, 5, 6}, {0, 0, 0}, {0.1, 0.2, 0.3}}, draws);  // makes the rotary table
  const auto before = fake::traffic;
  decoder->step({{1, 2, 3}, {1, 1, 1}, {0.1, 0.2, 0.3}}, draws);
  EXPECT_EQ(fake::traffic.uploads, before.uploads + 1);
  EXPECT_EQ(fake::traffic.downloads, before.downloads + 1);
  EXPECT_EQ(draws.size(), 3U);
}

TEST(DeviceEngineTest, StepSizes) {
  const std::int64_t expected[] = {1, 2, 3, 4, 6, 6, 8, 8, 12, 12, 12, 12, 16, 16, 16, 16, 24};
  for (std::int64_t n = 1; n <= 17; ++n) EXPECT_EQ(step_size(n), expected[n - 1]) << n;
  EXPECT_EQ(step_size(97), 128);
  EXPECT_EQ(step_size(4096), 4096);
}

// The draws of draw_token, for vocabularies around the blocks of 256.
TEST(DrawRowsTest, AsOneByOne) {
  for (const int vocab : {1, 7, 256, 257, 1500}) {
    RngStream rng(8, {static_cast<std::uint64_t>(vocab)});
    auto logits = at::empty({40, vocab}, at::kFloat);
    auto uniforms = at::empty({40}, at::kDouble);
    for (std::int64_t i = 0; i < logits.numel(); ++i)
      logits.data_ptr<float>()[i] = static_cast<float>(3 * rng.normal() + 20);
    for (std::int64_t i = 0; i < 40; ++i) uniforms.data_ptr<double>()[i] = rng.uniform();
    for (const double temperature : {1.0, 0.3, 0.0}) {
      const auto rows = draw_rows(logits.to(fake::device()), temperature, uniforms.to(fake::device()));
      const auto tokens = rows.tokens.cpu(), logprobs = rows.logprobs.cpu();
      EXPECT_EQ(logprobs.scalar_type(), at::kFloat);
      for (std::int64_t i = 0; i < 40; ++i) {
        const auto one =
            draw_token(logits[i].const_data_ptr<float>(), vocab, temperature, uniforms[i].item<double>());
        EXPECT_EQ(tokens[i].item<int>(), one.token) << vocab << " " << temperature;
        EXPECT_NEAR(logprobs[i].item<float>(), one.logprob, 2e-5);
      }
    }
  }
}

TEST(DrawRowsTest, Extremes) {
  const float infinity = std::numeric_limits<float>::infinity();
  const auto draw = [](const at::Tensor& logits, double temperature, double uniform) {
    const auto rows = draw_rows(logits.unsqueeze(0).to(fake::device()), temperature,
                                at::full({1}, uniform, at::kDouble).to(fake::device()));
    return std::pair(rows.tokens.item<int>(), rows.logprobs.item<float>());
  };
  auto logits = at::full({600}, -infinity);
  logits[1] = 1.0;
  logits[2] = 5.0;
  logits[300] = 5.0;
  EXPECT_EQ(draw(logits, 1.0, 0.0).first, 1);
  EXPECT_EQ(draw(logits, 1.0, 0x1.fffffffffffffp-1).first, 300);  // not in the blocks without probability
  EXPECT_EQ(draw(logits, 0.0, 0.9).first, 2);
  for (const float bad : {infinity, std::nanf("")}) {
    auto broken = logits.clone();
    broken[7] = bad;
    for (const double temperature : {1.0, 0.0}) {
      const auto [token, logprob] = draw(broken, temperature, 0.5);
      EXPECT_FALSE(std::isfinite(logprob));
      EXPECT_GE(token, 0);
      EXPECT_LT(token, 600);
    }
  }
}

}  // namespace
}  // namespace pope
