// The executor end to end, with a model that is played: what an attempt is, what is learned, who may end a
// task.
#include "agent/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>

#include "agent/fake_agent.h"
#include "agent/learner_store.h"
#include "agent/redact.h"
#include "core/rng.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Task sum(const std::string& id, const std::string& type = "arithmetic") {
  Task task{.id = id, .type = type, .instruction = "Add 1 and 1 (" + id + ")."};
  task.check.answer = "2";
  return task;
}

class RunTest : public testing::Test {
 protected:
  RunTest() {
    config_.backoff_s = 0.01;
    config_.scratch = dir_.path().string();
    std::filesystem::permissions(dir_.path(), std::filesystem::perms::all);
  }
  void add(const std::vector<Task>& tasks) {
    Database database(store_);
    open_schema(database);
    Queue(database).add(tasks);
  }
  Json run(const fake::Says& says) {
    fake::PlayedModel played(says);
    if (context_ > 0) played.engine.context_tokens = context_;
    return run_agent({.store = store_, .config = config_, .model = played.model, .verifier = *verifier_});
  }
  // An attempt with a plan that was stopped by request: the next one must follow the plan.
  void release(const AttemptPlan& plan) {
    Database database(store_);
    Queue queue(database);
    const Lease claim = queue.claim("w", "agent", now_ms(), 1000).value();
    queue.record_plan(claim, plan, "key", "{}");
    queue.finish(claim, AttemptEnd{.released = true}, config_.retries(), now_ms());
  }
  // The rows of a query, columns joined by a bar.
  std::vector<std::string> rows(const std::string& sql, int columns = 1) {
    Database database(store_);
    Query query(database, sql);
    std::vector<std::string> all;
    while (query.next()) {
      std::string row = query.text(0);
      for (int i = 1; i < columns; ++i) row += "|" + query.text(i);
      all.push_back(row);
    }
    return all;
  }
  TempDir dir_;
  std::filesystem::path store_ = dir_ / "store.db";
  AgentConfig config_;
  std::int64_t context_ = 0;
  std::unique_ptr<Verifier> verifier_ = make_verifier(VerifyConfig{});
};

using fake::finish;

TEST_F(RunTest, AnAnswerThatTheCheckTakesEndsATask) {
  add({sum("a"), sum("b")});
  std::string seen;
  const Json result = run([&](const std::string& conversation, std::uint64_t) {
    seen = conversation;
    return finish("The answer is 2");
  });
  EXPECT_EQ(result["passed"], 2);
  EXPECT_EQ(result["calls"], 2);
  EXPECT_EQ(result["succeeded"], 2);
  EXPECT_THAT(seen, AllOf(HasSubstr("Add 1 and 1 (b)."), HasSubstr("1 messages, 8000 tokens and 600 seconds"),
                          HasSubstr("You have no tools"), Not(HasSubstr("```shell"))));
  EXPECT_THAT(rows("select end, executed, claimed, verified, mode, own_steps, calls from attempts", 7),
              testing::Each("passed|1|1|1|unguided|1|1"));
}

TEST_F(RunTest, WhatTheAgentClaimsIsNotWhatTheCheckSays) {
  config_.max_failures = 2;
  add({sum("a")});
  run([&](const std::string&, std::uint64_t) { return finish("I am sure that it is 3"); });
  EXPECT_THAT(rows("select end, executed, claimed, verified from attempts", 4),
              testing::Each("failed|1|1|0"));
  EXPECT_THAT(rows("select state from tasks"), testing::ElementsAre("dead"));
}

TEST_F(RunTest, AFailedTaskIsNeverGivenTheSamePromptAgain) {
  config_.max_failures = 20;
  add({sum("a")});
  std::set<std::string> prompts;
  int calls = 0;
  run([&](const std::string& conversation, std::uint64_t) {
    prompts.insert(conversation);
    ++calls;
    return finish("3");
  });
  EXPECT_EQ(calls, 5);
  EXPECT_EQ(prompts.size(), 5u);
  EXPECT_THAT(rows("select reason from tasks")[0], HasSubstr("every way to go about it was tried (5)"));
  EXPECT_EQ(rows("select distinct approach from attempts").size(), 5u);
}

