// The user's own graders: a program kept alive, restarted and timed out; and an HTTP endpoint. What they do
// wrong gives no verdict, and costs neither memory nor more than its time.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include "core/error.h"
#include "core/files.h"
#include "verify/loopback_server.h"
#include "verify/verifier.h"

namespace pope {
namespace {

using testing::LoopbackServer;
using Send = LoopbackServer::Send;

Problem with_answer(const std::string& answer) {
  Problem problem;
  problem.id = "p1";
  problem.answer = answer;
  return problem;
}

std::string flag_file() { return ::testing::TempDir() + "pope-grader-" + std::to_string(getpid()); }

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

TEST(CommandVerifier, OneDeadlineForBothTries) {
  EXPECT_EQ(make_verifier(command(1, 2))->verify(with_answer("5"), "crash late").reason,
            "undecided: the grader did not answer within 2 s");
}

TEST(CommandVerifier, ALineWithoutEndIsGivenUp) {
  const auto verifier = make_verifier(command());
  const Verdict verdict = verifier->verify(with_answer("5"), "endless");
  EXPECT_EQ(verdict.reason, "undecided: the grader gave a reply of more than 1048576 bytes");
  EXPECT_TRUE(verdict.failed);
  EXPECT_TRUE(verifier->verify(with_answer("5"), "5").correct);
}

// Whether the process runs: there is one, and it is not one that only waits to be collected.
bool runs(const std::string& pid) {
  const std::string stat = "/proc/" + pid + "/stat";
  if (!std::filesystem::exists(stat)) return false;
  std::ifstream file(stat);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const std::size_t name = text.rfind(") ");
  return name != std::string::npos && text[name + 2] != 'Z';
}

// Also where they do not read, and have children of their own.
TEST(CommandVerifier, GradersEndWithTheirParent) {
  const std::string file = flag_file() + "-pids";
  std::filesystem::remove(file);
  VerifyConfig config = command();
  config.command = "python3 " POPE_SOURCE_DIR "/tests/verify/grader.py " + flag_file() + " && true";
  const pid_t parent = fork();
  if (parent == 0) {
    make_verifier(config)->verify(with_answer("5"), "family");
    _exit(0);
  }
  const auto wait_until = [](const std::function<bool()>& holds) {
    for (int i = 0; i < 600 && !holds(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return holds();
  };
  ASSERT_TRUE(wait_until([&] { return std::filesystem::exists(file); }));
  std::istringstream pids(read_file(file));
  std::string grader, child;
  pids >> grader >> child;
  std::filesystem::remove(file);
  EXPECT_TRUE(runs(grader) && runs(child));
  kill(parent, SIGKILL);
  waitpid(parent, nullptr, 0);
  EXPECT_TRUE(wait_until([&] { return !runs(grader) && !runs(child); }));
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

// What a grader of equal texts says.
std::string judged(const std::string& request) {
  const Json json = Json::parse(request);
  return dump({{"id", json["id"]}, {"correct", json["gold"] == json["completion"]}});
}

VerifyConfig http(const LoopbackServer& server, double timeout_s = 20) {
  VerifyConfig config;
  config.kind = "http";
  config.url = server.url();
  config.workers = 2;
  config.timeout_s = timeout_s;
  return config;
}

Verdict asked(const VerifyConfig& config, const std::string& completion = "5") {
  return make_verifier(config)->verify(with_answer("5"), completion);
}

TEST(HttpVerifier, PostsAndReads) {
  auto server = std::make_unique<LoopbackServer>([](const std::string& body, const Send& send) {
    const Json json = Json::parse(body);
    if (json["completion"] == "nowhere") return send(LoopbackServer::reply("", "404 Not Found"));
    if (json["completion"] == "nonsense") return send(LoopbackServer::reply("yes"));
    return send(LoopbackServer::reply(judged(body)));
  });
  const VerifyConfig config = http(*server);
  {
    const auto verifier = make_verifier(config);
    EXPECT_TRUE(verifier->verify(with_answer("5"), "5").correct);
    const Verdict wrong = verifier->verify(with_answer("5"), "6");
    EXPECT_FALSE(wrong.correct || wrong.ungraded);
    EXPECT_TRUE(
        verifier->verify(with_answer(std::string(3'000'000, 'x')), std::string(3'000'000, 'x')).correct);
    const int before = server->requests();
    const Verdict nowhere = verifier->verify(with_answer("5"), "nowhere");
    EXPECT_EQ(nowhere.reason, "undecided: the grader replied with status 404");
    EXPECT_TRUE(nowhere.ungraded && nowhere.failed);
    EXPECT_EQ(server->requests(), before + 1);
    EXPECT_TRUE(verifier->verify(with_answer("5"), "nonsense").failed);
  }
  server.reset();
  const Verdict verdict = asked(config);
  EXPECT_TRUE(verdict.failed);
  EXPECT_TRUE(
      verdict.reason.starts_with("undecided: the grader could not be reached at " + config.url + ": "))
      << verdict.reason;
}

// Bodies of three kinds, a header of many lines, and one line.
TEST(HttpVerifier, RepliesWithoutEndAreGivenUp) {
  const std::string spaces(100'000, ' '), line = "X-More: " + std::string(10'000, 'x') + "\r\n",
                                          body = "a reply of more than 1048576 bytes",
                                          header = "a header of more than 65536 bytes";
  struct Case {
    std::string begin, more, says;
  };
  for (const Case& c :
       {Case{"HTTP/1.1 200 OK\r\n\r\n", spaces, body},
        Case{"HTTP/1.1 200 OK\r\nContent-Length: 99000000000\r\n\r\n", spaces, body},
        Case{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n", spaces, body},
        Case{"HTTP/1.1 200 OK\r\n", line, header},
        Case{"HTTP/1.1 200 OK\r\nX-More: ", std::string(100'000, 'x'), ""}}) {
    std::atomic<std::size_t> taken = 0;
    {
      const LoopbackServer server([&](const std::string&, const Send& send) {
        bool open = send(c.begin);
        // An end to this test where the verifier knows none.
        while (open && taken < 1'000'000'000) {
          open = send(c.more);
          taken += c.more.size();
        }
        return false;
      });
      const Verdict verdict = asked(http(server, 60));
      EXPECT_TRUE(verdict.failed);
      if (!c.says.empty()) {
        EXPECT_EQ(verdict.reason, "undecided: the grader gave " + c.says) << c.begin;
        EXPECT_EQ(server.requests(), 1);  // the next reply would be no shorter
      }
    }
    EXPECT_LT(taken, 100'000'000u) << c.begin;  // what sockets hold, and a little
  }
}

// Bytes that keep coming do not buy time.
TEST(HttpVerifier, OneDeadlineForTheWholeReply) {
  for (const bool slow_header : {true, false}) {
    const LoopbackServer server([&](const std::string& body, const Send& send) {
      const std::string reply = LoopbackServer::reply(judged(body));
      const std::size_t header = reply.find("\r\n\r\n") + 4;
      if (!slow_header && !send(reply.substr(0, header))) return false;
      for (std::size_t i = slow_header ? 0 : header; i < reply.size(); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        if (!send(reply.substr(i, 1))) return false;
      }
      return true;
    });
    EXPECT_EQ(asked(http(server, 0.4)).reason, "undecided: the grader did not answer within 0.4 s");
  }
  const LoopbackServer silent([&](const std::string&, const Send&) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    return false;
  });
  EXPECT_EQ(asked(http(silent, 0.4)).reason, "undecided: the grader did not answer within 0.4 s");
}

TEST(HttpVerifier, TriesAgainWhatMayPass) {
  for (const bool drops : {true, false}) {
    std::atomic<int> bad = 2;
    const LoopbackServer server([&](const std::string& body, const Send& send) {
      if (bad-- <= 0) return send(LoopbackServer::reply(judged(body)));
      return !drops && send(LoopbackServer::reply("busy", "503 Service Unavailable"));
    });
    EXPECT_TRUE(asked(http(server)).correct);
    EXPECT_EQ(server.requests(), 3);
    bad = 1000;
    const std::string reason = asked(http(server)).reason;
    const std::string expected = drops ? "undecided: the grader broke off at " + server.url()
                                       : "undecided: the grader replied with status 503";
    EXPECT_TRUE(reason.starts_with(expected)) << reason;
    EXPECT_EQ(server.requests(), 6);
  }
}

TEST(Graders, AnIdThatIsATextIsNamed) {
  const LoopbackServer server([](const std::string& body, const Send& send) {
    Json reply = Json::parse(judged(body));
    reply["id"] = std::to_string(reply["id"].get<int>());
    return send(LoopbackServer::reply(dump(reply)));
  });
  const std::string expected =
      "undecided: the grader replied with the id \"1\", a text: it must be the number 1";
  EXPECT_EQ(asked(http(server)).reason, expected);
  EXPECT_EQ(asked(command(), "text id").reason, expected);
}

TEST(Graders, LongTextsAreCut) {
  const Verdict verdict = asked(command(), "long texts");
  EXPECT_EQ(verdict.extracted, std::string(997, 'e') + "...");
  EXPECT_EQ(verdict.reason, std::string(997, 'r') + "...");
}

}  // namespace
}  // namespace pope
