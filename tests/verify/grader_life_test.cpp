// A grader never outlives the program that asks it.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "core/files.h"
#include "core/interrupt.h"
#include "core/temp_dir.h"
#include "verify/verifier.h"

namespace pope {
namespace {

// Says its process in a file, and never answers.
VerifyConfig sleeper(const TempDir& dir) {
  VerifyConfig config;
  config.kind = "command";
  config.command = "echo $$ >" + (dir / "new").string() + "; mv " + (dir / "new").string() + " " +
                   (dir / "pid").string() + "; exec sleep 1000";
  config.workers = 1;
  config.timeout_s = 1000;
  return config;
}

void wait_until(const std::function<bool()>& holds) {
  while (!holds()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

// Nobody may have collected its exit status yet.
bool has_ended(pid_t process) {
  std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
  std::string number, name, state;
  return !(stat >> number >> name >> state) || state == "Z";
}

TEST(GraderLife, EndsWithItsProgramHoweverThatEnds) {
  TempDir dir;
  const pid_t child = fork();
  if (child == 0) {
    make_verifier(sleeper(dir))->verify({}, "completion");
    _exit(0);
  }
  wait_until([&] { return std::filesystem::exists(dir / "pid"); });
  const pid_t grader = std::stoi(read_file(dir / "pid"));
  EXPECT_FALSE(has_ended(grader));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  wait_until([&] { return has_ended(grader); });
}

TEST(GraderLife, IsNotWaitedForWhereAStopIsRequested) {
  TempDir dir;
  const auto verifier = make_verifier(sleeper(dir));
  const CatchInterrupts catch_interrupts;
  std::thread user([&] {
    wait_until([&] { return std::filesystem::exists(dir / "pid"); });
    kill(getpid(), SIGTERM);
  });
  EXPECT_TRUE(verifier->verify({}, "completion").ungraded);
  user.join();
  EXPECT_TRUE(has_ended(std::stoi(read_file(dir / "pid"))));
}

}  // namespace
}  // namespace pope
