// pope agent as a command, with an engine that answers by the task: what each action does, shows and refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/run_verb.h"
#include "core/temp_dir.h"
#include "rollout/make_engine.h"
#include "rollout/text_engine.h"

namespace pope {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Right where the task says "easy".
std::string answer(const std::string& prompt, const Request&) {
  return prompt.find("easy") != std::string::npos ? "I add.\n```finish\n2\n```" : "```finish\n3\n```";
}

class AgentVerb : public testing::Test {
 protected:
  void SetUp() override {
    engines()["easy"] = [](const EngineConfig&, const EngineParts& parts) -> std::unique_ptr<Engine> {
      return std::make_unique<fake::TextEngine>(parts.tokenizer, answer);
    };
    std::string rows;
    for (const char* kind : {"easy", "easy", "hard"})
      rows +=
          dump({{"instruction", std::string("Add 1 and 1: ") + kind}, {"check", {{"answer", "2"}}}}) + "\n";
    write_file(dir_ / "tasks.jsonl", rows);
  }
  void TearDown() override { engines().erase("easy"); }
  Ran agent(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "agent");
    arguments.insert(arguments.end(), {"--store", (dir_ / "agent.db").string()});
    return run_verb(arguments);
  }
  Ran run() {
    return agent(
        {"run", "--model", kTokenizerFolder, "--set", "engine.kind=easy", "--set", "agent.max_failures=2"});
  }
  TempDir dir_;
};

TEST_F(AgentVerb, FromTasksToProblems) {
  const std::string tasks = (dir_ / "tasks.jsonl").string();
  EXPECT_EQ(agent({"add", tasks}).result["added"], 3);
  EXPECT_THAT(agent({"add", tasks}).shown, HasSubstr("0 of 3 tasks were new"));
  EXPECT_THAT(agent({"status"}).shown, HasSubstr("3 waiting"));
  EXPECT_THAT(run().shown,
              AllOf(HasSubstr("4 attempts: 2 passed, 2 failed"), HasSubstr("2 succeeded, 1 dead")));
  EXPECT_THAT(agent({"status"}).shown, AllOf(HasSubstr("dead: tasks-3"), HasSubstr("agent: arithmetic")));
  EXPECT_THAT(agent({"history"}).shown, AllOf(HasSubstr("tasks-1"), HasSubstr("unguided")));
  EXPECT_THAT(agent({"history", "1"}).shown,
              AllOf(HasSubstr("Add 1 and 1: easy"), HasSubstr("--- step 1 ---\nI add.")));
  EXPECT_EQ(agent({"report", "--out", (dir_ / "agent.html").string()}).result["action"], "report");
  EXPECT_THAT(read_file(dir_ / "agent.html"), HasSubstr("Weights of the approaches"));
  EXPECT_EQ(agent({"export", "--out", (dir_ / "out.jsonl").string()}).result["problems"], 2);
  EXPECT_EQ(rows_of(dir_ / "out.jsonl")[0]["solution"], "I add.\n2");
}

TEST_F(AgentVerb, TracesAreImportedListedAndRolledBack) {
  write_file(dir_ / "traces.jsonl",
             "{\"type\": \"arithmetic\", \"source\": \"senior\", \"steps\": [\"one\", \"two\"]}\n");
  EXPECT_THAT(agent({"traces", "import", (dir_ / "traces.jsonl").string()}).shown, HasSubstr("Imported 1"));
  EXPECT_THAT(agent({"traces"}).shown, HasSubstr("senior"));
  EXPECT_THAT(agent({"history", "traces"}).shown, HasSubstr("add"));
  EXPECT_THAT(agent({"traces", "rollback", "0"}).shown, HasSubstr("Undid 1"));
  EXPECT_THAT(agent({"traces"}).shown, HasSubstr("No traces"));
}

// A command of a check is the user's; whoever has it run what the model answers is told what that takes.
TEST_F(AgentVerb, ChecksWithoutASandboxAreSaidToRunWithTheUsersRights) {
  write_file(dir_ / "tasks.jsonl", dump({{"instruction", "Add 1 and 1: easy"},
                                         {"check", {{"command", "grep -q 2 $CHECK/answer.txt"}}}}) +
                                       "\n");
  agent({"add", (dir_ / "tasks.jsonl").string()});
  testing::internal::CaptureStderr();
  EXPECT_EQ(run().result["passed"], 1);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("1 tasks are checked by commands"));
}

TEST_F(AgentVerb, WhatIsRefused) {
  EXPECT_THAT(error_of([&] { agent({"status"}); }), HasSubstr("there is no store"));
  EXPECT_THROW(agent({"sttaus"}), UsageError);
  EXPECT_THROW(agent({"add"}), UsageError);
  agent({"add", (dir_ / "tasks.jsonl").string()});
  EXPECT_THROW(agent({"run"}), UsageError);
  EXPECT_THROW(agent({"report"}), UsageError);
  EXPECT_THROW(agent({"history", "one"}), UsageError);
  EXPECT_THAT(error_of([&] { agent({"history", "7"}); }), HasSubstr("no attempt 7"));
  EXPECT_THAT(error_of([&] {
                agent({"export", "--out", (dir_ / "x").string()});
              }),
              HasSubstr("nothing to export"));
  EXPECT_THAT(error_of([&] {
                agent({"status", "--set", "agent.approaches=[direkt]"});
              }),
              HasSubstr("did you mean 'direct'?"));
}

}  // namespace
}  // namespace pope
