// What may not get out of the sandbox, and what it takes back. Skipped where bubblewrap cannot run.
#include "agent/sandbox.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <functional>

#include "core/files.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Clock = std::chrono::steady_clock;

class SandboxTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!Sandbox::unavailable().empty()) GTEST_SKIP() << Sandbox::unavailable();
    // Whom commands run as must get to it.
    std::filesystem::permissions(dir_.path(), std::filesystem::perms::all);
  }
  ProcessEnd run(const std::string& command, double timeout_s = 20) {
    if (!sandbox_) sandbox_.emplace(dir_ / "attempt", limits_);
    return sandbox_->run(command, input_, timeout_s);
  }
  TempDir dir_;
  SandboxLimits limits_{.memory_mb = 256, .processes = 20, .disk_mb = 8, .files = 500, .output_kb = 4};
  std::string input_;
  std::optional<Sandbox> sandbox_;
};

TEST_F(SandboxTest, RunsCommandsThatShareAFolder) {
  input_ = "in\n";
  EXPECT_EQ(run("cat > a.txt").status, 0);
  const ProcessEnd end = run("cat a.txt; pwd; exit 3");
  EXPECT_EQ(end.kind, ProcessEnd::Kind::exited);
  EXPECT_EQ(end.status, 3);
  EXPECT_EQ(end.output, "in\n/work\n");
  EXPECT_EQ(read_file(sandbox_->scratch() / "a.txt"), "in\n");
  sandbox_.reset();
  EXPECT_FALSE(std::filesystem::exists(dir_ / "attempt"));
}

TEST_F(SandboxTest, NoNetwork) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  const std::string connect =
      "exec bash -c 'echo x > /dev/tcp/127.0.0.1/" + std::to_string(ntohs(address.sin_port)) + "'";
  ProcessSpec outside;
  outside.arguments = {"/bin/sh", "-c", connect};
  outside.environment = {{"PATH", "/usr/bin:/bin"}};
  EXPECT_EQ(run_process(outside).status, 0);  // the same outside
  EXPECT_NE(run(connect).status, 0);
  EXPECT_NE(run("exec bash -c 'echo x > /dev/tcp/1.1.1.1/53'").status, 0);
  EXPECT_THAT(run("cat /proc/net/dev").output, Not(HasSubstr("eth")));
  close(listener);
}

TEST_F(SandboxTest, NoEnvironmentAndNoKey) {
  setenv("POPE_TEST_API_KEY", "sk-hidden", 1);
  const ProcessEnd end = run("env; cat /proc/*/environ | tr '\\0' '\\n'");
  EXPECT_THAT(end.output, Not(HasSubstr("hidden")));
  EXPECT_THAT(end.output, HasSubstr("HOME=/work"));
  unsetenv("POPE_TEST_API_KEY");
}

TEST_F(SandboxTest, NothingOfTheMachineButItsPrograms) {
  std::ofstream(dir_ / "secret.txt") << "hidden";
  EXPECT_THAT(run("cat " + (dir_ / "secret.txt").string()).output, HasSubstr("No such file"));
  for (const char* path : {"/etc/passwd", "/etc/shadow", "/root", "/home", "/var", "/sys", "/run"})
    EXPECT_NE(run(std::string("ls -d ") + path).status, 0) << path;
  // Nothing is written but the scratch folder and /tmp.
  EXPECT_THAT(run("for p in / /usr /usr/bin /etc /dev /dev/shm /proc; do touch $p/x 2>/dev/null && echo "
                  "wrote $p; done; "
                  "touch /work/x /tmp/x && echo ok")
                  .output,
              testing::StrEq("ok\n"));
}

TEST_F(SandboxTest, LinksLeadNowhere) {
  std::ofstream(dir_ / "secret.txt") << "hidden";
  const std::string secret = (dir_ / "secret.txt").string();
  run("ln -s " + secret + " link; ln -s / root; ln -s ../../.. up");
  EXPECT_THAT(run("cat link; cat root" + secret + "; cat up" + secret).output, Not(HasSubstr("hidden")));
  EXPECT_NE(run("echo over > link").status, 0);
  EXPECT_EQ(read_file(dir_ / "secret.txt"), "hidden");
  sandbox_.reset();  // removing follows no link
  EXPECT_EQ(read_file(dir_ / "secret.txt"), "hidden");
}

