// The program from outside: help, refusals with the nearest known word, exit codes, and what goes to stdout.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <regex>

#include "core/files.h"
#include "core/temp_dir.h"
#include "core/version.h"

namespace pope {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

struct Output {
  int code = -1;
  std::string out, err;
};

// Runs `pope ARGUMENTS` by the shell.
Output run_pope(const TempDir& dir, const std::string& arguments) {
  const std::string err = (dir / "stderr").string();
  const std::string command = std::string(POPE_BINARY) + " " + arguments + " 2>" + err;
  Output output;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return output;
  char buffer[4096];
  for (std::size_t size; (size = fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.out.append(buffer, size);
  const int status = pclose(pipe);
  output.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  output.err = read_file(err);
  return output;
}

const std::vector<std::string> kVerbs = {"mine",   "guide",    "train", "eval",  "sft",
                                         "report", "problems", "init",  "export"};

TEST(CommandLine, HelpListsEveryVerb) {
  TempDir dir;
  const Output help = run_pope(dir, "--help");
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(help.err, "");
  for (const std::string& verb : kVerbs) EXPECT_THAT(help.out, HasSubstr("\n  " + verb + " "));
  EXPECT_THAT(help.out, HasSubstr("Start here"));
  EXPECT_EQ(run_pope(dir, "").code, 2);
  EXPECT_EQ(run_pope(dir, "--version").out, std::string("pope ") + kVersion + "\n");
}

TEST(CommandLine, EveryVerbExplainsItself) {
  TempDir dir;
  for (const std::string& verb : kVerbs) {
    const Output help = run_pope(dir, verb + " --help");
    EXPECT_EQ(help.code, 0) << verb;
    EXPECT_THAT(help.out, AllOf(StartsWith("pope " + verb + ": "), HasSubstr("--set KEY=VALUE"),
                                HasSubstr("-c, --config FILE"), HasSubstr("\n  pope " + verb)));
    EXPECT_THAT(help.out, HasSubstr("Settings, with their defaults:\n  "));
  }
  const Output help = run_pope(dir, "mine --help --set nonsense=1");
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, AllOf(HasSubstr("mine.samples = 128"), HasSubstr("verify.kind = math"),
                              HasSubstr("--model VALUE"), Not(HasSubstr("train.steps"))));
}

TEST(CommandLine, MistypedWordsAreRefusedWithTheNearestOne) {
  TempDir dir;
  const Output verb = run_pope(dir, "trian --help");
  EXPECT_EQ(verb.code, 2);
  EXPECT_THAT(verb.err, AllOf(HasSubstr("unknown verb 'trian'"), HasSubstr("'pope train'")));
  const Output flag = run_pope(dir, "mine --modle x --out y");
  EXPECT_EQ(flag.code, 2);
  EXPECT_THAT(flag.err, AllOf(HasSubstr("unknown flag '--modle'"), HasSubstr("'--model'")));
  EXPECT_THAT(run_pope(dir, "eval --eval-sets=a=b --out y").err, HasSubstr("'--eval-set'"));
  const Output key = run_pope(dir, "mine --out y --set mine.sample=3");
  EXPECT_EQ(key.code, 1);
  EXPECT_THAT(key.err, AllOf(StartsWith("error: "), HasSubstr("'mine.sample'"), HasSubstr("'mine.samples'")));
  for (const Output& output : {verb, flag, key}) EXPECT_EQ(output.out, "");
}

TEST(CommandLine, WhatIsMissingOrTooMuchIsUsage) {
  TempDir dir;
  EXPECT_THAT(run_pope(dir, "mine").err, HasSubstr("--out DIR"));
  for (const char* arguments : {"mine", "mine stray --out x", "report", "init --out x", "init a b --out x",
                                "mine --out", "mine --set --out x", "--nonsense"}) {
    EXPECT_EQ(run_pope(dir, arguments).code, 2) << arguments;
  }
}

TEST(CommandLine, JsonIsTheOnlyThingOnStdout) {
  TempDir dir;
  const std::string file = dir / "p.jsonl";
  const Output made = run_pope(dir, "problems --json --seed 4 --set source.count=6 --out " + file);
  ASSERT_EQ(made.code, 0) << made.err;
  const Json result = Json::parse(made.out);
  EXPECT_EQ(result["problems"], 6);
  EXPECT_EQ(result["seed"], 4);
  int rows = 0;
  read_jsonl(file, [&](Json&&, std::size_t) { ++rows; });
  EXPECT_EQ(rows, 6);
  EXPECT_THAT(run_pope(dir, "problems --set source.count=6 --out " + file).out,
              HasSubstr("Wrote 6 problems"));
}

TEST(CommandLine, SettingsComeFromDefaultThenFilesThenFlags) {
  TempDir dir;
  write_file(dir / "a.yaml", "source: {count: 3, registers: 4}\nrun: {seed: 8}\n");
  write_file(dir / "b.yaml", "source: {count: 5}\n");
  const auto result_of = [&](const std::string& flags) {
    const Output output = run_pope(dir, "problems --json --out " + (dir / "p.jsonl").string() + " " + flags);
    EXPECT_EQ(output.code, 0) << output.err;
    return output.code == 0 ? Json::parse(output.out) : Json();
  };
  const std::string files = "-c " + (dir / "a.yaml").string() + " --config " + (dir / "b.yaml").string();
  EXPECT_EQ(result_of(files)["problems"], 5);
  EXPECT_EQ(result_of(files)["seed"], 8);
  EXPECT_EQ(result_of("--set source.count=7 " + files)["problems"], 7);
  EXPECT_EQ(result_of(files + " --seed 9")["seed"], 9);
}

TEST(CommandLine, ErrorsOfTheWorkAreExplainedWithCodeOne) {
  TempDir dir;
  const Output missing = run_pope(
      dir, "mine --model m --problems " + (dir / "none.jsonl").string() + " --out " + (dir / "run").string());
  EXPECT_EQ(missing.code, 1);
  EXPECT_EQ(missing.out, "");
  EXPECT_THAT(missing.err, AllOf(StartsWith("error: ["), HasSubstr("none.jsonl")));
  // What failed before anything was done does not bind the run directory to its settings.
  const Output again = run_pope(dir, "problems --set source.count=2 --out " + (dir / "p.jsonl").string());
  EXPECT_EQ(again.code, 0);
  const Output device = run_pope(dir, "mine --model m --problems " + (dir / "p.jsonl").string() +
                                          " --set run.device=cuda --out " + (dir / "run").string());
  EXPECT_EQ(device.code, 1);
  EXPECT_THAT(device.err, HasSubstr("run.device: expected cpu, got 'cuda'"));
  const Output model = run_pope(dir, "mine --model " + (dir / "no-model").string() + " --problems " +
                                         (dir / "p.jsonl").string() + " --out " + (dir / "run").string());
  EXPECT_EQ(model.code, 1);
  EXPECT_THAT(model.err, HasSubstr("no-model"));
  EXPECT_EQ(run_pope(dir, "problems --out /dev/full").code, 1);
  EXPECT_EQ(run_pope(dir, "--help >/dev/full").code, 1);
}

}  // namespace
}  // namespace pope