TEST_F(RunTest, ABrokenEngineIsAFaultAndTheSamePromptIsGivenAgain) {
  add({sum("a")});
  std::set<std::string> prompts;
  int calls = 0;
  const Json result = run([&](const std::string& conversation, std::uint64_t) -> std::string {
    prompts.insert(conversation);
    if (++calls < 3) throw Error("sample", "the server is away");
    return finish("2");
  });
  EXPECT_EQ(prompts.size(), 1u);
  EXPECT_EQ(result["faults"], 2);
  EXPECT_THAT(rows("select end, cause from attempts", 2),
              testing::ElementsAre("fault|[sample] the server is away", "fault|[sample] the server is away",
                                   "passed|"));
  EXPECT_THAT(rows("select state, failures, faults from tasks", 3), testing::ElementsAre("succeeded|0|2"));
}

// Tasks name what they need; the rest is as the settings say on the day.
TEST_F(RunTest, LimitsThatATaskDoesNotNameAreThoseOfTheRun) {
  config_.max_failures = 3;
  config_.limits.tokens = 20;
  add({sum("a")});
  const auto says = [](const std::string&, std::uint64_t) { return std::string(500, 'x'); };
  config_.max_calls = 1;
  run(says);
  config_.limits.tokens = 30;
  run(says);
  EXPECT_THAT(rows("select tokens from attempts order by number"), testing::ElementsAre("20", "30"));
}

// A plan that must be followed, but whose approach is no longer in use, is made anew.
TEST_F(RunTest, AnApproachThatIsGoneIsNotFollowed) {
  config_.approaches = {"direct"};
  add({sum("a")});
  release({.approach = "own"});
  EXPECT_EQ(run([](const std::string&, std::uint64_t) { return finish("2"); })["passed"], 1);
  EXPECT_THAT(rows("select approach, end from attempts order by number", 2),
              testing::ElementsAre("own|released", "direct|passed"));
}

// A trace that is gone leaves a plan without help: where that was tried, another one is made.
TEST_F(RunTest, APlanWhoseTraceIsGoneIsNotTheSamePromptAgain) {
  config_.approaches = {"direct", "decompose"};
  add({sum("a")});
  std::vector<std::string> prompts;
  const auto says = [&](const std::string& conversation, std::uint64_t) {
    prompts.push_back(conversation);
    return finish("3");
  };
  config_.max_calls = 1;
  run(says);
  release({.approach = rows("select approach from attempts")[0],
           .mode = Mode::guided,
           .trace = 7,
           .prefix_steps = 2});
  run(says);
  ASSERT_EQ(prompts.size(), 2u);
  EXPECT_NE(prompts[0], prompts[1]);
}

TEST_F(RunTest, ACheckThatItselfFailsIsNeitherSuccessNorFailure) {
  config_.max_faults = 2;
  Task task = sum("a");
  task.check = {.command = "no-such-checker"};
  add({task});
  run([&](const std::string&, std::uint64_t) { return finish("2"); });
  EXPECT_THAT(rows("select end, claimed, verified is null from attempts", 3), testing::Each("fault|1|1"));
  EXPECT_THAT(rows("select state, failures from tasks", 2), testing::ElementsAre("dead|0"));
  EXPECT_THAT(rows("select json_extract(state, '$.ended') from learners"), testing::ElementsAre("0"));
}

