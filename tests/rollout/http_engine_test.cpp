// The http engine against fake servers: every rollout once whatever fails, lies found out, load shared.
#include "rollout/http_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>

#include "core/error.h"
#include "core/interrupt.h"
#include "rollout/fake_server.h"

namespace pope {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using testing::FakeServer;
using testing::Fault;
using ::testing::HasSubstr;

std::shared_ptr<const Tokenizer> tokenizer() {
  static const auto loaded = load_tokenizer(POPE_SOURCE_DIR "/tests/golden/text_smollm");
  return loaded;
}

// Quick to fail and to try again.
EngineConfig config_for(const std::vector<std::string>& urls) {
  EngineConfig config;
  config.kind = "http";
  config.urls = urls;
  config.backoff_s = 0.002;
  config.give_up_s = 0;
  config.timeout_s = 20;
  config.attempts = 30;
  return config;
}

std::unique_ptr<Engine> engine_of(const EngineConfig& config) {
  return make_engine(config, {.tokenizer = tokenizer(), .model = nullptr});
}

std::vector<Request> requests(int prompts, int samples) {
  std::vector<Request> all;
  for (int p = 0; p < prompts; ++p) {
    Request request;
    request.rng_key = static_cast<std::uint64_t>(p);
    request.prompt = tokenizer()->encode("What is " + std::to_string(p) + "?");
    request.samples = samples;
    request.first_sample = p % 3;
    all.push_back(std::move(request));
  }
  return all;
}

struct Sampled {
  std::vector<std::vector<Rollout>> rollouts;
};

Sampled sample(Engine& engine, std::vector<Request> asked, double temperature = 1, int batch = 64,
               int most = 16) {
  SamplingConfig sampling;
  sampling.temperature = temperature;
  sampling.batch_size = batch;
  sampling.max_new_tokens = most;
  const int stop = tokenizer()->find(tokenizer()->eos_token()).value();
  return {engine.sample(sampling, 7, std::vector<int>{stop}, std::move(asked))};
}

std::string error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// By request and sample: what was sampled.
std::map<std::pair<std::size_t, int>, std::vector<int>> tokens_of(const Sampled& sampled) {
  std::map<std::pair<std::size_t, int>, std::vector<int>> tokens;
  for (std::size_t i = 0; i < sampled.rollouts.size(); ++i)
    for (const Rollout& rollout : sampled.rollouts[i]) tokens[{i, rollout.sample}] = rollout.tokens;
  return tokens;
}

std::vector<std::string> texts_of(const Sampled& sampled) {
  std::vector<std::string> texts;
  for (const auto& [which, ids] : tokens_of(sampled)) texts.push_back(tokenizer()->decode(ids, false));
  return texts;
}

TEST(HttpEngine, EveryRolloutComesOnceWhateverFails) {
  constexpr int kPrompts = 300, kSamples = 12;
  const auto clean = std::make_unique<FakeServer>(FakeServer::Script(), tokenizer());
  const Sampled expected = sample(*engine_of(config_for({clean->url()})), requests(kPrompts, kSamples));
  ASSERT_EQ(tokens_of(expected).size(), std::size_t{kPrompts * kSamples});

  std::mutex mutex;
  std::set<Fault> seen;
  const auto faults = [&](std::uint64_t server) {
    return [&, server](int request) {
      const double draw = RngStream(server, {static_cast<std::uint64_t>(request)}).uniform();
      const Fault fault = request <= testing::kTrialRequests ? Fault::none
                          : draw < 0.05                      ? Fault::busy
                          : draw < 0.10                      ? Fault::broken
                          : draw < 0.15                      ? Fault::truncated
                          : draw < 0.155                     ? Fault::dripped
                          : draw < 0.20                      ? Fault::garbled
                          : draw < 0.22                      ? Fault::aborted
                          : draw < 0.2201                    ? Fault::fewer
                                                             : Fault::none;
      const std::lock_guard lock(mutex);
      seen.insert(fault);
      return fault;
    };
  };
  FakeServer a({.fault = faults(1)}, tokenizer()), b({.fault = faults(2)}, tokenizer());
  EngineConfig config = config_for({a.url(), b.url()});
  config.timeout_s = 1;
  config.connections = 16;
  config.give_up_s = 60;
  const auto engine = engine_of(config);
  // Counted as they come, not as they are put in order.
  std::map<std::pair<std::size_t, int>, int> came;
  SamplingConfig sampling;
  sampling.batch_size = 100;
  sampling.max_new_tokens = 16;
  std::vector<Request> asked = requests(kPrompts, kSamples);
  std::size_t next = 0;
  std::map<std::pair<std::size_t, int>, std::vector<int>> tokens;
  engine->run(
      sampling, 7, std::vector<int>{a.stop_token()},
      [&]() -> std::optional<Request> {
        if (next == asked.size()) return std::nullopt;
        asked[next].tag = next;
        return asked[next++];
      },
      [&](Rollout&& rollout) {
        ++came[{rollout.tag, rollout.sample}];
        EXPECT_EQ(rollout.tokens.size(), rollout.logprobs.size());
        tokens[{rollout.tag, rollout.sample}] = rollout.tokens;
      },
      kAlways);
  EXPECT_EQ(came.size(), std::size_t{kPrompts * kSamples});
  for (const auto& [which, count] : came) EXPECT_EQ(count, 1) << which.first << " " << which.second;
  EXPECT_EQ(tokens, tokens_of(expected));
  EXPECT_GE(seen.size(), 7U) << "of the kinds of faults too few happened";
  EXPECT_GT(a.requests() + b.requests(), clean->requests());
  EXPECT_EQ(engine->stats().sampled_tokens, [&] {
    std::int64_t sum = 0;
    for (const auto& [which, ids] : tokens) sum += std::ssize(ids);
    return sum;
  }());
}

TEST(HttpEngine, AServerThatDiesIsWaitedFor) {
  FakeServer server({}, tokenizer());
  const auto expected = tokens_of(sample(*engine_of(config_for({server.url()})), requests(40, 8)));
  std::atomic<bool> down = false;
  std::thread killer;
  FakeServer mortal({.wait =
                         [&](int request) {
                           if (request == 20) down = true;
                         }},
                    tokenizer());
  EngineConfig config = config_for({mortal.url()});
  config.give_up_s = 60;
  const auto engine = engine_of(config);
  killer = std::thread([&] {
    while (!down) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    mortal.stop();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    mortal.restart();
  });
  const auto tokens = tokens_of(sample(*engine, requests(40, 8)));
  killer.join();
  EXPECT_EQ(tokens, expected);
}

TEST(HttpEngine, RequestsGoToTheLeastLoaded) {
  constexpr int kAll = 60;
  std::mutex mutex;
  std::condition_variable changed;
  bool released = false;
  int quick_served = 0;
  const auto hold = [&](int request) {
    if (request <= testing::kTrialRequests) return;
    std::unique_lock lock(mutex);
    // Until the other has done nearly all; the limit only ends a broken test.
    changed.wait_for(lock, std::chrono::seconds(60),
                     [&] { return released || quick_served >= testing::kTrialRequests + kAll - 6; });
    released = true;
  };
  const auto count = [&](int) {
    const std::lock_guard lock(mutex);
    ++quick_served;
    changed.notify_all();
  };
  FakeServer slow({.wait = hold}, tokenizer()), quick({.wait = count}, tokenizer());
  EngineConfig config = config_for({slow.url(), quick.url()});
  config.samples_per_request = 1;
  sample(*engine_of(config), requests(kAll, 1), 1, 8);
  EXPECT_LE(slow.requests(), testing::kTrialRequests + 4 + 2);  // half of what may be under way, and the end
  EXPECT_GE(quick.requests(), kAll - 4);
}

TEST(HttpEngine, HowRequestsAreCutChangesNothing) {
  FakeServer server({}, tokenizer());
  EngineConfig config = config_for({server.url()});
  const auto whole = tokens_of(sample(*engine_of(config), requests(5, 11)));
  config.samples_per_request = 3;
  EXPECT_EQ(tokens_of(sample(*engine_of(config), requests(5, 11))), whole);
  EXPECT_EQ(tokens_of(sample(*engine_of(config), requests(5, 11), 1, 2)), whole);  // batch_size
  FakeServer one({.heeds_n = false}, tokenizer());
  const int before = one.requests();
  EXPECT_EQ(tokens_of(sample(*engine_of(config_for({one.url()})), requests(5, 11))), whole);
  EXPECT_EQ(one.requests() - before, 55 + testing::kTrialRequests);
  // Other seeds, other samples.
  std::vector<Request> other = requests(5, 11);
  for (Request& request : other) request.rng_key += 100;
  EXPECT_NE(tokens_of(sample(*engine_of(config), other)), whole);
}

TEST(HttpEngine, EachKindOfServerIsSpokenToInItsWay) {
  FakeServer vllm({.tempered = true}, tokenizer());
  const auto expected = tokens_of(sample(*engine_of(config_for({vllm.url() + "/v1/"})), requests(4, 5)));
  Json body = vllm.last();
  EXPECT_TRUE(body["prompt"].is_array());
  EXPECT_EQ(body["stop_token_ids"], Json::array({vllm.stop_token()}));
  EXPECT_EQ(body["return_token_ids"], true);
  EXPECT_EQ(body["top_k"], -1);
  for (const ServerKind kind : {ServerKind::sglang, ServerKind::llama_cpp}) {
    FakeServer server({.kind = kind, .tempered = true}, tokenizer());
    const auto engine = engine_of(config_for({server.url()}));
    const Sampled sampled = sample(*engine, requests(4, 5), 0.7);
    EXPECT_EQ(tokens_of(sampled), expected) << name_of(kind);
    for (const auto& group : sampled.rollouts)
      for (const Rollout& rollout : group)
        EXPECT_THAT(rollout.logprobs,
                    Each(::testing::FloatNear(static_cast<float>(testing::kLogprob), 1e-5F)));
    if (kind == ServerKind::llama_cpp) {
      EXPECT_EQ(server.last()["samplers"], Json::array({"temperature"}));
      EXPECT_LE(server.last()["n"], 3);  // slots
      EXPECT_EQ(engine->context(), 2048);
    }
  }
}

TEST(HttpEngine, ATextServerLosesTokensButNotRollouts) {
  FakeServer server({.kind = ServerKind::openai, .takes_ids = false, .logprobs = false}, tokenizer());
  const Sampled sampled = sample(*engine_of(config_for({server.url()})), requests(3, 4));
  EXPECT_TRUE(server.last()["prompt"].is_string());
  EXPECT_FALSE(server.last().contains("logprobs"));
  EXPECT_EQ(server.last()["stop"], Json::array({tokenizer()->eos_token()}));
  FakeServer vllm({}, tokenizer());
  const Sampled exact = sample(*engine_of(config_for({vllm.url()})), requests(3, 4));
  EXPECT_EQ(texts_of(sampled), texts_of(exact));
  EXPECT_NE(tokens_of(sampled), tokens_of(exact));  // some words are split another way
  for (const auto& group : sampled.rollouts)
    for (const Rollout& rollout : group) {
      EXPECT_EQ(rollout.logprobs.size(), rollout.tokens.size());
      for (const float logprob : rollout.logprobs) EXPECT_TRUE(std::isnan(logprob));
    }
}

TEST(HttpEngine, LogprobsOfAnotherTemperatureAreNoneOfOurs) {
  FakeServer raw({}, tokenizer());
  const auto engine = engine_of(config_for({raw.url()}));
  EXPECT_FALSE(std::isnan(sample(*engine, requests(1, 1)).rollouts[0][0].logprobs[0]));
  EXPECT_TRUE(std::isnan(sample(*engine, requests(1, 1), 0.5).rollouts[0][0].logprobs[0]));
}

TEST(HttpEngine, RolloutsEndAsTheyShould) {
  FakeServer server({}, tokenizer());
  const auto engine = engine_of(config_for({server.url()}));
  int cut = 0, ended = 0;
  for (const auto& group : sample(*engine, requests(10, 4), 1, 64, 6).rollouts)
    for (const Rollout& rollout : group) {
      const bool stopped = rollout.tokens.back() == server.stop_token();
      EXPECT_EQ(rollout.finish, stopped ? FinishReason::stop : FinishReason::length);
      if (!stopped) {
        EXPECT_EQ(rollout.tokens.size(), 6U);
      }
      ++(stopped ? ended : cut);
    }
  EXPECT_GT(cut, 0);
  EXPECT_GT(ended, 0);
}

TEST(HttpEngine, ServersThatLieAreFoundOut) {
  const auto with = [](FakeServer::Script script, double temperature = 1) {
    FakeServer server(std::move(script), tokenizer());
    return error_of([&] { sample(*engine_of(config_for({server.url()})), requests(4, 8), temperature); });
  };
  EXPECT_EQ(with({}), "no error");
  EXPECT_THAT(with({.first_id = 1}),
              AllOf(HasSubstr("expected the tokenizer of --model"), HasSubstr("hint")));
  EXPECT_THAT(with({.kind = ServerKind::openai, .finish = "content_filter"}),
              HasSubstr("ended by stop or length, got 'content_filter'"));
  EXPECT_THAT(with({.heeds_seed = false}), HasSubstr("tokens twice for a prompt"));
  EXPECT_EQ(with({.heeds_seed = false}, 0), "no error");
  EXPECT_THAT(with({.key = "secret"}),
              AllOf(HasSubstr("status 401: who are you?"), HasSubstr("engine.key_env")));

  FakeServer a({}, tokenizer()), b({.model = "other"}, tokenizer());
  EXPECT_THAT(
      error_of([&] {
        engine_of(config_for({a.url(), b.url()}));
      }),
      HasSubstr("expected servers of one model, " + a.url() + " has 'fake' and " + b.url() + " has 'other'"));
  EngineConfig named = config_for({a.url()});
  named.model = "fakes";
  EXPECT_THAT(error_of([&] { engine_of(named); }), HasSubstr("expected model 'fakes', it has fake"));
}

// Where no ids of a text can be compared, those of samples are.
TEST(HttpEngine, IdsThatSpellAnotherTextAreFoundOut) {
  Completion completion;
  completion.text = " one two";
  completion.finish = "stop";
  completion.tokens = tokenizer()->encode(" one two");
  EXPECT_EQ(text_fits(completion, *tokenizer()), true);
  completion.tokens->back() += 1;
  EXPECT_EQ(text_fits(completion, *tokenizer()), false);
  completion.tokens->back() = tokenizer()->size();
  EXPECT_THAT(error_of([&] { rollout_of(completion, {.stop_tokens = {0}}, *tokenizer(), "here"); }),
              HasSubstr("here: expected token ids below"));
  FakeServer server({}, tokenizer());
  HttpServers servers(config_for({server.url()}), tokenizer());
  for (int i = 0; i < 7; ++i) servers.saw_text(0, false);
  EXPECT_THAT(error_of([&] { servers.saw_text(0, false); }), HasSubstr("in 8 samples they spell another"));
}

TEST(HttpEngine, KeysComeFromTheEnvironment) {
  FakeServer server({.key = "secret"}, tokenizer());
  EngineConfig config = config_for({server.url()});
  config.key_env = "POPE_TEST_KEY";
  ::unsetenv("POPE_TEST_KEY");
  EXPECT_THAT(error_of([&] { engine_of(config); }), HasSubstr("no variable POPE_TEST_KEY"));
  ::setenv("POPE_TEST_KEY", "wrong", 1);
  EXPECT_THAT(error_of([&] { engine_of(config); }), HasSubstr("is the key in POPE_TEST_KEY the server's?"));
  ::setenv("POPE_TEST_KEY", "secret", 1);
  EXPECT_EQ(sample(*engine_of(config), requests(1, 2)).rollouts[0].size(), 2U);
}

TEST(HttpEngine, WhatCannotBeHadIsAnError) {
  EXPECT_THAT(error_of([] { engine_of(config_for({})); }), HasSubstr("engine.urls: expected a server"));
  EngineConfig native;
  native.urls = {"http://127.0.0.1:1"};
  EXPECT_THAT(error_of([&] { engine_of(native); }), HasSubstr("none with engine.kind=native"));
  EngineConfig bad = config_for({"localhost:8000"});
  EXPECT_THAT(error_of([&] { engine_of(bad); }), HasSubstr("http://HOST:PORT"));

  FakeServer gone({}, tokenizer());
  gone.stop();
  EXPECT_THAT(error_of([&] { engine_of(config_for({gone.url()})); }),
              AllOf(HasSubstr("no server answers"), HasSubstr("no connection")));

  FakeServer failing(
      {.fault = [](int request) { return request <= testing::kTrialRequests ? Fault::none : Fault::broken; }},
      tokenizer());
  EngineConfig config = config_for({failing.url()});
  config.attempts = 3;
  EXPECT_THAT(error_of([&] { sample(*engine_of(config), requests(1, 1)); }),
              AllOf(HasSubstr("failed 3 times, the last time with status 500: <html>oh</html>"),
                    HasSubstr("the prompt ends with \"What is 0?\"")));

  FakeServer small({.context = 20}, tokenizer());
  const auto engine = engine_of(config_for({small.url()}));
  EXPECT_EQ(engine->context(), 20);
  EXPECT_THAT(error_of([&] { sample(*engine, requests(1, 1)); }),
              HasSubstr("expected prompt + max_new_tokens ≤ 20"));
  EXPECT_THAT(error_of([&] { engine->publish(1); }), HasSubstr("expected a model that is trained here"));
}

TEST(HttpEngine, ServersThatStayAwayEndTheRun) {
  FakeServer dying({}, tokenizer());
  const auto engine = engine_of(config_for({dying.url()}));
  dying.stop();
  EXPECT_THAT(error_of([&] { sample(*engine, requests(4, 4)); }),
              AllOf(HasSubstr("no server has answered for"), HasSubstr("what was finished is not lost")));
}

TEST(HttpEngine, WhoIsAwaitedIsSaid) {
  FakeServer server({.wait =
                         [](int request) {
                           if (request > testing::kTrialRequests)
                             std::this_thread::sleep_for(std::chrono::seconds(1));
                         }},
                    tokenizer());
  const EngineConfig config = config_for({server.url()});
  HttpServers servers(config, tokenizer());
  HttpCounters counters;
  SamplingConfig sampling;
  int asked = 0, came = 0;
  const NextRequest next = [&]() -> std::optional<Request> {
    return asked++ == 0 ? std::optional(requests(1, 5)[0]) : std::nullopt;
  };
  const OnRollout done = [&](Rollout&&) { ++came; };
  ::testing::internal::CaptureStderr();
  HttpSession(servers, config, *tokenizer(), 4096, counters,
              {sampling, 1, {server.stop_token()}, next, done, kAlways, std::chrono::milliseconds(20)})
      .run();
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr("rollouts awaited: 5, " + server.url() + " (5, for 0."));
  EXPECT_EQ(came, 5);
}

