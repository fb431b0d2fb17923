// The user's own graders: a program kept alive, restarted and timed out; and an HTTP endpoint.
#include <gtest/gtest.h>
#include <httplib.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <limits>
#include <set>
#include <thread>

#include "core/error.h"
#include "core/files.h"
#include "verify/verifier.h"

namespace pope {
namespace {

Problem with_answer(const std::string& answer) {
  Problem problem;
  problem.id = "p1";
  problem.answer = answer;
  return problem;
}

std::string flag_file() { return testing::TempDir() + "pope-grader-" + std::to_string(getpid()); }

VerifyConfig command(int workers = 1, double timeout_s = 20) {
  VerifyConfig config;
  config.kind = "command";
  config.command = "exec python3 " POPE_SOURCE_DIR "/tests/verify/grader.py " + flag_file();
  config.workers = workers;
  config.timeout_s = timeout_s;
  return config;
}

TEST(CommandVerifier, OneProcessAnswersAll) {
  const auto verifier = make_verifier(command());
  const Verdict right = verifier->verify(with_answer("5"), "5");
  EXPECT_TRUE(right.correct);
  EXPECT_EQ(right.extracted, "5");
  const Verdict wrong = verifier->verify(with_answer("5"), "line\nbreak \"quoted\" é \xff");
  EXPECT_FALSE(wrong.correct);
  EXPECT_FALSE(wrong.ungraded);
  EXPECT_EQ(wrong.reason, right.reason);  // the same process
  EXPECT_TRUE(verifier->verify(with_answer("noise"), "noise").correct);
  EXPECT_TRUE(
      verifier->verify(with_answer(std::string(3'000'000, 'x')), std::string(3'000'000, 'x')).correct);
}

TEST(CommandVerifier, FailuresAreVerdicts) {
  const auto verifier = make_verifier(command());
  const Verdict before = verifier->verify(with_answer("5"), "5");
  const Verdict crash = verifier->verify(with_answer("crash"), "crash");
  EXPECT_TRUE(crash.ungraded && !crash.correct);
  EXPECT_EQ(crash.reason, "undecided: the grader ended without an answer, twice");
  const Verdict after = verifier->verify(with_answer("5"), "5");
  EXPECT_TRUE(after.correct);
  EXPECT_NE(after.reason, before.reason);  // another process
  std::filesystem::remove(flag_file());
  EXPECT_TRUE(verifier->verify(with_answer("crash once"), "crash once").correct);
  std::filesystem::remove(flag_file());
  const Verdict malformed = verifier->verify(with_answer("malformed"), "malformed");
  EXPECT_TRUE(malformed.ungraded);
  EXPECT_EQ(malformed.reason, "undecided: the grader replied without a boolean \"correct\"");
}

TEST(CommandVerifier, TimesOutPerItem) {
  const auto verifier = make_verifier(command(1, 2));
  EXPECT_TRUE(verifier->verify(with_answer("5"), "5").correct);
  const auto start = std::chrono::steady_clock::now();
  const Verdict verdict = verifier->verify(with_answer("hang"), "hang");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  EXPECT_TRUE(verdict.ungraded);
  EXPECT_EQ(verdict.reason, "undecided: the grader did not answer within 2 s");
  EXPECT_TRUE(verifier->verify(with_answer("5"), "5").correct);
}

TEST(CommandVerifier, ManyAtOnce) {
  const auto verifier = make_verifier(command(4));
  std::mutex mutex;
  std::set<std::string> processes;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      const std::string answer = t < 4 ? "slow" : std::to_string(t);
      const Verdict verdict = verifier->verify(with_answer(answer), answer);
      EXPECT_TRUE(verdict.correct) << verdict.reason;
      const std::lock_guard lock(mutex);
      processes.insert(verdict.reason);
    });
  threads.clear();
  EXPECT_GT(processes.size(), 1U);
  EXPECT_LE(processes.size(), 4U);
}

TEST(CommandVerifier, RefusesBadConfigs) {
  VerifyConfig config;
  config.kind = "command";
  EXPECT_THROW(make_verifier(config), Error);
  config.kind = "http";
  config.url = "localhost:80";
  EXPECT_THROW(make_verifier(config), Error);
  config.command = "exit 1";
  config.kind = "command";
  EXPECT_TRUE(make_verifier(config)->verify(with_answer("5"), "5").ungraded);
  for (const double timeout_s : {-1.0, 0.0, 1e300, std::numeric_limits<double>::quiet_NaN()}) {
    config.timeout_s = timeout_s;
    for (const char* kind : {"command", "http"}) {
      config.kind = kind;
      config.url = "http://localhost:80";
      EXPECT_THROW(make_verifier(config), Error) << kind << " " << timeout_s;
    }
  }
  config.timeout_s = 10;
  config.workers = 0;
  EXPECT_THROW(make_verifier(config), Error);
}

TEST(HttpVerifier, PostsAndReads) {
  httplib::Server server;
  server.Post("/grade", [](const httplib::Request& request, httplib::Response& response) {
    const Json json = Json::parse(request.body);
    if (json["completion"] == "busy") {
      response.status = 503;
    } else if (json["completion"] == "nonsense") {
      response.set_content("yes", "text/plain");
    } else {
      response.set_content(dump({{"id", json["id"]}, {"correct", json["gold"] == json["completion"]}}),
                           "application/json");
    }
  });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::jthread serving([&] { server.listen_after_bind(); });
  VerifyConfig config;
  config.kind = "http";
  config.url = "http://127.0.0.1:" + std::to_string(port) + "/grade";
  config.workers = 2;
  {
    const auto verifier = make_verifier(config);
    EXPECT_TRUE(verifier->verify(with_answer("5"), "5").correct);
    const Verdict wrong = verifier->verify(with_answer("5"), "6");
    EXPECT_FALSE(wrong.correct || wrong.ungraded);
    EXPECT_EQ(verifier->verify(with_answer("5"), "busy").reason,
              "undecided: the grader replied with status 503");
    EXPECT_TRUE(verifier->verify(with_answer("5"), "nonsense").ungraded);
  }
  server.stop();
  serving.join();
  const Verdict verdict = make_verifier(config)->verify(with_answer("5"), "5");
  EXPECT_TRUE(verdict.ungraded);
  EXPECT_TRUE(
      verdict.reason.starts_with("undecided: the grader could not be reached at " + config.url + ": "))
      << verdict.reason;
}

}  // namespace
}  // namespace pope