TEST_F(RunTest, TheLearnerMovesByTheChecksWordAndItsStatesAreRecorded) {
  config_.approaches = {"direct", "decompose"};
  std::vector<Task> tasks;
  for (int i = 0; i < 30; ++i) tasks.push_back(sum("t" + std::to_string(i)));
  add(tasks);
  run([&](const std::string& conversation, std::uint64_t) {
    return finish(conversation.find("smallest parts") != std::string::npos ? "3" : "2");
  });
  Database database(store_);
  const LearnerState state = load_learner(database, "agent", "arithmetic");
  EXPECT_EQ(state.approaches.at("direct").weight(), 0.9);
  EXPECT_LT(state.approaches.at("decompose").weight(), 0.5);
  const auto attempts = rows("select approach from attempts order by number");
  EXPECT_THAT(std::vector(attempts.end() - 20, attempts.end()), testing::Each("direct"));
  const Json before = Json::parse(rows("select weights_before from attempts order by number desc")[0]);
  const Json after = Json::parse(rows("select weights_after from attempts order by number")[0]);
  EXPECT_EQ(before["ended"], 29 + static_cast<int>(attempts.size()) - 30);
  EXPECT_EQ(after["ended"], 1);
}

TEST_F(RunTest, ARunIsAFunctionOfItsSeed) {
  const auto history = [&](const std::string& name) {
    store_ = dir_ / name;
    std::vector<Task> tasks;
    for (int i = 0; i < 12; ++i) tasks.push_back(sum("t" + std::to_string(i)));
    add(tasks);
    run([&](const std::string&, std::uint64_t key) { return finish(key % 3 == 0 ? "2" : "3"); });
    return rows("select task, approach, end from attempts order by number", 3);
  };
  EXPECT_EQ(history("one.db"), history("two.db"));
}

TEST_F(RunTest, LimitsEndAnAttemptAndTheCheckIsAskedAllTheSame) {
  config_.max_failures = 1;
  Task task = sum("a");
  task.limits.tokens = 20;
  add({task});
  run([&](const std::string&, std::uint64_t) { return std::string(500, 'x'); });
  EXPECT_THAT(rows("select end, executed, claimed, verified, tokens, cause from attempts", 6),
              testing::ElementsAre("failed|1|0|0|20|the tokens were used up; no answer was given"));
  store_ = dir_ / "context.db";
  add({sum("a")});
  context_ = 100;
  run([&](const std::string&, std::uint64_t) { return finish("2"); });
  EXPECT_THAT(rows("select cause from attempts")[0], HasSubstr("fills the model's context"));
}

TEST_F(RunTest, TheCallBudgetStopsARun) {
  config_.max_calls = 3;
  add({sum("a"), sum("b"), sum("c"), sum("d"), sum("e")});
  const Json result = run([&](const std::string&, std::uint64_t) { return finish("2"); });
  EXPECT_EQ(result["calls"], 3);
  EXPECT_EQ(result["waiting"], 2);
}

TEST_F(RunTest, ToolsAreUsedStepByStepInTheSandbox) {
  if (!Sandbox::unavailable().empty()) GTEST_SKIP() << Sandbox::unavailable();
  config_.sandbox = true;
  Task task = sum("a");
  task.files = {{"data/in.txt", "3\n4\n"}};
  task.check = {.command = "test \"$(cat out.txt)\" = 7 && test \"$(cat $CHECK/answer.txt)\" = done",
                .files = {{"gold.txt", "7"}}};
  add({task});
  std::vector<std::string> conversations;
  const std::string says[] = {"First I look.\n```read\ndata/in.txt\n```",
                              "```shell\nls $CHECK; cat /check/gold.txt\n```",
                              "no action",
                              "```write it's/my file\n7\n```",
                              "```shell\ncp \"it's/my file\" out.txt\n```",
                              finish("done")};
  const Json result = run([&](const std::string& conversation, std::uint64_t) {
    conversations.push_back(conversation);
    return says[conversations.size() - 1];
  });
  ASSERT_EQ(conversations.size(), 6u) << rows("select cause from attempts")[0];
  EXPECT_THAT(conversations[1], HasSubstr("What came of it:\n3\n4\n"));
  EXPECT_THAT(conversations[2],
              AllOf(HasSubstr("No such file"), Not(HasSubstr("\n7\n"))));  // the check is hidden
  EXPECT_THAT(conversations[3], HasSubstr("No action was found"));
  EXPECT_EQ(result["passed"], 1);
  EXPECT_THAT(rows("select own_steps, calls from attempts", 2), testing::ElementsAre("5|6"));
  const Json steps = Json::parse(rows("select steps from attempts")[0]);
  EXPECT_EQ(steps[0]["tool"], "read");
  EXPECT_EQ(steps[3]["seen"], "written\n");
  // Nothing is left.
  for (const auto& entry : std::filesystem::directory_iterator(dir_.path()))
    EXPECT_THAT(entry.path().string(), Not(HasSubstr("pope-agent-")));
}

