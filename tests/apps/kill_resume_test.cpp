// A run that is killed with SIGKILL at random moments and started again leaves the same bytes as an unbroken
// one: weights, and metrics up to the wall-clock keys; or, where it only samples, the same per problem. The
// moments are drawn over the measured time of the unbroken run, so that they fall into start-up, sampling,
// learning and checkpoint writing alike.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "apps/tiny_model.h"
#include "core/event_file.h"
#include "core/files.h"
#include "core/rng.h"

namespace pope {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

pid_t start(const std::vector<std::string>& arguments, const fs::path& log) {
  const pid_t child = fork();
  if (child == 0) {
    if (!freopen(log.c_str(), "a", stdout) || !freopen(log.c_str(), "a", stderr)) _exit(126);
    std::vector<char*> argv;
    std::string binary = POPE_BINARY;
    argv.push_back(binary.data());
    std::vector<std::string> copy = arguments;
    for (auto& argument : copy) argv.push_back(argument.data());
    argv.push_back(nullptr);
    execv(argv[0], argv.data());
    _exit(127);
  }
  return child;
}

// Exit status, or −signal.
int wait_for(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

class KillResume : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(::testing::TempDir()) / ("pope-kill-" + std::to_string(getpid()));
    fs::create_directories(root_);
    write_file(root_ / "tiny.yaml", R"(
run: {threads: 1}
source: {walks: 2, modulus: 5, demonstrator: 0.7}
prompt: {chat_template: plain, system: "", unguided: "{problem} :", guided: "{problem} given {guidance} :",
  guided_silent: "{problem} silently {guidance} :"}
verify: {kind: walks}
sampling: {max_new_tokens: 8, batch_size: 32}
optimizer: {lr: 3.0e-3}
guide: {boundary: word, grid: 3, samples: 4}
sft: {epochs: 1, batch_size: 16, save_every: 3}
train: {steps: 12, prompts_per_step: 8, rollouts_per_prompt: 4, save_every: 1, rollouts_every: 2, eval_every: 5, eval_samples: 2}
)");
    write_file(root_ / "tiny.json", test::tiny_model(2));
    run({"problems", "--set", "source.part=pretrain", "--set", "source.count=1500", "--out",
         path("pretrain.jsonl")});
    run({"problems", "--set", "source.count=20", "--out", path("hard.jsonl")});
    // Of one walk: training meets successes, and so moves the weights.
    run({"problems", "--set", "source.count=20", "--set", "source.walks=1", "--out", path("easy.jsonl")});
    run({"init", path("tiny.json"), "--out", path("init")});
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string path(const std::string& name) const { return (root_ / name).string(); }
  std::vector<std::string> with_config(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"-c", path("tiny.yaml"), "--seed", "7"});
    return arguments;
  }
  void run(const std::vector<std::string>& arguments) {
    ASSERT_EQ(wait_for(start(with_config(arguments), root_ / "log")), 0) << read_file(root_ / "log");
  }

  // Runs `arguments` + --out `name` with up to `kills` kills, each after a random part of `seconds`. Returns
  // how many hit.
  int run_with_kills(std::vector<std::string> arguments, const std::string& name, double seconds, int kills) {
    arguments = with_config(arguments);
    arguments.insert(arguments.end(), {"--out", path(name)});
    RngStream random(11, {key_of(name)});
    int hits = 0;
    for (int i = 0; i < kills; ++i) {
      const pid_t child = start(arguments, root_ / "log");
      // A third of the time at most: the run goes on from kill to kill, and the machine may be quicker now.
      std::this_thread::sleep_for(std::chrono::duration<double>(seconds / 3 * random.uniform()));
      kill(child, SIGKILL);
      const int status = wait_for(child);
      EXPECT_TRUE(status == -SIGKILL || status == 0) << read_file(root_ / "log");
      hits += status == -SIGKILL;
    }
    EXPECT_EQ(wait_for(start(arguments, root_ / "log")), 0) << read_file(root_ / "log");
    return hits;
  }

  // metrics.jsonl without the wall-clock keys and those of async mode alone.
  std::vector<Json> metrics(const std::string& name) const {
    std::vector<Json> rows;
    read_jsonl(root_ / name / "metrics.jsonl", [&](Json&& row, std::size_t) {
      Json kept = Json::object();
      for (auto& [key, value] : row.items())
        if (!key.starts_with("time/") && !key.starts_with("async/")) kept[key] = value;
      rows.push_back(kept);
    });
    return rows;
  }

  // The steps that TensorBoard shows.
  std::vector<std::int64_t> shown_steps(const std::string& name) const {
    std::vector<std::int64_t> steps;
    for (const ReadEvent& event : read_event_folder(root_ / name / "tensorboard"))
      if (!event.scalars.empty()) steps.push_back(event.step);
    return steps;
  }

  // Leaves NAME-whole, unbroken, and NAME-killed. Returns the seconds of the first.
  double run_whole_and_killed(const std::vector<std::string>& arguments, const std::string& name) {
    const auto begin = Clock::now();
    auto whole = arguments;
    whole.insert(whole.end(), {"--out", path(name + "-whole")});
    run(whole);
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    EXPECT_GT(run_with_kills(arguments, name + "-killed", seconds, 6), 0) << "no kill fell into the run";
    return seconds;
  }

  double expect_same(const std::vector<std::string>& arguments, const std::string& name) {
    const double seconds = run_whole_and_killed(arguments, name);
    EXPECT_EQ(read_file(root_ / (name + "-whole") / "model" / "model.safetensors"),
              read_file(root_ / (name + "-killed") / "model" / "model.safetensors"));
    EXPECT_EQ(metrics(name + "-whole"), metrics(name + "-killed"));
    EXPECT_FALSE(metrics(name + "-whole").empty());
    std::vector<std::int64_t> steps;
    for (const Json& row : metrics(name + "-whole")) steps.push_back(row["step"]);
    EXPECT_EQ(shown_steps(name + "-whole"), steps);
    EXPECT_EQ(shown_steps(name + "-killed"), steps);
    return seconds;
  }

  // Scheduling after a kill differs, so batches round differently and the order of rollouts is another; what
  // each problem got is the same.
  void expect_same_problems(const std::vector<std::string>& arguments, const std::string& name,
                            const std::string& file) {
    run_whole_and_killed(arguments, name);
    const auto result = [&](const std::string& run_name) {
      Json json = read_json(root_ / run_name / "result.json");
      for (const char* key : {"out", "seconds", "tokens", "tokens_saved", "peak_memory_bytes"})
        json.erase(key);
      return json;
    };
    EXPECT_EQ(result(name + "-whole"), result(name + "-killed"));
    if (file.empty()) return;
    EXPECT_EQ(read_file(root_ / (name + "-whole") / file), read_file(root_ / (name + "-killed") / file));
  }

  fs::path root_;
};