TEST_F(SandboxTest, NoOtherProcessIsSeenOrReached) {
  const pid_t outside = fork();
  if (outside == 0) {
    pause();
    _exit(0);
  }
  EXPECT_NE(run("kill -9 " + std::to_string(outside)).status, 0);
  run("kill -9 -1");
  EXPECT_EQ(waitpid(outside, nullptr, WNOHANG), 0);
  kill(outside, SIGKILL);
  waitpid(outside, nullptr, 0);
  const std::string pids = run("ls -d /proc/[0-9]* | wc -l").output;
  EXPECT_LT(std::stoi(pids), 10);
  EXPECT_NE(run("cat /proc/kcore > /dev/null").status, 0);
  EXPECT_NE(run("echo 1 > /proc/sys/kernel/core_pattern").status, 0);
  EXPECT_NE(run("mount -t tmpfs none /tmp").status, 0);
  EXPECT_NE(run("unshare -U true").status, 0);
}

TEST_F(SandboxTest, AHangIsEndedWithAllItBegan) {
  const auto start = Clock::now();
  const ProcessEnd end = run("setsid sleep 987 & (trap '' TERM INT; sleep 987) & sleep 987", 0.5);
  EXPECT_EQ(end.kind, ProcessEnd::Kind::timed_out);
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(10));
  usleep(300000);
  EXPECT_NE(std::system("pgrep -f 'sleep 98[7]' > /dev/null"), 0);
}

TEST_F(SandboxTest, WhatACommandLeavesRunningEndsWithIt) {
  EXPECT_EQ(run("(setsid sleep 986 > /dev/null 2>&1 &) ; echo done").output, "done\n");
  usleep(300000);
  EXPECT_NE(std::system("pgrep -f 'sleep 98[6]' > /dev/null"), 0);
}

TEST_F(SandboxTest, AForkBombEnds) {
  const ProcessEnd end = run("b() { b | b & }; b; sleep 2; echo over", 5);
  EXPECT_THAT(end.output, testing::ContainsRegex("[Cc]annot fork|Resource temporarily"));
  EXPECT_EQ(run("echo alive").output, "alive\n");
}

TEST_F(SandboxTest, TheDiskIsBounded) {
  EXPECT_NE(run("head -c 20000000 /dev/zero > big").status, 0);  // one file
  run("rm big");
  const ProcessEnd many = run("for i in $(seq 100); do head -c 2000000 /dev/zero > f$i; done; sleep 5");
  EXPECT_EQ(many.kind, ProcessEnd::Kind::stopped);
  EXPECT_THAT(many.reason, HasSubstr("8 MB on the disk"));
  sandbox_.reset();
  const ProcessEnd files = run("for i in $(seq 2000); do : > f$i; done; sleep 5");
  EXPECT_EQ(files.kind, ProcessEnd::Kind::stopped);
  EXPECT_THAT(files.reason, HasSubstr("more than 500 files"));
  sandbox_.reset();
  const ProcessEnd closed =
      run("mkdir d; for i in $(seq 10); do head -c 2000000 /dev/zero > d/$i; done; chmod 0 d; sleep 5");
  EXPECT_EQ(closed.kind, ProcessEnd::Kind::stopped);
  sandbox_.reset();
  EXPECT_FALSE(std::filesystem::exists(dir_ / "attempt"));
}

TEST_F(SandboxTest, MemoryIsBounded) {
  EXPECT_THAT(run("dd if=/dev/zero of=/dev/null bs=600M count=1").output, HasSubstr("exhausted"));
  const ProcessEnd together =
      run("for i in 1 2 3 4; do (head -c 120000000 /dev/zero | tail -c 120000000 | sleep 5) & done; wait");
  EXPECT_EQ(together.kind, ProcessEnd::Kind::stopped);
  EXPECT_THAT(together.reason, HasSubstr("256 MB of memory"));
}

TEST_F(SandboxTest, OutputIsBounded) {
  const ProcessEnd end = run("yes | head -c 50000000");
  EXPECT_LT(end.output.size(), 5000u);
  EXPECT_TRUE(end.output_cut);
}

TEST_F(SandboxTest, ACheckFolderCanBeReadOnly) {
  sandbox_.emplace(dir_ / "attempt", limits_);
  write_file(dir_ / "check/gold", "42");
  std::filesystem::permissions(dir_ / "check", std::filesystem::perms::all);
  EXPECT_EQ(sandbox_->run("cat $CHECK/gold", "", 20, dir_ / "check").output, "42");
  EXPECT_NE(sandbox_->run("echo 1 > $CHECK/gold", "", 20, dir_ / "check").status, 0);
  EXPECT_EQ(run("echo x$CHECK").output, "x\n");
}