TEST_F(RunTest, WithoutASandboxNothingThatTheModelSaysIsRun) {
  config_.max_failures = 1;
  add({sum("a")});
  const std::string victim = (dir_ / "victim").string();
  const std::string reply = "```shell\ntouch " + victim + "\n```";
  run([&](const std::string&, std::uint64_t) { return reply; });
  EXPECT_FALSE(std::filesystem::exists(victim));
  EXPECT_EQ(Json::parse(rows("select steps from attempts")[0])[0]["tool"], "finish");  // it is the answer
}

// Whoever fills the disk has failed at the task: the check could not run there.
TEST_F(RunTest, AFolderThatIsTooFullIsAFailureAndNoFault) {
  if (!Sandbox::unavailable().empty()) GTEST_SKIP() << Sandbox::unavailable();
  config_.sandbox = true;
  config_.sandbox_limits.disk_mb = 2;
  config_.max_failures = 1;
  Task by_command = sum("a"), by_answer = sum("b");
  by_command.check = {.command = "true"};
  add({by_command, by_answer});
  run([](const std::string& conversation, std::uint64_t) {
    return conversation.find("What came of it") == std::string::npos
               ? "```shell\nfor i in 1 2 3 4; do head -c 1000000 /dev/zero > f$i; done\n```"
               : finish("2");
  });
  EXPECT_THAT(rows("select task, end, evidence from attempts order by number", 3),
              testing::ElementsAre("a|failed|the working folder holds more than 2 MB on the disk",
                                   testing::StartsWith("b|passed|")));
}

// The sandbox can be there for the check alone, which may run what the model answers.
TEST_F(RunTest, WithoutToolsTheSandboxIsForTheCheck) {
  if (!Sandbox::unavailable().empty()) GTEST_SKIP() << Sandbox::unavailable();
  config_.sandbox = true;
  config_.tool_format = "none";
  config_.max_failures = 1;
  Task answer = sum("a"), tool = sum("b");
  answer.check = {.command = "test \"$(sh $CHECK/answer.txt)\" = /work"};
  add({answer, tool});
  run([](const std::string& conversation, std::uint64_t) {
    EXPECT_THAT(conversation, AllOf(HasSubstr("You have no tools"), Not(HasSubstr("```shell"))));
    return conversation.find("(a)") != std::string::npos ? finish("pwd") : "```shell\npwd\n```";
  });
  EXPECT_THAT(rows("select end, calls from attempts order by number", 2),
              testing::ElementsAre("passed|1", "failed|1"));
}

// What a command prints is nothing to the executor, even where it looks like a fault of the sandbox.
TEST_F(RunTest, OutputThatLooksLikeAFaultIsNone) {
  if (!Sandbox::unavailable().empty()) GTEST_SKIP() << Sandbox::unavailable();
  config_.sandbox = true;
  add({sum("a")});
  int calls = 0;
  const Json result = run([&](const std::string&, std::uint64_t) {
    return ++calls == 1 ? "```shell\necho 'bwrap: no namespaces'; exit 1\n```" : finish("2");
  });
  EXPECT_EQ(result["faults"], 0);
  EXPECT_EQ(result["passed"], 1);
}

TEST_F(RunTest, SecretsAreRedactedBeforeTheyAreStored) {
  config_.max_failures = 1;
  add({sum("a")});
  run([&](const std::string&, std::uint64_t) {
    return finish("password=hunter22 and sk-abcdefghijklmnopqrstuvwx");
  });
  EXPECT_THAT(
      rows("select steps from attempts")[0],
      AllOf(Not(HasSubstr("hunter22")), Not(HasSubstr("abcdefghijkl")), HasSubstr("password=[redacted]")));
}

