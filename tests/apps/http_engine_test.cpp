// The verbs over HTTP: a whole search against a fake server, a run that its server leaves half way, doctor's
// findings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "apps/run_verb.h"
#include "core/temp_dir.h"
#include "rollout/fake_server.h"

namespace pope {
namespace {

using pope::testing::FakeServer;
using pope::testing::Fault;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class HttpVerbs : public ::testing::Test {
 protected:
  FakeServer::Script script() const {
    FakeServer::Script script;
    // Solves what is easy, or shown with its first step.
    script.answer = [](const std::string& prompt) {
      const bool guided = prompt.find("Add the twos.") != std::string::npos;
      const bool easy = prompt.find("1+1") != std::string::npos;
      return easy ? " So \\boxed{2}." : guided ? " So \\boxed{4}." : " So \\boxed{5}.";
    };
    return script;
  }
  Ran run(const std::string& verb, const std::string& problems, const std::vector<std::string>& urls,
          const std::vector<std::string>& settings) const {
    std::vector<std::string> arguments = {verb,
                                          "--model",
                                          kTokenizerFolder,
                                          "--problems",
                                          (dir_ / problems).string(),
                                          "--out",
                                          (dir_ / verb).string(),
                                          "--set",
                                          "engine.kind=http",
                                          "--set",
                                          "engine.urls=" + dump(Json(urls)),
                                          "--set",
                                          "engine.backoff_s=0.002",
                                          "--set",
                                          "engine.give_up_s=0"};
    for (const std::string& setting : settings) {
      arguments.push_back("--set");
      arguments.push_back(setting);
    }
    return run_verb(arguments);
  }
  std::vector<Json> rows(const std::string& file) const { return rows_of(dir_ / file); }
  TempDir dir_;
  std::shared_ptr<const Tokenizer> tokenizer_ = load_tokenizer(kTokenizerFolder);
};

TEST_F(HttpVerbs, MineGuideCollectAndEval) {
  write_file(dir_ / "problems.jsonl",
             R"({"id": "hard", "problem": "2+2?", "answer": "4", )"
             R"("solution": "Add the twos.\nOne has two more than two.\nSo it is \\boxed{4}."})"
             "\n"
             R"({"id": "easy", "problem": "1+1?", "answer": "2"})"
             "\n");
  FakeServer a(script(), tokenizer_), b(script(), tokenizer_);
  const std::vector<std::string> urls = {a.url(), b.url() + "/v1"};
  const Json mined = run("mine", "problems.jsonl", urls, {"mine.samples=20", "mine.pass_at=[1]"}).result;
  EXPECT_EQ(mined["sets"]["hard"], 1);
  EXPECT_EQ(rows("mine/hard.jsonl").at(0)["id"], "hard");
  EXPECT_EQ(rows("mine/hard.jsonl").at(0)["mining"]["samples"], 20);
  EXPECT_GT(mined["tokens"], 0);
  EXPECT_EQ(run("guide", "mine/hard.jsonl", urls, {"guide.samples=2"}).result["found"], 1);
  EXPECT_EQ(rows("guide/guided.jsonl").at(0)["guidance"]["text"], "Add the twos.");
  EXPECT_EQ(run("collect", "guide/guided.jsonl", urls, {"collect.samples=2"}).result["traces"], 1);
  const Json evaluated =
      run("eval", "guide/guided.jsonl", urls, {"eval.samples=2", "eval.pass_at=[1]"}).result;
  EXPECT_EQ(evaluated["sets"][0]["pass"][0]["value"], 0.0);  // unguided
  EXPECT_EQ(evaluated["sets"][1]["pass"][0]["value"], 1.0);
  EXPECT_THAT(error_of([&] { run("train", "guide/guided.jsonl", urls, {}); }), HasSubstr("no config.json"));
}

// The server leaves in the middle; the run is started again once it is back.
TEST_F(HttpVerbs, ARunThatItsServerLeftGoesOn) {
  constexpr int kProblems = 40, kSamples = 10;
  std::string problems;
  for (int i = 0; i < kProblems; ++i)
    problems +=
        dump(Json{{"id", std::to_string(i)}, {"problem", std::to_string(i) + "?"}, {"answer", "4"}}) + "\n";
  write_file(dir_ / "problems.jsonl", problems);
  FakeServer::Script leaves = script();
  leaves.answer = nullptr;
  std::atomic<bool> gone = false;
  leaves.fault = [&](int request) {
    return gone || request == 60 ? (gone = true, Fault::broken) : Fault::none;
  };
  FakeServer server(leaves, tokenizer_);
  const std::vector<std::string> settings = {"eval.samples=10", "eval.keep_rollouts=10", "eval.pass_at=[1]",
                                             "engine.attempts=1", "sampling.batch_size=16"};
  EXPECT_THAT(error_of([&] { run("eval", "problems.jsonl", {server.url()}, settings); }),
              AllOf(HasSubstr("failed 1 times"), HasSubstr("what was finished is not lost")));
  const std::size_t finished = rows("eval/eval.partial.jsonl").size();
  EXPECT_GT(finished, 10U);
  EXPECT_LT(finished, std::size_t{kProblems});
  gone = false;
  const int before = server.requests();
  run("eval", "problems.jsonl", {server.url()}, settings);
  // Each problem takes two requests.
  EXPECT_EQ(server.requests() - before,
            2 * static_cast<int>(kProblems - finished) + pope::testing::kTrialRequests);
  std::set<std::pair<std::string, int>> seen;
  const std::vector<Json> records = rows("eval/rollouts/eval.jsonl.zst");
  for (const Json& record : records) seen.emplace(record["problem_id"], record["sample"].get<int>());
  EXPECT_EQ(records.size(), std::size_t{kProblems * kSamples});
  EXPECT_EQ(seen.size(), records.size());
}

TEST_F(HttpVerbs, DoctorSaysWhatAServerCanDo) {
  const auto doctor = [&](FakeServer::Script script, bool with_model = true) {
    FakeServer server(std::move(script), tokenizer_);
    std::vector<std::string> arguments = {"doctor", "--engine", server.url()};
    if (with_model) arguments.insert(arguments.end(), {"--model", kTokenizerFolder});
    return run_verb(arguments);
  };
  const Ran good = doctor({.tempered = true});
  EXPECT_THAT(
      good.shown,
      AllOf(HasSubstr("vllm, model 'fake', context 4,096 tokens"), HasSubstr("prompts     as token ids\n"),
            HasSubstr("samples     as token ids\n"), HasSubstr("at the sampling temperature\n"),
            HasSubstr("a request   8 samples\n"), HasSubstr("seeds       repeatable\n"),
            HasSubstr("tokenizer   same\n"), HasSubstr("not compared: give --model with its weights")));
  EXPECT_EQ(std::count(good.shown.begin(), good.shown.end(), '\n'), 10);
  EXPECT_EQ(good.result["servers"][0]["gap"], nullptr);

  const Ran poor =
      doctor({.kind = ServerKind::openai, .takes_ids = false, .logprobs = false, .heeds_n = false}, false);
  EXPECT_THAT(poor.shown,
              AllOf(HasSubstr("openai, model 'fake', context not told"), HasSubstr("prompts     as text"),
                    HasSubstr("samples     as text"), HasSubstr("logprobs    none"),
                    HasSubstr("1 samples, where 8 were asked for"), HasSubstr("tokenizer   not compared")));
  EXPECT_THAT(doctor({}).shown, HasSubstr("but at temperature 1"));
  EXPECT_THAT(error_of([&] { doctor({.heeds_seed = false}); }), HasSubstr("cannot be sampled from as it is"));
  EXPECT_THAT(error_of([&] {
                run_verb({"doctor", "--engine", "http://127.0.0.1:1"});
              }),
              HasSubstr("cannot be sampled from as it is"));
}

}  // namespace
}  // namespace pope
