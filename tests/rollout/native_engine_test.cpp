// The native engine: independence of batching and order, endings, errors, frequencies, behaviour logprobs.
#include "rollout/native_engine.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "core/error.h"
#include "model/models.h"
#include "rollout/sample.h"

namespace pope {
namespace {

using Key = std::pair<std::size_t, int>;  // tag, sample

std::map<Key, Rollout> run(NativeEngine& engine, const SamplingConfig& sampling,
                           std::vector<Request> requests, std::vector<int> stop = {3, 4},
                           std::uint64_t seed = 17) {
  std::map<Key, Rollout> out;
  std::size_t taken = 0;
  engine.run(
      sampling, seed, stop,
      [&]() -> std::optional<Request> {
        if (taken == requests.size()) return std::nullopt;
        return requests[taken++];
      },
      [&](Rollout&& rollout) {
        const Key key{rollout.tag, rollout.sample};
        EXPECT_FALSE(out.contains(key));
        out[key] = std::move(rollout);
      },
      kAlways);
  return out;
}

// Prompts of 1 to 9 tokens with 1 to 5 samples each.
std::vector<Request> requests(int vocab) {
  std::vector<Request> out;
  for (std::size_t i = 0; i < 6; ++i) {
    Request request;
    request.tag = i;
    request.rng_key = 100 + i;
    request.samples = static_cast<int>(1 + i * 7 % 5);
    request.first_sample = static_cast<int>(i % 3);
    const auto tokens = random_tokens(1, static_cast<std::int64_t>(1 + i * 5 % 9), vocab, i);
    for (std::int64_t t = 0; t < tokens.size(1); ++t) request.prompt.push_back(tokens[0][t].item<int>());
    out.push_back(std::move(request));
  }
  return out;
}

SamplingConfig sampling(int batch_size, int max_new_tokens = 12, double temperature = 0.9) {
  SamplingConfig config;
  config.batch_size = batch_size;
  config.max_new_tokens = max_new_tokens;
  config.temperature = temperature;
  return config;
}

void expect_same(const std::map<Key, Rollout>& a, const std::map<Key, Rollout>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [key, rollout] : a) {
    const auto& other = b.at(key);
    EXPECT_EQ(rollout.tokens, other.tokens) << key.first << " " << key.second;
    EXPECT_EQ(rollout.finish, other.finish);
    ASSERT_EQ(rollout.logprobs.size(), other.logprobs.size());
    for (std::size_t t = 0; t < rollout.logprobs.size(); ++t) {
      EXPECT_NEAR(rollout.logprobs[t], other.logprobs[t], 2e-5);  // order of f32 sums in batched products
    }
  }
}

TEST(NativeEngineTest, RolloutsDoNotDependOnBatchSizeOrOrder) {
  for (const auto* family : {"llama", "qwen3"}) {
    NativeEngine engine(lively_model(tiny_architecture(family), at::kFloat));
    const auto all = requests(37);
    const auto one = run(engine, sampling(1), all);
    std::size_t samples = 0;
    for (const auto& request : all) samples += static_cast<std::size_t>(request.samples);
    EXPECT_EQ(one.size(), samples);
    for (const auto& request : all) {
      for (int s = 0; s < request.samples; ++s) {
        EXPECT_TRUE(one.contains({request.tag, request.first_sample + s}));
      }
    }
    expect_same(one, run(engine, sampling(3), all));
    expect_same(one, run(engine, sampling(8), all));
    expect_same(one, run(engine, sampling(64), all));
    auto reversed = all;
    std::reverse(reversed.begin(), reversed.end());
    expect_same(one, run(engine, sampling(3), reversed));
  }
}

TEST(NativeEngineTest, SeedStreamAndSampleNameTheDraws) {
  NativeEngine engine(lively_model(tiny_architecture(), at::kFloat));
  Request request{.tag = 1, .rng_key = 5, .prompt = {7, 8}, .first_sample = 0, .samples = 4};
  const auto base = run(engine, sampling(4, 20), {request}, {});
  EXPECT_NE(base.at({1, 0}).tokens, base.at({1, 1}).tokens);
  EXPECT_NE(run(engine, sampling(4, 20), {request}, {}, 18).at({1, 0}).tokens, base.at({1, 0}).tokens);
  auto other_key = request;
  other_key.rng_key = 6;
  EXPECT_NE(run(engine, sampling(4, 20), {other_key}, {}).at({1, 0}).tokens, base.at({1, 0}).tokens);
  auto later = request;
  later.first_sample = 2;
  later.samples = 1;
  EXPECT_EQ(run(engine, sampling(4, 20), {later}, {}).at({1, 2}).tokens, base.at({1, 2}).tokens);
}

TEST(NativeEngineTest, FinishIsStopAtAStopTokenElseLength) {
  NativeEngine engine(lively_model(tiny_architecture(), at::kFloat));
  int stopped = 0, cut = 0;
  for (const auto& [key, rollout] : run(engine, sampling(5, 9), requests(37), {3, 4, 5, 6})) {
    ASSERT_FALSE(rollout.tokens.empty());
    const auto is_stop = [](int token) { return token >= 3 && token <= 6; };
    EXPECT_TRUE(std::none_of(rollout.tokens.begin(), rollout.tokens.end() - 1, is_stop));
    if (rollout.finish == FinishReason::stop) {
      EXPECT_TRUE(is_stop(rollout.tokens.back()));
      ++stopped;
    } else {
      EXPECT_EQ(rollout.tokens.size(), 9U);
      EXPECT_FALSE(is_stop(rollout.tokens.back()));
      ++cut;
    }
  }
  EXPECT_GT(stopped, 2);
  EXPECT_GT(cut, 2);
}

TEST(NativeEngineTest, MaxNewTokensOne) {
  NativeEngine engine(lively_model(tiny_architecture(), at::kFloat));
  for (const auto& [key, rollout] : run(engine, sampling(2, 1), requests(37), {})) {
    EXPECT_EQ(rollout.tokens.size(), 1U);
    EXPECT_EQ(rollout.finish, FinishReason::length);
  }
}

// What the trainer recomputes for the same tokens under the same weights.
TEST(NativeEngineTest, BehaviourLogprobsEqualTheTrainers) {
  for (const auto compute : {at::kFloat, at::kBFloat16}) {
    const auto model = lively_model(tiny_architecture("qwen2"), compute);
    NativeEngine engine(model);
    const auto all = requests(37);
    // 50 tokens: the cache grows under the rollouts in flight.
    for (const auto& [key, rollout] : run(engine, sampling(3, 50), all, {})) {
      auto tokens = all[key.first].prompt;
      const auto prompt = static_cast<std::int64_t>(tokens.size()),
                 n = static_cast<std::int64_t>(rollout.tokens.size());
      tokens.insert(tokens.end(), rollout.tokens.begin(), rollout.tokens.end());
      const auto input = at::tensor(tokens, at::kLong);
      const auto rows =
          model->forward_hidden(input, Packing::equal(1, input.size(0))).narrow(0, prompt - 1, n);
      const auto expected =
          token_logprobs(rows, model->output_embedding(), input.narrow(0, prompt, n), 0.9).logprobs;
      for (std::int64_t t = 0; t < n; ++t) {
        // bf16: hidden states within some roundings of 2^-9 of each other, logits of order 4.
        EXPECT_NEAR(rollout.logprobs[t], expected[t].item<float>(), compute == at::kFloat ? 5e-5 : 0.25);
      }
    }
  }
}

TEST(NativeEngineTest, TemperatureZeroTakesTheLargestLogit) {
  const auto model = lively_model(tiny_architecture(), at::kFloat);
  NativeEngine engine(model);
  const auto rollouts =
      run(engine, sampling(2, 6, 0), {Request{.tag = 2, .prompt = {9, 1}, .samples = 2}}, {});
  std::vector<int> tokens = {9, 1};
  for (int t = 0; t < 6; ++t) {
    const auto last = static_cast<std::int64_t>(tokens.size()) - 1;
    const auto hidden =
        model->forward_hidden(at::tensor(tokens, at::kLong), Packing::equal(1, last + 1))[last];
    const auto log_p = at::log_softmax(model->logits(hidden.unsqueeze(0))[0], 0);
    tokens.push_back(log_p.argmax().item<int>());
    EXPECT_EQ(rollouts.at({2, 0}).tokens[t], tokens.back());
    EXPECT_NEAR(rollouts.at({2, 1}).logprobs[t], log_p.max().item<float>(), 2e-5);
  }
}

TEST(NativeEngineTest, StatsAndVersion) {
  const auto model = lively_model(tiny_architecture(), at::kFloat);
  model->version = 41;
  NativeEngine engine(model);
  const auto rollouts =
      run(engine, sampling(3, 5), {Request{.tag = 0, .prompt = {1, 2, 9}, .samples = 3}}, {});
  EXPECT_EQ(engine.stats().prefill_tokens, 3);
  EXPECT_EQ(engine.stats().sampled_tokens, 15);
  EXPECT_EQ(engine.stats().decode_steps, 4);  // the first token of each comes from the prefill
  EXPECT_GT(engine.stats().seconds, 0);
  EXPECT_EQ(rollouts.at({0, 2}).policy_version, 41);
  EXPECT_EQ(rollouts.at({0, 2}).versions, std::vector<std::int64_t>(5, 41));
}

// After `steps` decode steps the output weights become zero: every token is then as likely as any other. Two
// prompts of 3 samples with 2 slots: rollouts are in flight, wait with their prompt's logits at hand, or have
// not begun.
TEST(NativeEngineTest, WeightsThatChangeBetweenDecodeSteps) {
  for (const int steps : {0, 3, 8}) {
    const auto model = lively_model(tiny_architecture("qwen3"), at::kFloat);  // untied output weights
    ASSERT_EQ(model->parameters().back().name, "lm_head.weight");
    model->version = 6;
    NativeEngine engine(model);
    std::vector<Request> all = {{.tag = 0, .rng_key = 3, .prompt = {1, 2, 9}, .samples = 3},
                                {.tag = 1, .rng_key = 4, .prompt = {5, 6}, .samples = 3}};
    const auto before = run(engine, sampling(2, 5), all, {});
    std::map<Key, Rollout> after;
    int taken = 0, asked = 0;
    engine.run(
        sampling(2, 5), 17, std::vector<int>{},
        [&]() -> std::optional<Request> { return taken < 2 ? std::optional(all[taken++]) : std::nullopt; },
        [&](Rollout&& rollout) {
          const Key key{rollout.tag, rollout.sample};
          after[key] = std::move(rollout);
        },
        [&] {
          if (asked++ == steps) {
            const c10::NoGradGuard no_grad;
            model->parameters().back().compute.zero_();
            model->version = 7;
          }
          return true;
        });
    ASSERT_EQ(after.size(), 6u);
    int of_old = 0, of_new = 0, mixed = 0;
    for (const auto& [key, rollout] : after) {
      ASSERT_EQ(rollout.versions.size(), rollout.tokens.size());
      EXPECT_TRUE(std::is_sorted(rollout.versions.begin(), rollout.versions.end()));
      EXPECT_EQ(rollout.policy_version, rollout.versions.front());
      const Rollout& other = before.at(key);
      for (std::size_t t = 0; t < rollout.tokens.size(); ++t) {
        if (rollout.versions[t] == 6) {
          EXPECT_EQ(rollout.tokens[t], other.tokens[t]);
          EXPECT_NEAR(rollout.logprobs[t], other.logprobs[t], 2e-5);
          ++of_old;
        } else {
          EXPECT_EQ(rollout.versions[t], 7);
          EXPECT_NEAR(rollout.logprobs[t], -std::log(37.0), 1e-5);
          ++of_new;
        }
      }
      mixed += rollout.versions.front() != rollout.versions.back();
    }
    EXPECT_GT(of_old, 0);
    EXPECT_GT(of_new, 0);
    EXPECT_GT(mixed, 0);
  }
}

// Rollouts under way keep the keys and values that the old weights made: with all keys and values of the
// prompt from the old weights, the next token's logprob differs from that of a fresh start.
TEST(NativeEngineTest, KeysAndValuesOutliveAChange) {
  const auto old_weights = lively_model(tiny_architecture(), at::kFloat);
  const auto model = lively_model(tiny_architecture(), at::kFloat);
  NativeEngine engine(model);
  const std::vector<int> prompt = {1, 2, 9, 4, 11};
  Request request{.tag = 0, .rng_key = 3, .prompt = prompt};
  std::optional<Request> next = request;
  Rollout rollout;
  engine.run(
      sampling(1, 2, 1.0), 17, std::vector<int>{}, [&] { return std::exchange(next, std::nullopt); },
      [&](Rollout&& r) { rollout = std::move(r); },
      [&] {
        const c10::NoGradGuard no_grad;
        for (Parameter& p : model->parameters()) p.compute.mul_(1.5);
        return true;
      });
  // By hand: the prompt through the old weights, the first sampled token through the new ones.
  KvCache cache(model->architecture(), 1, 6, at::kFloat);
  old_weights->decode(at::tensor(prompt, at::kLong).unsqueeze(0), at::zeros({1}, at::kLong), cache);
  const auto hidden =
      model->decode(at::full({1, 1}, rollout.tokens[0], at::kLong), at::full({1}, 5, at::kLong), cache);
  const auto log_p = at::log_softmax(model->logits(hidden.flatten(0, 1))[0], 0);
  EXPECT_NEAR(rollout.logprobs[1], log_p[rollout.tokens[1]].item<float>(), 2e-5);
  auto whole = prompt;
  whole.push_back(rollout.tokens[0]);
  const auto fresh = model->forward_hidden(at::tensor(whole, at::kLong), Packing::equal(1, 6))[5];
  const auto fresh_log_p = at::log_softmax(model->logits(fresh.unsqueeze(0))[0], 0);
  EXPECT_GT(std::abs(rollout.logprobs[1] - fresh_log_p[rollout.tokens[1]].item<float>()), 1e-3);
}

TEST(NativeEngineTest, ContinueSamplingFalseEndsARunAtOnce) {
  NativeEngine engine(lively_model(tiny_architecture(), at::kFloat));
  int asked = 0, finished = 0;
  engine.run(
      sampling(4, 20), 1, std::vector<int>{},
      [] {
        return std::optional(Request{.prompt = {5, 6}});
      },
      [&](Rollout&&) { ++finished; }, [&] { return ++asked < 10; });
  EXPECT_EQ(asked, 10);
  EXPECT_EQ(finished, 0);
  EXPECT_EQ(engine.stats().decode_steps, 9);
}
// A caller that decides only when a rollout is back gets the next request served.
TEST(NativeEngineTest, RequestsCanArriveAfterRolloutsFinish) {
  NativeEngine engine(lively_model(tiny_architecture(), at::kFloat));
  int open = 1, finished = 0, asked_when_dry = 0;
  engine.run(
      sampling(4, 6), 1, std::vector<int>{},
      [&]() -> std::optional<Request> {
        if (open == 0) {
          ++asked_when_dry;
          return std::nullopt;
        }
        --open;
        return Request{.tag = 0, .rng_key = static_cast<std::uint64_t>(finished), .prompt = {5, 6}};
      },
      [&](Rollout&&) {
        if (++finished < 5) open = 1;
      },
      kAlways);
  EXPECT_EQ(finished, 5);
  EXPECT_EQ(asked_when_dry, 6);  // after each request taken, and at the end; not once per step
}

std::string message_of(NativeEngine& engine, const SamplingConfig& config, const Request& request) {
  try {
    run(engine, config, {request});
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(NativeEngineTest, Errors) {
  NativeEngine engine(lively_model(tiny_architecture(), at::kFloat));
  EXPECT_THAT(message_of(engine, sampling(2), Request{}), testing::HasSubstr("empty"));
  EXPECT_THAT(message_of(engine, sampling(2), Request{.prompt = {1, 37}}), testing::HasSubstr("37"));
  EXPECT_THAT(message_of(engine, sampling(2), Request{.prompt = {-1}}), testing::HasSubstr("-1"));
  EXPECT_THAT(message_of(engine, sampling(2, 62), Request{.prompt = {1, 2, 3}}),
              testing::AllOf(testing::HasSubstr("64"), testing::HasSubstr("hint")));
  EXPECT_EQ(message_of(engine, sampling(2, 61), Request{.prompt = {1, 2, 3}}), "no error");
  EXPECT_THAT(message_of(engine, sampling(0), Request{.prompt = {1}}), testing::HasSubstr("batch_size"));
  EXPECT_THAT(message_of(engine, sampling(1, 0), Request{.prompt = {1}}),
              testing::HasSubstr("max_new_tokens"));
  EXPECT_THAT(message_of(engine, sampling(1, 5, -1), Request{.prompt = {1}}),
              testing::HasSubstr("temperature"));
}

TEST(NativeEngineTest, LogitsThatAreNotFinite) {
  const auto model = lively_model(tiny_architecture(), at::kFloat);
  {
    const c10::NoGradGuard no_grad;
    model->parameters()[0].compute[5].fill_(std::numeric_limits<float>::quiet_NaN());
  }
  NativeEngine engine(model);
  EXPECT_THAT(message_of(engine, sampling(2), Request{.prompt = {1}}), testing::HasSubstr("not finite"));
}

TEST(NativeEngineTest, AnExceptionInACallbackLeavesTheEngineUsable) {
  NativeEngine engine(lively_model(tiny_architecture(), at::kFloat));
  const auto before = run(engine, sampling(3), requests(37));
  const auto all = requests(37);
  std::size_t taken = 0;
  EXPECT_THROW(engine.run(
                   sampling(3), 17, std::vector<int>{3, 4}, [&]() { return std::optional(all[taken++]); },
                   [](Rollout&&) { throw std::runtime_error("mine"); }, kAlways),
               std::runtime_error);
  expect_same(before, run(engine, sampling(3), requests(37)));
}

// Pearson's statistic over 37 tokens of known probabilities: 36 degrees of freedom; 80 has p < 4e-5.
TEST(DrawTokenTest, FrequenciesMatchTheProbabilities) {
  const int vocab = 37, draws = 50000;
  std::vector<float> logits(vocab);
  RngStream rng(5, {1});
  for (auto& logit : logits) logit = static_cast<float>(rng.normal());
  const double temperature = 0.7;
  double total = 0;
  for (const float logit : logits) total += std::exp(logit / temperature);
  std::vector<int> counts(vocab);
  for (int i = 0; i < draws; ++i) {
    const auto draw = draw_token(logits.data(), vocab, temperature, rng.uniform());
    ++counts[draw.token];
    ASSERT_NEAR(draw.logprob, logits[draw.token] / temperature - std::log(total), 1e-5);
  }
  double statistic = 0;
  for (int v = 0; v < vocab; ++v) {
    const double expected = draws * std::exp(logits[v] / temperature) / total;
    statistic += (counts[v] - expected) * (counts[v] - expected) / expected;
  }
  EXPECT_LT(statistic, 80);
}

// The draw is where the cumulative distribution passes the uniform number, across the blocks of a long row.
TEST(DrawTokenTest, InverseOfTheCumulativeDistribution) {
  for (const int vocab : {1, 255, 256, 257, 5001}) {
    std::vector<float> logits(vocab);
    RngStream rng(6, {static_cast<std::uint64_t>(vocab)});
    for (auto& logit : logits) logit = static_cast<float>(3 * rng.normal() + 50);
    std::vector<double> cumulative(vocab);
    double total = 0;
    for (int v = 0; v < vocab; ++v) cumulative[v] = total += std::exp(static_cast<double>(logits[v]) - 50);
    for (int i = 0; i < 300; ++i) {
      const double uniform = rng.uniform();
      const auto token = draw_token(logits.data(), vocab, 1.0, uniform).token;
      const double low = token == 0 ? 0 : cumulative[token - 1] / total, high = cumulative[token] / total;
      EXPECT_GE(uniform, low - 1e-6);  // f32 exponentials
      EXPECT_LE(uniform, high + 1e-6);
    }
  }
}

TEST(DrawTokenTest, Extremes) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> logits = {-infinity, 1, 5, 5, -infinity};
  EXPECT_EQ(draw_token(logits.data(), 5, 1.0, 0.0).token, 1);
  EXPECT_EQ(draw_token(logits.data(), 5, 1.0, 0x1.fffffffffffffp-1).token, 3);
  EXPECT_EQ(draw_token(logits.data(), 5, 0.0, 0.9).token, 2);
  EXPECT_EQ(draw_token(logits.data(), 5, 1e-4, 0.9).token, 3);
  for (const float bad : {infinity, std::nanf("")}) {
    for (std::size_t at = 0; at < 5; ++at) {
      auto broken = logits;
      broken[at] = bad;
      EXPECT_FALSE(std::isfinite(draw_token(broken.data(), 5, 1.0, 0.5).logprob)) << at;
    }
  }
}

}  // namespace
}  // namespace pope