TEST_F(RunTest, SeveralWorkersShareAStore) {
  config_.workers = 4;
  std::vector<Task> tasks;
  for (int i = 0; i < 40; ++i) tasks.push_back(sum("t" + std::to_string(i), "type" + std::to_string(i % 3)));
  add(tasks);
  const Json result =
      run([&](const std::string&, std::uint64_t key) { return finish(key % 2 == 0 ? "2" : "3"); });
  EXPECT_EQ(result["waiting"], 0);
  EXPECT_EQ(rows("select task from attempts where end = 'passed'").size(),
            result["succeeded"].get<std::size_t>());
  // Every outcome was learned from, none twice.
  EXPECT_THAT(rows("select sum(json_extract(state, '$.ended')) from learners"),
              testing::ElementsAre(std::to_string(rows("select 1 from attempts").size())));
}

// Whole executors, killed at random: no task is lost, none is done twice, and what was learned fits the
// record.
TEST_F(RunTest, KilledExecutorsLoseNothing) {
  config_.lease_s = 1;
  config_.max_faults = 1000;
  config_.max_failures = 1000;
  std::vector<Task> tasks;
  for (int i = 0; i < 60; ++i) tasks.push_back(sum("t" + std::to_string(i)));
  add(tasks);
  const auto start = [&] {
    const pid_t pid = fork();
    if (pid == 0) {
      run([](const std::string&, std::uint64_t key) {
        usleep(static_cast<unsigned>(key % 20000));
        return finish(key % 4 == 0 ? "3" : "2");
      });
      _exit(0);
    }
    return pid;
  };
  std::vector<pid_t> workers = {start(), start()};
  RngStream random(2, {key_of("kills")});
  for (int i = 0; i < 25; ++i) {
    usleep(static_cast<unsigned>(random.below(60000)));
    pid_t& victim = workers[random.below(2)];
    kill(victim, SIGKILL);
    waitpid(victim, nullptr, 0);
    victim = start();
  }
  for (const pid_t pid : workers) waitpid(pid, nullptr, 0);
  EXPECT_THAT(rows("select count(*) from tasks where state = 'succeeded'"), testing::ElementsAre("60"));
  EXPECT_THAT(rows("select count(*), count(distinct task) from attempts where end = 'passed'", 2),
              testing::ElementsAre("60|60"));
  EXPECT_THAT(rows("select count(*) from attempts where end is null"), testing::ElementsAre("0"));
  EXPECT_EQ(rows("select json_extract(state, '$.ended') from learners"),
            rows("select count(*) from attempts where end in ('passed', 'failed')"));
}

TEST(Redact, SecretsByTheirLooks) {
  const std::map<std::string, std::string> cases = {
      {"key sk-proj-abcdefghij0123456789XYZ.", "key [redacted]."},
      {"ghp_0123456789abcdefghijABCDEFGHIJ012345 x", "[redacted] x"},
      {"AKIAIOSFODNN7EXAMPLE", "[redacted]"},
      {"Authorization: Bearer abc.def-ghi", "Authorization: Bearer [redacted]"},
      {"{\"api_key\": \"0123456789\"}", "{\"api_key\": \"[redacted]\"}"},
      {"DB_PASSWORD=tr0ub4dor next", "DB_PASSWORD=[redacted] next"},
      {"https://joe:secretpw@host/x", "https://joe:[redacted]@host/x"},
      {"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nafter", "[redacted]\nafter"},
      {"-----BEGIN PRIVATE KEY-----\nMIIE and no end", "[redacted]"},
      {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "[redacted]"},
      {"At most 8000 tokens: steps 3", "At most 8000 tokens: steps 3"},
      {"the password is long; a skill, 12 tokens", "the password is long; a skill, 12 tokens"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(redacted(text), expected);
    EXPECT_EQ(redacted(redacted(text)), expected);
  }
  const std::string large(1 << 20, 'a');
  EXPECT_EQ(redacted(large), large);
  EXPECT_EQ(redacted("\xff"), "\xEF\xBF\xBD");
}

}  // namespace
}  // namespace pope