// What pope itself has open, such as a folder, is not open inside.
TEST_F(SandboxTest, NoOpenFileIsInherited) {
  write_file(dir_ / "keys/key", "hidden");
  // Without O_CLOEXEC.
  const int folder = fcntl(open((dir_ / "keys").c_str(), O_RDONLY | O_DIRECTORY), F_DUPFD, 50);
  ASSERT_GE(folder, 50);
  const std::string inherited = "/proc/self/fd/" + std::to_string(folder);
  EXPECT_NE(run("cat " + inherited + "/key").output, "hidden");
  EXPECT_THAT(run("ls /proc/self/fd").output, Not(HasSubstr(std::to_string(folder))));
  close(folder);
}

TEST_F(SandboxTest, WhatTheAgentLeftDoesNotSteerACheck) {
  sandbox_.emplace(dir_ / "attempt", limits_);
  write_file(dir_ / "check/input.json", "[1]");
  std::filesystem::permissions(dir_ / "check", std::filesystem::perms::all);
  run("echo 'print(\"steered\")' > json.py; touch /tmp/left; d=.local/lib/python3.11/site-packages; mkdir -p "
      "$d; "
      "cp json.py $d/usercustomize.py");
  const ProcessEnd end = sandbox_->run(
      "ls /tmp; echo $HOME; python3 -c 'import json; print(json.load(open(\"/check/input.json\")))'", "", 20,
      dir_ / "check");
  EXPECT_THAT(end.output, AllOf(HasSubstr("/check\n"), Not(HasSubstr("steered")), Not(HasSubstr("left"))));
}

TEST_F(SandboxTest, AWrapperThatFailsIsNoEndOfTheCommand) {
  std::filesystem::create_directories(dir_ / "closed");
  sandbox_.emplace(dir_ / "closed/attempt", limits_);
  EXPECT_EQ(run("echo 'bwrap: none'; exit 1").kind, ProcessEnd::Kind::exited);
  std::filesystem::remove_all(sandbox_->scratch());
  EXPECT_EQ(run("exit 0").kind, ProcessEnd::Kind::not_started);
}

// A folder that is swapped for a link while it is looked at leads nowhere.
TEST_F(SandboxTest, LinksToFoldersAreNeitherCountedNorOpenedNorRemoved) {
  write_file(dir_ / "outside/file", std::string(1 << 20, 'x'));
  std::filesystem::permissions(dir_ / "outside", std::filesystem::perms::owner_read);
  run("ln -s " + (dir_ / "outside").string() + " link; mkdir closed; touch closed/x; chmod 0 closed");
  sandbox_.reset();
  EXPECT_FALSE(std::filesystem::exists(dir_ / "attempt"));
  EXPECT_EQ(std::filesystem::status(dir_ / "outside").permissions(), std::filesystem::perms::owner_read);
  EXPECT_TRUE(std::filesystem::exists(dir_ / "outside/file"));
}

bool runs(const std::string& command) {
  return std::system(("pgrep -f '^" + command + "$' > /dev/null").c_str()) == 0;
}
// Starts `work` in a process of its own, kills that once `command` runs, and expects the command to end.
void expect_end_of(const std::string& command, const std::function<void()>& work) {
  const pid_t pope = fork();
  if (pope == 0) {
    work();
    _exit(0);
  }
  for (int i = 0; i < 600 && !runs(command); ++i) usleep(50000);
  ASSERT_TRUE(runs(command));
  kill(pope, SIGKILL);
  waitpid(pope, nullptr, 0);
  for (int i = 0; i < 600 && runs(command); ++i) usleep(50000);
  EXPECT_FALSE(runs(command));
}

// pope killed in the middle of a command: nothing of it goes on.
TEST_F(SandboxTest, AKillOfPopeEndsTheCommand) {
  expect_end_of("sleep 985", [&] {
    Sandbox sandbox(dir_ / "killed", limits_);
    sandbox.run("setsid sleep 985 & sleep 985", "", 60);
  });
}

// Nor of a program that has left the process group, as bubblewrap's child does, and is watched there.
TEST(Process, WhatHasLeftTheGroupIsWatchedThere) {
  expect_end_of("sleep 984", [] {
    ProcessSpec spec;
    spec.arguments = {"setsid", "--wait"};
    const auto inside = watched({"sleep", "984"});
    spec.arguments.insert(spec.arguments.end(), inside.begin(), inside.end());
    spec.environment = {{"PATH", "/usr/bin:/bin"}};
    spec.keeps_watch_fd = true;
    run_process(spec);
  });
}

}  // namespace
}  // namespace pope
