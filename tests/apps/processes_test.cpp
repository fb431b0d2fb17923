// pope train as two processes, as torchrun starts them: they leave what one process does, up to the order of
// sums; a process that is lost costs the step that it was lost in.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "apps/run_verb.h"
#include "core/files.h"
#include "core/temp_dir.h"
#include "model/safetensors.h"

namespace pope {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

int free_port() {
  const int socket_fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(socket_fd, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(socket_fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(socket_fd);
  return ntohs(address.sin_port);
}

class Processes : public testing::Test {
 protected:
  void SetUp() override {
    write_file(dir_ / "tiny.yaml", R"(
run: {threads: 1}
source: {walks: 2, modulus: 5, demonstrator: 0.7}
prompt: {chat_template: plain, system: "", unguided: "{problem} :", guided: "{problem} given {guidance} :",
  guided_silent: "{problem} silently {guidance} :"}
verify: {kind: walks}
sampling: {max_new_tokens: 8, batch_size: 32}
mixture: {guided: 0}
optimizer: {lr: 3.0e-3}
sft: {epochs: 1, batch_size: 16}
train: {steps: 6, prompts_per_step: 8, rollouts_per_prompt: 8, save_every: 2}
)");
    write_file(dir_ / "tiny.json", R"({"model_type": "llama", "hidden_size": 24, "num_hidden_layers": 2,
      "num_attention_heads": 3, "num_key_value_heads": 3, "intermediate_size": 40, "max_position_embeddings": 64,
      "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": true, "hidden_act": "silu"})");
    ASSERT_EQ(
        run("problems -c tiny.yaml --set source.part=pretrain --set source.count=1500 --out some.jsonl"), 0);
    // Of one walk: training meets successes, and so moves the weights.
    ASSERT_EQ(run("problems -c tiny.yaml --set source.count=20 --set source.walks=1 --out problems.jsonl"),
              0);
    ASSERT_EQ(run("init -c tiny.yaml tiny.json --out init"), 0);
    ASSERT_EQ(run("sft -c tiny.yaml --model init --problems some.jsonl --out model"), 0);
  }

  static std::string train(const std::string& out) {
    return "train -c tiny.yaml --model model --problems problems.jsonl --out " + out;
  }

  // Starts pope with these arguments as process `rank` of `size`; its output goes to RANK.txt.
  pid_t start(const std::string& arguments, int rank, int size, int port) const {
    const pid_t child = ::fork();
    if (child != 0) return child;
    if (::chdir(dir_.path().c_str()) != 0) ::_exit(126);
    const auto set = [](const char* name, int value) { ::setenv(name, std::to_string(value).c_str(), 1); };
    set("RANK", rank), set("WORLD_SIZE", size), set("LOCAL_WORLD_SIZE", size), set("MASTER_PORT", port);
    ::setenv("MASTER_ADDR", "127.0.0.1", 1);
    const std::string command =
        "exec '" POPE_BINARY "' " + arguments + " >" + std::to_string(rank) + ".txt 2>&1";
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    ::_exit(127);
  }

  // Exit status, or −signal.
  static int wait_for(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  int run(const std::string& arguments) const { return wait_for(start(arguments, 0, 1, 0)); }

  std::string said(int rank) const { return read_file(dir_ / (std::to_string(rank) + ".txt")); }

  // Waits for the third row of a run; false: it does not come.
  bool has_begun(const std::string& out) const {
    const fs::path rows = dir_ / (out + "/metrics.jsonl");
    for (int i = 0; i < 3000; ++i) {
      if (fs::exists(rows) && rows_of(rows).size() >= 3) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }

  // Every step from 1 to `steps` has its row, once.
  void expect_rows(const std::string& out, std::size_t steps) const {
    const std::vector<Json> all = rows_of(dir_ / (out + "/metrics.jsonl"));
    ASSERT_EQ(all.size(), steps);
    for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i]["step"], i + 1);
  }

  // The largest difference of a weight between two runs' models.
  double distance(const std::string& a, const std::string& b) const {
    const NamedTensors left = read_safetensors(dir_ / (a + "/model/model.safetensors")),
                       right = read_safetensors(dir_ / (b + "/model/model.safetensors"));
    double largest = 0;
    for (std::size_t i = 0; i < left.size(); ++i)
      largest = std::max(largest, (left[i].second - right[i].second).abs().max().item<double>());
    return largest;
  }

  TempDir dir_;
};

TEST_F(Processes, TwoLeaveWhatOneDoes) {
  ASSERT_EQ(run(train("one")), 0) << said(0);
  const int port = free_port();
  const pid_t second = start(train("two"), 1, 2, port), first = start(train("two"), 0, 2, port);
  ASSERT_EQ(wait_for(first), 0) << said(0);
  ASSERT_EQ(wait_for(second), 0) << said(1);
  EXPECT_EQ(said(1), "");  // process 0 shows progress and result
  EXPECT_GT(distance("one", "two"), 0);
  // AdamW divides by the root of small second moments, which enlarges what another order of sums changes.
  EXPECT_LT(distance("one", "two"), 2e-4);
  const std::vector<Json> one = rows_of(dir_ / "one/metrics.jsonl"),
                          two = rows_of(dir_ / "two/metrics.jsonl");
  ASSERT_EQ(one.size(), 6u);
  ASSERT_EQ(two.size(), 6u);
  for (const char* key : {"groups/total", "rollouts/total", "rollouts/hard"})
    EXPECT_EQ(one[5][key], two[5][key]) << key;
  EXPECT_GT(one[0]["grad_norm"].get<double>(), 0);
  EXPECT_NEAR(one[0]["grad_norm"].get<double>(), two[0]["grad_norm"].get<double>(), 1e-5);
  const pid_t again[] = {start(train("two"), 0, 2, port), start(train("two"), 1, 2, port)};
  for (const pid_t child : again) EXPECT_EQ(wait_for(child), 0);
  EXPECT_THAT(said(0), HasSubstr("is complete"));
}

TEST_F(Processes, OfALostOneTheRestIsSavedAndAnyNumberGoesOn) {
  const int port = free_port();
  for (const int lost : {0, 1}) {
    const std::string out = "without-" + std::to_string(lost);
    const std::string longer = train(out) + " --set train.steps=300";
    pid_t all[2];
    for (const int rank : {0, 1}) all[rank] = start(longer, rank, 2, port);
    ASSERT_TRUE(has_begun(out)) << said(0);
    ::kill(all[lost], SIGKILL);
    wait_for(all[lost]);
    EXPECT_EQ(wait_for(all[1 - lost]), 1);
    EXPECT_THAT(said(1 - lost),
                HasSubstr("process " + std::to_string(1 - lost) + " of 2 has lost another one"));
    EXPECT_THAT(said(1 - lost), HasSubstr("the same command goes on"));
    ASSERT_EQ(run(longer), 0) << said(0);
    EXPECT_THAT(said(0), HasSubstr("resuming after step "));
    expect_rows(out, 300);
  }
}

TEST_F(Processes, OneThatIsAskedToStopStopsAll) {
  const std::string longer = train("asked") + " --set train.steps=300";
  const int port = free_port();
  const pid_t first = start(longer, 0, 2, port), second = start(longer, 1, 2, port);
  ASSERT_TRUE(has_begun("asked")) << said(0);
  ::kill(second, SIGTERM);
  EXPECT_EQ(wait_for(second), 143);
  // Where the second one was sampling just then, it leaves at once, and the first one says that it is lost.
  EXPECT_THAT(wait_for(first), testing::AnyOf(143, 1)) << said(0);
  ASSERT_EQ(run(longer), 0) << said(0);
  expect_rows("asked", 300);
}

// As where machines do not see the same files.
TEST_F(Processes, BeginWithTheSameWeights) {
  ASSERT_EQ(run(train("here")), 0) << said(0);
  fs::copy(dir_ / "here", dir_ / "there", fs::copy_options::recursive);
  fs::remove_all(dir_ / "there/checkpoints/step-000006");
  const int port = free_port();
  const pid_t first = start(train("here") + " --set train.steps=8", 0, 2, port),
              second = start(train("there") + " --set train.steps=8", 1, 2, port);
  EXPECT_EQ(wait_for(second), 1);
  EXPECT_EQ(wait_for(first), 1);
  EXPECT_THAT(said(1), HasSubstr("process 1 begins after step 4 with other weights than process 0"));
}

TEST_F(Processes, AreStartedByOneCommand) {
  const int port = free_port();
  const pid_t first = start(train("other"), 0, 2, port),
              second = start(train("other") + " --set optimizer.lr=0.02", 1, 2, port);
  EXPECT_EQ(wait_for(second), 1);
  EXPECT_EQ(wait_for(first), 1);
  EXPECT_THAT(said(1), HasSubstr("process 1 was started with other settings or inputs than process 0, at"));
  EXPECT_THAT(said(1), HasSubstr("lr: 0.02'"));
  EXPECT_THAT(said(0), HasSubstr("process 0 of 2 has lost another one"));
}

TEST_F(Processes, ATooSmallStepIsRefused) {
  const int port = free_port();
  std::vector<pid_t> all;
  for (const int rank : {0, 1})
    all.push_back(start(train("small") + " --set train.prompts_per_step=1", rank, 2, port));
  for (const pid_t child : all) EXPECT_EQ(wait_for(child), 1);
  EXPECT_THAT(said(0), HasSubstr("at least one for each of the 2 processes"));
}

}  // namespace
}  // namespace pope
