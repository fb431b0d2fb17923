// The live report: a page, what is new of it, and runs that vanish while they are looked at.
#include "serve/watch.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <fstream>
#include <regex>
#include <thread>

#include "report/fake_runs.h"
#include "report/live.h"
#include "serve/raw_client.h"

namespace pope {
namespace {

using testing::body_of;
using testing::get;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Watch : public ::testing::Test {
 protected:
  std::filesystem::path make_run(int steps) {
    const auto path = fake_.run("run", "train", "POPE", 1, "train:\n  steps: 10\n  prompts_per_step: 4\n");
    for (int i = 1; i <= steps; ++i) add_step(path, i);
    return path;
  }
  static void add_step(const std::filesystem::path& path, int step) {
    append_jsonl(path / "metrics.jsonl", {{"step", step},
                                          {"groups/no_signal", 3},
                                          {"time/step_s", 8},
                                          {"time/sampler_wait_s", 2},
                                          {"time/learner_wait_s", 4}});
  }
  void serve(const std::filesystem::path& path) {
    WatchConfig config;
    config.every_s = 0.2;
    live_ = std::make_unique<LiveReport>(std::vector{path}, ReportConfig{}, config);
    server_ = std::make_unique<WebServer>("127.0.0.1", 0, WebLimits{},
                                          [this](WebExchange& exchange) { live_->answer(exchange); });
  }
  static std::string tag_of(const std::string& answer) {
    std::smatch match;
    return std::regex_search(answer, match, std::regex("ETag: (\"[0-9a-f]+\")")) ? match[1].str() : "";
  }
  // The first answer that the wanted text is in.
  std::string update_with(const std::string& text) {
    std::string answer;
    for (int i = 0; i < 200; ++i) {
      answer = get(server_->port(), "/update");
      if (answer.find(text) != std::string::npos) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return answer;
  }

  testing::FakeRuns fake_;
  std::unique_ptr<LiveReport> live_;
  std::unique_ptr<WebServer> server_;
};

TEST_F(Watch, TheUpdateIsWhatThePageWouldShow) {
  const auto run = make_run(2);
  serve(run);
  const std::string page = body_of(get(server_->port(), "/"));
  EXPECT_THAT(page, HasSubstr("connect-src 'self'"));
  EXPECT_THAT(page, HasSubstr("<b>2</b> of 10 steps"));
  EXPECT_THAT(page, HasSubstr("<b>25\u00a0%</b> of it sampling waited for learning"));
  EXPECT_THAT(page, HasSubstr("<b>50\u00a0%</b> of it learning waited for rollouts"));
  EXPECT_THAT(page, HasSubstr("<b>3 of 4</b> groups without signal in step 2"));
  const std::string first = get(server_->port(), "/update"), tag = tag_of(first);
  ASSERT_NE(tag, "");
  const Json update = Json::parse(body_of(first));
  EXPECT_EQ(update["sections"][0]["id"], "live");
  for (const Json& section : update["sections"])
    EXPECT_THAT(page, HasSubstr(section["html"].get<std::string>()));
  EXPECT_THAT(get(server_->port(), "/update", "If-None-Match: " + tag + "\r\n"), StartsWith("HTTP/1.1 304 "));
  add_step(run, 3);
  write_jsonl(run / "rollouts" / "step-3.jsonl.zst", {testing::rollout("fresh", "text", false, true)});
  update_with("fresh");
  const std::string grown = update_with("<b>3</b> of 10 steps");
  EXPECT_THAT(grown, HasSubstr("fresh"));
  EXPECT_NE(tag_of(grown), tag);
  EXPECT_TRUE(Json::parse(body_of(grown))["data"]["rollouts"][0].contains("written"));
}

TEST_F(Watch, ARunThatVanishesOrIsHalfWrittenIsSaid) {
  const auto run = make_run(2);
  serve(run);
  const std::filesystem::path away = run.string() + "-away";
  std::filesystem::rename(run, away);
  const std::string gone = update_with("X-Pope-Trouble");
  EXPECT_THAT(gone, HasSubstr("X-Pope-Trouble: "));
  EXPECT_THAT(gone, HasSubstr("<b>2</b> of 10 steps"));
  std::filesystem::rename(away, run);
  { std::ofstream(run / "metrics.jsonl", std::ios::app) << "{\"step\": 3, \"groups/no_si"; }
  const std::string torn = update_with("damaged line");
  EXPECT_THAT(torn, HasSubstr("damaged line"));
  EXPECT_THAT(torn, Not(HasSubstr("X-Pope-Trouble")));
  EXPECT_THAT(torn, HasSubstr("<b>2</b> of 10 steps"));
}

TEST_F(Watch, AnswersNothingElse) {
  serve(make_run(1));
  EXPECT_THAT(get(server_->port(), "/../../etc/passwd"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(testing::post(server_->port(), "/", "x"), StartsWith("HTTP/1.1 405 "));
}

TEST_F(Watch, KnowsWhoIsAtWork) {
  const auto run = make_run(1);
  EXPECT_EQ(is_held(run), false);
  const int fd = ::open((run / "lock").c_str(), O_RDWR | O_CREAT, 0644);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(is_held(run), false);
  ASSERT_EQ(::flock(fd, LOCK_EX), 0);
  EXPECT_EQ(is_held(run), true);
  ::close(fd);
  EXPECT_EQ(is_held(run), false);
}

}  // namespace
}  // namespace pope
