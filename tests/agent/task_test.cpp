// Task files, and the external check.
#include "agent/task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "agent/check.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

using testing::HasSubstr;

Task read(const std::string& row) { return task_from_json(Json::parse(row), "f:1"); }
std::string refusal(const std::string& row) {
  return error_of([&] { read(row); });
}

TEST(Task, DefaultsAndWhatIsGiven) {
  const Task plain = read(R"({"instruction": "Compute 2+3.", "check": {"answer": "5"}})");
  EXPECT_EQ(plain.type, "arithmetic");
  EXPECT_EQ(limits_of(plain, {.steps = 5}).steps, 5);
  EXPECT_EQ(limits_of(plain, {.check_s = 7}).check_s, 7);
  const Task full = read(R"({"id": "x", "type": "own", "instruction": "Do it.", "priority": -2,
    "files": {"a/b.txt": "c"}, "limits": {"steps": 2, "seconds": 1.5},
    "check": {"command": "true", "timeout_s": 3, "files": {"t.py": "pass"}}})");
  EXPECT_EQ(full.type, "own");
  EXPECT_EQ(full.priority, -2);
  const TaskLimits limits =
      limits_of(full, {.steps = 5, .calls = 6, .tokens = 7, .seconds = 8, .check_s = 9});
  EXPECT_EQ(limits.steps, 2);
  EXPECT_EQ(limits.calls, 6);
  EXPECT_EQ(limits.tokens, 7);
  EXPECT_EQ(limits.seconds, 1.5);
  EXPECT_EQ(limits.check_s, 3);
  EXPECT_EQ(full.files.at("a/b.txt"), "c");
  // What is stored is what was given: the rest is for the settings of the day.
  EXPECT_EQ(to_json(plain)["check"], (Json{{"answer", "5"}}));
  EXPECT_FALSE(to_json(plain).contains("limits"));
  EXPECT_EQ(to_json(full)["limits"], (Json{{"steps", 2}, {"seconds", 1.5}}));
  EXPECT_EQ(dump(to_json(task_from_json(to_json(full), "again"))), dump(to_json(full)));
}

TEST(Task, WhatIsRefused) {
  EXPECT_THAT(refusal(R"({"instruction": "x"})"), HasSubstr("f:1: check is missing"));
  EXPECT_THAT(refusal(R"({"check": {"answer": "1"}})"), HasSubstr("instruction: expected a text"));
  EXPECT_THAT(refusal(R"({"instruction": "x", "check": {}})"), HasSubstr("a command or an answer, got none"));
  EXPECT_THAT(refusal(R"({"instruction": "x", "check": {"answer": "1", "command": "true"}})"),
              HasSubstr("got both"));
  EXPECT_THAT(refusal(R"({"instruction": "x", "check": {"answer": "1"}, "prioritty": 1})"),
              HasSubstr("did you mean 'priority'?"));
  EXPECT_THAT(refusal(R"({"instruction": "x", "check": {"answer": "1"}, "limits": {"steps": 0}})"),
              HasSubstr("limits: steps: expected a whole number from 1 to 1000, got 0"));
  EXPECT_THAT(refusal(R"({"instruction": "x", "check": {"answer": 1}})"),
              HasSubstr("answer: expected a text"));
  EXPECT_THAT(refusal(R"({"instruction": "x", "check": {"command": "true", "files": {"answer.txt": "1"}}})"),
              HasSubstr("answer.txt is the final answer"));
  for (const char* name : {"../x", "/etc/passwd", "a/../../x", "", "a/"})
    EXPECT_THAT(refusal(dump({{"instruction", "x"}, {"check", {{"answer", "1"}}}, {"files", {{name, ""}}}})),
                HasSubstr("within the folder"))
        << name;
}

TEST(Task, FilesOfTasks) {
  TempDir dir;
  write_file(dir / "chores.jsonl", R"({"instruction": "x", "check": {"answer": "1"}})"
                                   "\n"
                                   R"({"instruction": "y", "check": {"answer": "1"}, "id": "own"})"
                                   "\n");
  const std::vector<Task> tasks = read_tasks(dir / "chores.jsonl");
  ASSERT_EQ(tasks.size(), 2u);
  EXPECT_EQ(tasks[0].id, "chores-1");
  EXPECT_EQ(tasks[1].id, "own");
  write_file(dir / "empty.jsonl", "\n");
  EXPECT_THAT(error_of([&] { read_tasks(dir / "empty.jsonl"); }), HasSubstr("got an empty file"));
}

