// The program from outside, stopped and started again: what may be changed, what a stop leaves, and how
// limits of the system are met.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <thread>

#include "apps/tiny_model.h"
#include "core/files.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class ResumeTest : public testing::Test {
 protected:
  void SetUp() override {
    write_file(dir_ / "tiny.yaml", R"(
run: {threads: 1, seed: 7}
source: {walks: 1, modulus: 5}
prompt: {chat_template: plain, system: "", unguided: "{problem} :", guided: "{problem} given {guidance} :",
  guided_silent: "{problem} silently {guidance} :"}
verify: {kind: walks}
sampling: {max_new_tokens: 8, batch_size: 32}
optimizer: {lr: 3.0e-3}
mixture: {guided: 0}
mine: {samples: 8, pass_at: [1]}
train: {steps: 2, prompts_per_step: 4, rollouts_per_prompt: 4}
)");
    write_file(dir_ / "tiny.json", test::tiny_model(2));
    ASSERT_EQ(pope("problems --set source.count=20 --out " + path("p.jsonl")), 0) << err_;
    ASSERT_EQ(pope("init " + path("tiny.json") + " --out " + path("init")), 0) << err_;
  }

  std::string path(const std::string& name) const { return dir_ / name; }

  // Starts `pope ARGUMENTS -c tiny.yaml` by the shell, after `before` there.
  pid_t start(const std::string& arguments, const std::string& before = "") {
    const std::string command = before + "exec " + POPE_BINARY + " " + arguments + " -c " +
                                path("tiny.yaml") + " >" + path("out") + " 2>" + path("err");
    const pid_t child = fork();
    if (child == 0) {
      execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      _exit(127);
    }
    return child;
  }
  // Its exit code, or minus the signal that ended it; err_ is what it wrote to stderr.
  int wait_for(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    err_ = read_file(path("err"));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  int pope(const std::string& arguments, const std::string& before = "") {
    return wait_for(start(arguments, before));
  }
  int train(const std::string& out, const std::string& more = "") {
    return pope("train --model " + path("init") + " --problems " + path("p.jsonl") + " --out " + path(out) +
                " --set objective.entropy_coef=0.1 --set objective.regularize_without_signal=true" + more);
  }
  // Waits until `file` has so many lines; false where the child has ended before.
  bool wait_for_lines(pid_t child, const std::string& file, int lines) {
    for (;;) {
      std::string text;
      if (fs::exists(path(file))) text = read_file(path(file));
      if (std::count(text.begin(), text.end(), '\n') >= lines) return true;
      siginfo_t ended{};
      if (waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOHANG | WNOWAIT) != 0 ||
          ended.si_pid != 0)
        return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  std::vector<Json> rows(const std::string& run) const {
    std::vector<Json> rows;
    read_jsonl(dir_ / run / "metrics.jsonl", [&](Json&& row, std::size_t) {
      Json kept = Json::object();
      for (auto& [key, value] : row.items())
        if (!key.starts_with("time/")) kept[key] = value;
      rows.push_back(kept);
    });
    return rows;
  }
  std::string model(const std::string& run) const {
    return read_file(dir_ / run / "model/model.safetensors");
  }

  TempDir dir_;
  std::string err_;
};

TEST_F(ResumeTest, ALongerRunExtendsAFinishedOne) {
  ASSERT_EQ(train("whole", " --set train.steps=4"), 0) << err_;
  ASSERT_EQ(train("run"), 0) << err_;
  EXPECT_TRUE(model("run") != model("whole"));
  ASSERT_EQ(train("run", " --set train.steps=4 --set train.keep=1 --set optimizer.schedule=constant"), 0)
      << err_;
  EXPECT_THAT(err_, AllOf(HasSubstr("note: train.steps: the run has '2', now given '4'"),
                          HasSubstr("note: train.keep: the run has '2', now given '1'"),
                          HasSubstr("resuming after step 2 of 4")));
  EXPECT_EQ(read_json(dir_ / "run/result.json")["steps"], 4);
  EXPECT_EQ(rows("run"), rows("whole"));
  EXPECT_TRUE(model("run") == model("whole"));
  EXPECT_EQ(train("run", " --set train.steps=3"), 1);
  EXPECT_THAT(err_, HasSubstr("train.steps: the run has '4', now given '3'; it may become larger"));
  // Without a checkpoint there is nothing to make longer.
  fs::remove_all(dir_ / "run/checkpoints");
  EXPECT_EQ(train("run", " --set train.steps=5"), 1);
  EXPECT_THAT(err_, HasSubstr("is complete and has no checkpoint to go on from"));
  EXPECT_EQ(read_json(dir_ / "run/result.json")["steps"], 4);
}

TEST_F(ResumeTest, AScheduleThatFollowsTheStepsIsSaid) {
  const std::string cosine = " --set optimizer.schedule=cosine";
  ASSERT_EQ(train("run", cosine), 0) << err_;
  ASSERT_EQ(train("run", cosine + " --set train.steps=3"), 0) << err_;
  EXPECT_THAT(err_, HasSubstr("note: optimizer.schedule and optimizer.warmup follow the number of steps"));
}

TEST_F(ResumeTest, AModelThatIsGoneIsMadeAgain) {
  ASSERT_EQ(train("run"), 0) << err_;
  const std::string before = model("run");
  fs::remove_all(dir_ / "run/model");
  ASSERT_EQ(train("run"), 0) << err_;
  EXPECT_THAT(err_, HasSubstr("run was complete, but model/ is gone"));
  EXPECT_TRUE(model("run") == before);
  ASSERT_EQ(train("run"), 0) << err_;
  EXPECT_THAT(err_, HasSubstr("run is complete"));
}

TEST_F(ResumeTest, ACompleteRunIsOneWithHarmlessChanges) {
  const std::string mine = "mine --model " + path("init") + " --out " + path("mine") + " --problems ";
  ASSERT_EQ(pope(mine + path("p.jsonl")), 0) << err_;
  write_file(dir_ / "mine/mined.partial.jsonl", "{}\n");  // killed before it was removed
  ASSERT_EQ(
      pope(
          mine + path("./p.jsonl") +
          " --set run.threads=2 --set sampling.batch_size=8 --set verify.workers=2 --set verify.timeout_s=3"),
      0)
      << err_;
  EXPECT_THAT(err_, HasSubstr("mine is complete; this is its result"));
  EXPECT_FALSE(fs::exists(dir_ / "mine/mined.partial.jsonl"));
  write_file(dir_ / "p.jsonl", read_file(dir_ / "p.jsonl") + "\n");
  EXPECT_EQ(pope(mine + path("p.jsonl")), 1);
  EXPECT_THAT(err_,
              HasSubstr("was started with other content of:\n  " + path("p.jsonl") + " (paths.problems)\n"));
}

TEST_F(ResumeTest, ASignalStopsTrainingAfterAStep) {
  const std::string train = "train --model " + path("init") + " --problems " + path("p.jsonl") + " --out " +
                            path("run") + " --set train.steps=1000000";
  for (const auto& [signal, code] : {std::pair(SIGTERM, 143), std::pair(SIGINT, 130)}) {
    const bool resumed = fs::exists(path("run/metrics.jsonl"));
    const int before = resumed ? static_cast<int>(rows("run").size()) : 0;
    const pid_t child = start(train);
    ASSERT_TRUE(wait_for_lines(child, "run/metrics.jsonl", before + 2)) << read_file(path("err"));
    kill(child, signal);
    EXPECT_EQ(wait_for(child), code) << err_;
    const int step = rows("run").back()["step"];
    EXPECT_THAT(err_,
                HasSubstr("stopped after step " + std::to_string(step) + "; give the same command to go on"));
    EXPECT_EQ(read_json(dir_ / "run/checkpoints" / fmt::format("step-{:06}", step) / "state.json")["step"],
              step);
    EXPECT_EQ(rows("run").size(), static_cast<std::size_t>(step));
  }
}

TEST_F(ResumeTest, ASignalStopsSamplingAndKeepsWhatIsFinished) {
  const pid_t child = start("mine --model " + path("init") + " --out " + path("mine") + " --problems " +
                            path("p.jsonl") + " --set mine.samples=4096 --set mine.adaptive=false");
  ASSERT_TRUE(wait_for_lines(child, "mine/mined.partial.jsonl", 1)) << read_file(path("err"));
  kill(child, SIGINT);
  EXPECT_EQ(wait_for(child), 130) << err_;
  std::size_t kept = 0;
  read_jsonl(dir_ / "mine/mined.partial.jsonl", [&](Json&&, std::size_t) { ++kept; });
  EXPECT_THAT(err_, HasSubstr(fmt::format("stopped with {} finished and kept; give the same command", kept)));
  EXPECT_FALSE(fs::exists(dir_ / "mine/result.json"));
}

TEST_F(ResumeTest, ARunThatIsMovedAwayIsAnError) {
  const pid_t child = start("mine --model " + path("init") + " --out " + path("mine") + " --problems " +
                            path("p.jsonl") + " --set mine.samples=4096 --set mine.adaptive=false");
  ASSERT_TRUE(wait_for_lines(child, "mine/mined.partial.jsonl", 1)) << read_file(path("err"));
  fs::rename(path("mine"), path("moved"));
  EXPECT_EQ(wait_for(child), 1) << err_;
  EXPECT_THAT(err_, HasSubstr("mine was removed, moved or replaced while this command ran"));
  EXPECT_FALSE(fs::exists(path("mine/result.json")));
}

TEST_F(ResumeTest, InitAndExportFindTheirOwnWork) {
  const std::string init = "init " + path("tiny.json") + " --out " + path("init");
  EXPECT_EQ(pope(init), 0) << err_;
  EXPECT_EQ(pope(init + " --seed 8"), 1);
  EXPECT_THAT(err_, HasSubstr("init exists, with other content"));
  const std::string out = "export hf --model " + path("init") + " --out " + path("hf");
  EXPECT_EQ(pope(out), 0) << err_;
  EXPECT_EQ(pope(out), 0) << err_;
  EXPECT_EQ(pope(out + " --set run.dtype=bf16"), 1);
  EXPECT_THAT(err_, HasSubstr("hf exists, with other content"));
  EXPECT_EQ(pope("export hf --model " + path("init") + " --out " + path("p.jsonl")), 1);
}

TEST_F(ResumeTest, AFileSizeLimitIsAnError) {
  EXPECT_EQ(pope("init " + path("tiny.json") + " --seed 8 --out " + path("other"), "ulimit -f 8; "), 1);
  EXPECT_THAT(err_, AllOf(StartsWith("error: "), HasSubstr("File too large"), HasSubstr("ulimit -f")));
  EXPECT_FALSE(fs::exists(path("other")));
}

TEST_F(ResumeTest, TooLittleMemoryIsSaidInOneMessage) {
  // From where libtorch cannot be initialised to where a batch does not fit.
  int short_of_memory = 0;
  for (const int mebibytes : {400, 430, 460, 500, 550, 600, 700}) {
    fs::remove_all(dir_ / "run");
    const int code =
        pope("train --model " + path("init") + " --problems " + path("p.jsonl") + " --out " + path("run") +
                 " --set sampling.batch_size=100000 --set train.prompts_per_step=4096",
             fmt::format("ulimit -v {}; ", mebibytes * 1024));
    if (code == 0 || code == 127) continue;  // 127: the system could not even load it
    ++short_of_memory;
    EXPECT_EQ(code, 1) << mebibytes << err_;
    EXPECT_THAT(err_, AllOf(HasSubstr("error: out of memory\n  hint: "), testing::Not(HasSubstr("frame #"))))
        << mebibytes;
  }
  EXPECT_GT(short_of_memory, 0);
}

// 64 threads with their stacks.
TEST_F(ResumeTest, TooLittleMemoryForGradersIsSaid) {
  EXPECT_EQ(
      pope("train --model " + path("init") + " --problems " + path("p.jsonl") + " --out " + path("run") +
               " --set verify.kind=command --set verify.command=cat --set verify.workers=64",
           "ulimit -s 16384; ulimit -v 1000000; "),
      1)
      << err_;
  EXPECT_THAT(err_, testing::AnyOf(HasSubstr("error: out of memory\n  hint: "),
                                   HasSubstr("hint: lower verify.workers")));
}

}  // namespace
}  // namespace pope
