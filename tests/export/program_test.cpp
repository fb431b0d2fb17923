// pope export as a program: its files, to the byte, and the reward file under python3 without any package.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "core/files.h"
#include "core/temp_dir.h"
#include "export/export.h"
#include "export/reward_file.h"

namespace pope {
namespace {

using testing::AllOf;
using testing::HasSubstr;
namespace fs = std::filesystem;

const fs::path kGolden = fs::path(POPE_SOURCE_DIR) / "tests/golden/export";

struct Ran {
  int code = -1;
  std::string out, err;
};

// `pope` with the arguments of a shell, in `dir`.
Ran run_pope(const TempDir& dir, const std::string& arguments) {
  const std::string line =
      fmt::format("cd '{}' && '{}' {} >out.txt 2>err.txt", dir.path().string(), POPE_BINARY, arguments);
  const int status = std::system(line.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(dir / "out.txt"),
          read_file(dir / "err.txt")};
}

// The settings of the paper, with the objective that each trainer has.
std::string command_of(const std::string& format, const std::string& out) {
  const std::string configs = std::string(POPE_SOURCE_DIR) + "/configs/";
  const bool own = format == "jsonl" || format == "prime-rl";
  return fmt::format(
      "export {0} -c {1}qwen3_4b.yaml {2} --model Qwen/Qwen3-4B-Instruct-2507 --problems {3}/problems.jsonl "
      "--easy "
      "{3}/easy.jsonl --set mixture.easy=0.5 --set train.prompts_per_step=5 --set train.eval_every=50 "
      "--eval-set "
      "two={3}/easy.jsonl --out {4}",
      format, configs, own ? "" : "-c " + configs + "objectives/" + format + ".yaml", kGolden.string(), out);
}

std::map<std::string, std::string> files_in(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files[fs::relative(entry.path(), folder).string()] = read_file(entry.path());
  }
  return files;
}

// Where a format has the reward, which is the same file in all.
std::string reward_place(const std::string& format) {
  return (format == "prime-rl" ? "pope_taskset/pope_taskset/" : "") + std::string(kRewardFile);
}

// POPE_WRITE_GOLDENS=1 makes the goldens anew, to be read before they are committed.
TEST(ExportProgram, FilesAreTheGoldenOnes) {
  for (const auto& [format, unused] : export_formats()) {
    const TempDir dir;
    const Ran ran = run_pope(dir, command_of(format, "out"));
    ASSERT_EQ(ran.code, 0) << ran.err;
    std::map<std::string, std::string> files = files_in(dir.path() / "out");
    const auto taken = files.extract(reward_place(format));
    ASSERT_TRUE(taken) << format;
    const std::string& reward = taken.mapped();
    if (std::getenv("POPE_WRITE_GOLDENS") != nullptr) {
      fs::remove_all(kGolden / format);
      for (const auto& [name, content] : files) write_file(kGolden / format / name, content);
      write_file(kGolden / kRewardFile, reward);
    }
    EXPECT_EQ(files, files_in(kGolden / format)) << format;
    EXPECT_EQ(reward, read_file(kGolden / kRewardFile)) << format;
  }
}

TEST(ExportProgram, SaysWhatItWroteAndFindsItsOwnWork) {
  const TempDir dir;
  const Ran first = run_pope(dir, command_of("verl", "verl"));
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_THAT(first.out, AllOf(HasSubstr("  3 prompts  unguided\n"), HasSubstr("  2 prompts  guided\n"),
                               HasSubstr("verl.trainer.main_ppo"), HasSubstr("cut off")));
  EXPECT_EQ(run_pope(dir, command_of("verl", "verl")).out, first.out);
  const Ran other = run_pope(dir, command_of("trl", "verl"));
  EXPECT_EQ(other.code, 1);
  EXPECT_THAT(other.err, HasSubstr("verl exists, with other content"));
}

TEST(ExportProgram, MistakesAreNamed) {
  const TempDir dir;
  EXPECT_THAT(run_pope(dir, "export verll --out x").err, AllOf(HasSubstr("'verll'"), HasSubstr("verl")));
  EXPECT_THAT(run_pope(dir, "export verl --out x").err, HasSubstr("--problems"));
  EXPECT_THAT(run_pope(dir, "export hf --out x").err, HasSubstr("--model"));
}

// The reward file with the standard library alone: verdicts, threads, a fork, a process that was killed.
TEST(ExportProgram, TheRewardFileNeedsNothingButPython) {
  if (std::system("python3 -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null") != 0)
    GTEST_SKIP() << "no python3";
  const TempDir dir;
  const Ran exported = run_pope(dir, command_of("jsonl", "out"));
  ASSERT_EQ(exported.code, 0) << exported.err;
  write_file(dir.path() / "try.py", R"PY(
import json, os, signal, sys, threading
sys.path.insert(0, "out")
import pope_reward as r

rows = [json.loads(line) for line in open("out/mixture.jsonl", encoding="utf-8")]
row = next(row for row in rows if row["id"] == "sum" and row["guided"])
assert "Both are quarters." in row["prompt"][-1]["content"] and row["set"] == "guided", row
def score(text): return r.compute_score("guided", text, row["answer"], {"grading": row["grading"]})
assert score("So \\boxed{0.5}.") == {"score": 1.0, "acc": 1.0, "undecided": 0.0, "pred": "0.5"}, score("So \\boxed{0.5}.")
assert score("So \\boxed{0.25}.")["score"] == 0.0
assert r.compute_score("any", "the answer is 3", "3")["score"] == 1.0
# TRL: texts and conversations; a completion of the longest length was cut off.
ids = [[1], [1], [1] * r.MAX_NEW_TOKENS, [1]]
said = ["\\boxed{8}", [{"role": "assistant", "content": "\\boxed{9}"}], "\\boxed{8}", "Ü \u2028 \\boxed{8}"]
assert r.correct(completions=said, answer=["8"] * 4, completion_ids=ids, set=["x"] * 4) == [1.0, 0.0, 0.0, 1.0]
# Many at a time: each gets its own verdict.
wrong = []
def many(k):
    for i in range(50):
        if r.judge(f"\\boxed{{{k * 50 + i}}}", str(k * 50 + i + i % 2))["correct"] == bool(i % 2): wrong.append((k, i))
threads = [threading.Thread(target=many, args=(k,)) for k in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
assert not wrong, wrong
# Killed by somebody: another one is started.
os.kill(r.VERIFIER._process.pid, signal.SIGKILL); r.VERIFIER._process.wait()
assert r.judge("\\boxed{8}", "8")["correct"]
# A forked process has one of its own.
before = r.VERIFIER._process.pid
child = os.fork()
if child == 0:
    os._exit(0 if r.judge("\\boxed{8}", "8")["correct"] and r.VERIFIER._process.pid != before else 1)
assert os.waitpid(child, 0)[1] == 0
assert r.judge("\\boxed{9}", "8")["correct"] is False and r.VERIFIER._process.pid == before
try:
    r.VERIFIER.verdict({"gold": 8, "pred": "8"})
    raise SystemExit("a gold that is no text was taken")
except ValueError as error:
    assert "gold" in str(error), error
os.environ["POPE"] = "/nowhere/pope"
r.VERIFIER._begin_anew()
try:
    r.judge("1", "1")
    raise SystemExit("no program, no error")
except FileNotFoundError as error:
    assert "/nowhere/pope" in str(error)
)PY");
  const std::string run = fmt::format("cd '{}' && env -u PYTHONPATH POPE='{}' python3 -S try.py",
                                      dir.path().string(), POPE_BINARY);
  EXPECT_EQ(std::system(run.c_str()), 0);
}

// One line in, one line out, at once; what is no row is answered, too.
TEST(VerifyStream, EachRowIsAnswered) {
  const TempDir dir;
  write_file(dir.path() / "in", R"({"id": 7, "gold": "\\frac12", "pred": "0.5"}
{"id": "x", "gold": "8", "pred": "It is \\boxed{9}", "form": "response"}

{"id": [1], "gold": "8"}
no row
{"id": 9, "gold": "9 5", "problem": "3 =9 14 =5", "modulus": 17, "pred": "6 9 =5 0 5", "guidance": "=9"}
)");
  const auto run = [&](const std::string& settings) {
    const Ran ran = run_pope(dir, "verify - " + settings + " < in");
    EXPECT_EQ(ran.code, 0) << ran.err;
    std::vector<Json> rows;
    read_jsonl(dir / "out.txt", [&](Json&& row, std::size_t) { rows.push_back(std::move(row)); });
    return rows;
  };
  const std::vector<Json> replies = run("");
  ASSERT_EQ(replies.size(), 5u);
  EXPECT_EQ(replies[0].at("id"), 7);
  EXPECT_EQ(replies[0].at("correct"), true);
  EXPECT_EQ(replies[1].at("id"), "x");
  EXPECT_EQ(replies[1].at("correct"), false);
  EXPECT_EQ(replies[1].at("extracted"), "9");
  EXPECT_EQ(replies[2].at("id"), Json::array({1}));
  EXPECT_THAT(replies[2].at("error").get<std::string>(), HasSubstr("line 4: expected a text \"pred\""));
  EXPECT_FALSE(replies[3].contains("id"));
  EXPECT_THAT(replies[3].at("error").get<std::string>(), HasSubstr("line 5"));
  // The guidance is what the completion goes on from.
  EXPECT_EQ(run("--set verify.kind=walks")[4].at("correct"), true);
}

}  // namespace
}  // namespace pope