TEST(Task, TheClassifierGoesByWords) {
  EXPECT_EQ(classify("Write a Python function that adds."), "python");
  EXPECT_EQ(classify("Set \"a\" to 3 in config.json."), "json");
  EXPECT_EQ(classify("Use awk to print the second column"), "shell");
  EXPECT_EQ(classify("Rename the file a.txt"), "files");
  EXPECT_EQ(classify("Reverse the string 'abc'"), "strings");
  EXPECT_EQ(classify("What is the SUM of 3 and 4?"), "arithmetic");
  EXPECT_EQ(classify("Define summary"), "other");  // whole words
}

struct CheckTest : testing::Test {
  Checked ask(const Task& task, const std::string& answer, double timeout_s = 20) {
    std::filesystem::create_directories(dir / "scratch");
    return check_task(
        task, answer, dir / "check", timeout_s,
        [&](const std::string& command, double limit_s) {
          return run_check_command(command, limit_s, dir / "scratch", dir / "check");
        },
        *verifier);
  }
  Checked command(const std::string& command, double timeout_s = 20) {
    Task task{.id = "t", .type = "x", .instruction = "x"};
    task.check.command = command;
    task.check.files = {{"sub/gold.txt", "42"}};
    return ask(task, "the answer", timeout_s);
  }
  TempDir dir;
  std::unique_ptr<Verifier> verifier = make_verifier(VerifyConfig{});
};

TEST_F(CheckTest, AnExitStatusDecides) {
  EXPECT_EQ(command("exit 0").verified, Verified::passed);
  const Checked failed = command("echo no such line; exit 3");
  EXPECT_EQ(failed.verified, Verified::failed);
  EXPECT_EQ(failed.evidence, "exit status 3: no such line");
  EXPECT_EQ(command("test \"$(cat $CHECK/answer.txt)\" = 'the answer'").verified, Verified::passed);
  EXPECT_EQ(command("test \"$(cat $CHECK/sub/gold.txt)\" = 42 && pwd | grep -q scratch").verified,
            Verified::passed);
}

TEST_F(CheckTest, ACheckThatItselfFailsSaysNothing) {
  EXPECT_EQ(command("no-such-program").verified, Verified::unknown);
  EXPECT_EQ(command("kill -9 $$").verified, Verified::unknown);
  const auto start = std::chrono::steady_clock::now();
  const Checked slow = command("sleep 100 & sleep 100", 0.3);
  EXPECT_EQ(slow.verified, Verified::unknown);
  EXPECT_THAT(slow.evidence, HasSubstr("stopped after 0.3 s"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

TEST_F(CheckTest, NothingOfTheEnvironmentIsThere) {
  setenv("POPE_TEST_SECRET", "hidden", 1);
  EXPECT_EQ(command("test -z \"$POPE_TEST_SECRET\"").verified, Verified::passed);
}

TEST_F(CheckTest, TheVerifierComparesTheAnswer) {
  Task task{.id = "t", .type = "x", .instruction = "Halve 1."};
  task.check.answer = "1/2";
  EXPECT_EQ(ask(task, "It is \\boxed{0.5}").verified, Verified::passed);
  EXPECT_EQ(ask(task, "It is \\boxed{2}").verified, Verified::failed);
}

TEST(Process, KeepsTheFirstAndTheLastOfLongOutput) {
  ProcessSpec spec;
  spec.arguments = {"/bin/sh", "-c", "echo begin; yes x | head -c 3000000; echo end"};
  spec.environment = {{"PATH", "/usr/bin:/bin"}};
  spec.most_output = 100;
  const ProcessEnd end = run_process(spec);
  EXPECT_EQ(end.kind, ProcessEnd::Kind::exited);
  EXPECT_TRUE(end.output_cut);
  EXPECT_LT(end.output.size(), 200u);
  EXPECT_TRUE(end.output.starts_with("begin\n"));
  EXPECT_TRUE(end.output.ends_with("end\n")) << end.output;
}

TEST(Process, GetsItsInputAndLeavesNoChildren) {
  TempDir dir;
  ProcessSpec spec;
  spec.arguments = {"/bin/sh", "-c", "wc -c; (sleep 1; touch late) & exit 7"};
  spec.environment = {{"PATH", "/usr/bin:/bin"}};
  spec.folder = dir.path().string();
  spec.input = std::string(300000, 'x');
  const ProcessEnd end = run_process(spec);
  EXPECT_EQ(end.status, 7);
  EXPECT_THAT(end.output, HasSubstr("300000"));
  sleep(2);
  EXPECT_FALSE(std::filesystem::exists(dir / "late"));
}

}  // namespace
}  // namespace pope