TEST_F(KillResume, MineGuideEvalAndCollectGiveEachProblemTheSame) {
  expect_same_problems({"mine", "--model", path("init"), "--problems", path("hard.jsonl")}, "mine",
                       "mined.jsonl");
  expect_same_problems({"guide", "--model", path("init"), "--problems", path("hard.jsonl")}, "guide",
                       "guided.jsonl");
  expect_same_problems({"eval", "--model", path("init"), "--problems", path("guide-whole") + "/guided.jsonl",
                        "--set", "eval.overlap=true"},
                       "eval", "");
  expect_same_problems(
      {"collect", "--model", path("init"), "--problems", path("guide-whole") + "/guided.jsonl", "--set",
       "collect.prompt=star", "--set", "collect.samples=128"},
      "collect", "");
}

// Killed with the runs that it has started: they end with it.
TEST_F(KillResume, ReproduceGivesTheSameVerdicts) {
  write_file(root_ / "plan/arms.yaml", R"(
config: [../tiny.yaml]
steps:
  pretrain: {verb: problems, out: pretrain.jsonl, set: {source.part: pretrain, source.count: 1500}}
  hard: {verb: problems, out: hard.jsonl, set: {source.count: 20}}
  init: {verb: init, argument: ../tiny.json}
  base: {verb: sft, set: {paths.model: "@init", paths.problems: "@pretrain"}}
gate:
  attempts: [base]
  conditions: [{id: any, claim: anything goes, metric: final/gate/unguided/pass@1, below: 1.5}]
  eval: {set: {paths.eval_sets: ["gate=@hard"], eval.samples: 4, eval.pass_at: [1]}}
train: {set: {paths.model: "@base/model", paths.problems: "@hard", mixture.guided: 0, paths.eval_sets: ["hard=@hard"]}}
eval: {set: {paths.eval_sets: ["hard=@hard"], eval.samples: 4, eval.pass_at: [1]}}
arms:
  base-model: {label: Base model, model: "@base/model"}
  plain: {label: GRPO, rl_seeds: all}
)");
  write_file(root_ / "plan/one.yaml", R"(
title: One study
claims:
  - {id: solves-more, claim: more, metric: final/hard/unguided/pass@1, of: plain, minus: base-model, above: 0}
  - {id: rises, claim: rises, metric: reward/unguided, of: plain@late, minus: plain@early, above: 0}
)");
  run_whole_and_killed(
      {"reproduce", "one", "--set", "reproduce.plan=" + path("plan"), "--bases", "2", "--rl-seeds", "2"},
      "reproduce");
  const auto claims = [&](const std::string& name) {
    return read_json(root_ / name / "claims.json")["claims"];
  };
  ASSERT_EQ(claims("reproduce-whole").size(), 2u);
  EXPECT_EQ(claims("reproduce-whole"), claims("reproduce-killed"));
  EXPECT_EQ(claims("reproduce-whole")[0]["id"], "one/solves-more");
  EXPECT_EQ(claims("reproduce-whole")[0]["left_values"][1].size(), 2u);  // RL seeds of base 8
  EXPECT_EQ(read_file(root_ / "reproduce-whole/paper.md"), read_file(root_ / "reproduce-killed/paper.md"));
}

