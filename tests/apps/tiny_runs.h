// A tiny world for tests that start pope as processes: a micro model that was taught walks, problems of which
// it solves some, and what is asked of runs.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "apps/run_verb.h"
#include "apps/tiny_model.h"
#include "core/files.h"
#include "core/temp_dir.h"
#include "model/safetensors.h"

namespace pope {

inline int free_port() {
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

class TinyRuns : public testing::Test {
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
    write_file(dir_ / "tiny.json", test::tiny_model(2));
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

  // Waits for so many rows of a run; false: they do not come.
  bool has_begun(const std::string& out, std::size_t count = 3) const {
    const std::filesystem::path rows = dir_ / (out + "/metrics.jsonl");
    for (int i = 0; i < 3000; ++i) {
      if (std::filesystem::exists(rows) && rows_of(rows).size() >= count) return true;
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

}  // namespace pope
