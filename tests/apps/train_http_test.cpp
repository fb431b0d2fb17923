// pope train with rollouts from a pope serve process that is given the weights: the same tokens, and the same
// weights up to rounding, as training with the native engine leaves; also where the server is killed
// meanwhile.
#include <gmock/gmock.h>
#include <httplib.h>

#include <csignal>

#include "apps/tiny_runs.h"

namespace pope {
namespace {

using testing::HasSubstr;

class TrainHttp : public TinyRuns {
 protected:
  ~TrainHttp() override { stop(); }
  // Starts pope serve, whose output goes to 5.txt, and waits until it answers.
  void serve(int port, const std::string& model = "model",
             const std::string& more = "--set serve.updates=true") {
    std::filesystem::remove(dir_ / "5.txt");
    server_ = start("serve " + model + " --port " + std::to_string(port) +
                        " --set serve.name=tiny --set run.threads=1 --set prompt.chat_template=plain " + more,
                    5, 1, 0);
    url_ = "http://127.0.0.1:" + std::to_string(port);
    for (int i = 0; i < 1500; ++i) {
      if (std::filesystem::exists(dir_ / "5.txt") && said(5).find("is served at") != std::string::npos)
        return;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    FAIL() << said(5);
  }
  void stop(int signal = SIGKILL) {
    if (server_ <= 0) return;
    ::kill(server_, signal);
    wait_for(server_);
    server_ = 0;
  }
  std::string train_http(const std::string& out) const {
    return train(out) + " --set engine.kind=http --set engine.urls=[" + url_ +
           "] --set engine.backoff_s=0.02";
  }
  // What was sampled and learned in each step.
  void expect_same_steps(const std::string& a, const std::string& b,
                         const std::vector<std::string>& keys) const {
    const std::vector<Json> left = rows_of(dir_ / (a + "/metrics.jsonl")),
                            right = rows_of(dir_ / (b + "/metrics.jsonl"));
    ASSERT_EQ(left.size(), right.size());
    for (std::size_t i = 0; i < left.size(); ++i)
      for (const std::string& key : keys)
        EXPECT_EQ(left[i][key], right[i][key]) << key << " of step " << i + 1;
  }

  const std::vector<std::string> kSampled = {"tokens/sampled", "rollouts/total", "reward/unguided",
                                             "groups/no_signal"};
  pid_t server_ = 0;
  std::string url_;
};

TEST_F(TrainHttp, LeavesWhatTheNativeEngineDoes) {
  ASSERT_EQ(run(train("native")), 0) << said(0);
  serve(free_port());
  ASSERT_EQ(run(train_http("http")), 0) << said(0);
  expect_same_steps("native", "http", kSampled);
  const std::vector<Json> rows = rows_of(dir_ / "http/metrics.jsonl");
  for (const Json& row : rows) {
    EXPECT_EQ(row["engine/published"], 1) << row["step"];
    EXPECT_EQ(row["engine/lag_max"], 0);
    EXPECT_LT(row["engine/gap"].get<double>(), 1e-4);
    EXPECT_LT(row.value("train_sampler_mismatch/max", 0.0), 1e-3);
    EXPECT_EQ(row["rollouts/total"], row["step"].get<int>() * 64);
  }
  // The server's batches are others, so that logprobs differ by rounding, which AdamW enlarges.
  EXPECT_LT(distance("native", "http"), 2e-4);
  // It stands with the last weights that were sampled with; a run that goes on gives it those of its
  // checkpoint.
  ASSERT_EQ(run(train("native") + " --set train.steps=8"), 0);
  ASSERT_EQ(run(train_http("http") + " --set train.steps=8"), 0) << said(0);
  expect_same_steps("native", "http", kSampled);
}

TEST_F(TrainHttp, AServerThatIsKilledCostsNoRollout) {
  const std::string longer = " --set train.steps=40";
  ASSERT_EQ(run(train("native") + longer), 0) << said(0);
  const int port = free_port();
  serve(port);
  const pid_t training = start(train_http("http") + longer, 0, 1, 0);
  for (int kills = 0; kills < 3; ++kills) {
    ASSERT_TRUE(has_begun("http", 3 + 8 * static_cast<std::size_t>(kills))) << said(0);
    stop(SIGKILL);
    serve(port);  // with the weights that training began with
  }
  ASSERT_EQ(wait_for(training), 0) << said(0);
  expect_rows("http", 40);
  // Rounding that differs may turn a draw in so many steps; a lost or doubled rollout would show in the
  // first.
  const std::vector<Json> native = rows_of(dir_ / "native/metrics.jsonl"),
                          http = rows_of(dir_ / "http/metrics.jsonl");
  for (std::size_t i = 0; i < 40; ++i) {
    EXPECT_EQ(http[i]["rollouts/total"], 64 * (i + 1));
    EXPECT_LT(http[i].value("train_sampler_mismatch/mean", 0.0), 1e-3) << "step " << i + 1;
  }
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(http[i]["tokens/sampled"], native[i]["tokens/sampled"]);
}

// Killed within a step, two steps behind its checkpoint: what was sampled is not asked for again, and the run
// ends as one that was not killed.
TEST_F(TrainHttp, AKilledRunDoesNotPayTwice) {
  const auto sampled = [&] {
    const httplib::Result reply = httplib::Client(url_).Get("/metrics");
    const std::string name = "\npope_sampled_tokens_total ";
    return std::stod(reply->body.substr(reply->body.find(name) + name.size()));
  };
  const auto lines_of = [](const std::filesystem::path& file) {
    const std::string text = std::filesystem::exists(file) ? read_file(file) : "";
    return std::count(text.begin(), text.end(), '\n');
  };
  const std::string longer = " --set train.steps=8 --set train.save_every=4 --set engine.connections=1";
  serve(free_port());
  ASSERT_EQ(run(train_http("whole") + longer), 0) << said(0);
  const double whole = sampled();
  const pid_t training = start(train_http("killed") + longer, 0, 1, 0);
  const std::filesystem::path journal = dir_ / "killed/journal/step-000007.jsonl";
  for (int i = 0; i < 10000 && !(std::filesystem::exists(journal) && lines_of(journal) >= 40); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  ::kill(training, SIGKILL);
  ASSERT_EQ(wait_for(training), -SIGKILL);
  ASSERT_TRUE(std::filesystem::exists(dir_ / "killed/checkpoints/step-000004"));
  ASSERT_EQ(lines_of(dir_ / "killed/journal/step-000006.jsonl"), 64);
  ASSERT_EQ(run(train_http("killed") + longer), 0) << said(0);
  const std::vector<Json> rows = rows_of(dir_ / "whole/metrics.jsonl");
  const double step = rows[7]["tokens/sampled"].get<double>() - rows[6]["tokens/sampled"].get<double>();
  // What was under way, and another proof of the weights; without the journal it were more than two steps.
  EXPECT_LT(sampled() - 2 * whole, step / 2);
  expect_rows("killed", 8);
  expect_same_steps("whole", "killed", kSampled);
  EXPECT_FALSE(std::filesystem::exists(dir_ / "killed/journal"));
}

TEST_F(TrainHttp, AnAdapterIsMergedByTheServer) {
  const std::string lora = " --set lora.rank=4 --set lora.alpha=8";
  ASSERT_EQ(run(train("native") + lora), 0) << said(0);
  serve(free_port());
  ASSERT_EQ(run(train_http("http") + lora), 0) << said(0);
  expect_same_steps("native", "http", kSampled);
  for (const Json& row : rows_of(dir_ / "http/metrics.jsonl"))
    EXPECT_LT(row["engine/gap"].get<double>(), 1e-4);
}

TEST_F(TrainHttp, WeightsThatAreHeldBackAreOlder) {
  serve(free_port());
  ASSERT_EQ(run(train_http("late") + " --set engine.publish_every=3"), 0) << said(0);
  std::vector<int> published, lag;
  for (const Json& row : rows_of(dir_ / "late/metrics.jsonl")) {
    published.push_back(row["engine/published"]);
    lag.push_back(row["engine/lag_max"]);
  }
  EXPECT_EQ(published, (std::vector<int>{1, 0, 0, 1, 0, 0}));
  EXPECT_EQ(lag, (std::vector<int>{0, 1, 2, 0, 1, 2}));
}

TEST_F(TrainHttp, AsyncModeSamplesOnWhileWeightsChange) {
  serve(free_port());
  ASSERT_EQ(run(train_http("async") + " --set train.mode=async --set async.max_lag=1 --set train.steps=12 "
                                      "--set objective.kind=truncated_is"),
            0)
      << said(0);
  expect_rows("async", 12);
  for (const Json& row : rows_of(dir_ / "async/metrics.jsonl")) {
    EXPECT_LE(row["async/lag_max"].get<int>(), 1);
    EXPECT_EQ(row["rollouts/total"], row["step"].get<int>() * 64);
  }
}

TEST_F(TrainHttp, AServerThatTakesNoWeightsOrRunsOthersIsRefused) {
  serve(free_port(), "model", "");
  EXPECT_EQ(run(train_http("refused")), 1);
  EXPECT_THAT(said(0), testing::AllOf(HasSubstr("403"), HasSubstr("--set serve.updates=true")));
  stop();
  serve(free_port());
  EXPECT_EQ(run(train_http("apart") + " --set engine.max_gap=1e-12"), 1);
  EXPECT_THAT(said(0), HasSubstr("nats a token of the weights that it was given"));
}

TEST_F(TrainHttp, AServerFollowsARunThatTrains) {
  serve(free_port(), "init", "--set serve.follow=run");
  ASSERT_EQ(run(train("run")), 0) << said(0);
  for (int i = 0; i < 500 && said(5).find("step-000006") == std::string::npos; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_THAT(said(5), HasSubstr("weights of run/checkpoints/step-000006"));
  // Its logprobs are those of the run's model.
  ASSERT_EQ(run("doctor --engine " + url_ + " --model run/model"), 0) << said(0);
  EXPECT_THAT(said(0), HasSubstr("the weights of --model"));
  EXPECT_THAT(said(0), testing::Not(HasSubstr("NOT the weights")));
}

}  // namespace
}  // namespace pope