TEST_F(KillResume, SftAndTrainEqualAnUnbrokenRun) {
  expect_same({"sft", "--model", path("init"), "--problems", path("pretrain.jsonl")}, "sft");
  const std::vector<std::string> train = {"train",
                                          "--model",
                                          path("sft-whole") + "/model",
                                          "--problems",
                                          path("easy.jsonl"),
                                          "--set",
                                          "mixture.guided=0",
                                          "--set",
                                          "paths.eval_sets=[hard=" + path("easy.jsonl") + "]"};
  const double seconds = expect_same(train, "train");
  // The comparison means something only if training moved the weights.
  EXPECT_TRUE(read_file(root_ / "sft-whole" / "model" / "model.safetensors") !=
              read_file(root_ / "train-whole" / "model" / "model.safetensors"));

  const auto async = [&](const std::string& max_lag) {
    auto arguments = train;
    arguments.insert(arguments.end(), {"--set", "train.mode=async", "--set", "async.max_lag=" + max_lag});
    return arguments;
  };
  // At lag 0 it is the synchronous run, killed or not.
  EXPECT_GT(run_with_kills(async("0"), "lag0-killed", seconds, 6), 0);
  EXPECT_TRUE(read_file(root_ / "train-whole" / "model" / "model.safetensors") ==
              read_file(root_ / "lag0-killed" / "model" / "model.safetensors"));
  EXPECT_EQ(metrics("train-whole"), metrics("lag0-killed"));
  // Otherwise a kill loses what was under way, and that is sampled again: every prompt once, every step once.
  EXPECT_GT(run_with_kills(async("2"), "lag2-killed", seconds, 6), 0);
  ASSERT_EQ(metrics("lag2-killed").size(), 13u);
  for (std::size_t i = 0; i < 13; ++i) EXPECT_EQ(metrics("lag2-killed")[i]["step"], i);
  EXPECT_EQ(metrics("lag2-killed").back()["rollouts/total"], 12 * 8 * 4);
  std::multiset<int> learned;
  read_jsonl(root_ / "lag2-killed" / "schedule.jsonl", [&](Json&& row, std::size_t) {
    for (const Json& index : row["groups"]) learned.insert(index.get<int>());
  });
  ASSERT_EQ(learned.size(), 12u * 8);
  for (int index = 0; index < 12 * 8; ++index) EXPECT_EQ(learned.count(index), 1u) << index;
}

}  // namespace
}  // namespace pope