// Answers so many requests behind the trial, and holds all others until release().
struct HoldingServer {
  explicit HoldingServer(int answered)
      : server({.wait =
                    [this, answered](int request) {
                      if (request <= testing::kTrialRequests + answered) return;
                      ++held;
                      released.wait(false);
                    }},
               tokenizer()) {}
  void release() {
    released = true;
    released.notify_all();
  }
  std::atomic<int> held = 0;
  std::atomic<bool> released = false;
  FakeServer server;  // last: its threads use the others
};

// Not even where one failed attempt is too many.
TEST(HttpEngine, ARequestToStopIsNoFaultOfAServer) {
  HoldingServer holding(0);
  EngineConfig config = config_for({holding.server.url()});
  config.attempts = 1;
  config.timeout_s = 3600;
  HttpServers servers(config, tokenizer());
  HttpCounters counters;
  const SamplingConfig sampling;
  int asked = 0;
  const NextRequest next = [&]() -> std::optional<Request> {
    return asked++ == 0 ? std::optional(requests(1, 5)[0]) : std::nullopt;
  };
  const OnRollout done = [](Rollout&&) { FAIL() << "a rollout came"; };
  const CatchInterrupts catch_interrupts;
  std::thread other([&] {
    while (holding.held == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ::kill(::getpid(), SIGTERM);
  });
  EXPECT_THROW(HttpSession(servers, config, *tokenizer(), 4096, counters,
                           {sampling, 1, {holding.server.stop_token()}, next, done, kAlways})
                   .run(),
               Interrupted);
  other.join();
  EXPECT_EQ(servers.troubles(), "");
  EXPECT_EQ(servers.seconds_away(), 0);
  holding.release();
}

// Nor does one that is not there, and waited for.
TEST(HttpEngine, StoppingDoesNotWaitForTheFirstServer) {
  EngineConfig config = config_for({"http://127.0.0.1:1"});
  config.backoff_s = 60;
  config.give_up_s = 3600;
  const CatchInterrupts catch_interrupts;
  std::thread other([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    ::kill(::getpid(), SIGTERM);
  });
  EXPECT_THROW(HttpServers(config, tokenizer()), Interrupted);
  other.join();
}

// A server that never answers holds nobody up who wants to stop.
TEST(HttpEngine, StoppingDoesNotWaitForServers) {
  HoldingServer holding(1);
  EngineConfig config = config_for({holding.server.url()});
  config.samples_per_request = 1;
  config.timeout_s = 3600;
  const auto engine = engine_of(config);
  SamplingConfig sampling;
  sampling.batch_size = 4;
  int asked = 0;
  const auto run = [&](const ContinueSampling& go_on, const OnRollout& done) {
    asked = 0;
    engine->run(
        sampling, 1, std::vector<int>{holding.server.stop_token()},
        [&]() -> std::optional<Request> {
          if (asked == 50) return std::nullopt;
          return requests(++asked, 1).back();
        },
        done, go_on);
  };
  // One rollout has come, three more are held by the server.
  bool go_on = true;
  run([&] { return go_on; }, [&](Rollout&&) { go_on = false; });
  EXPECT_EQ(asked, 4);
  EXPECT_LE(holding.held, 3);
  holding.release();
  EXPECT_THROW(run(kAlways, [](Rollout&&) { throw Error("grade", "no grader"); }), Error);
}

}  // namespace
}  // namespace pope
