// See process.h.
#include "agent/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "core/chars.h"
#include "core/interrupt.h"
#include "core/utf8.h"

namespace pope {
namespace {

using Clock = std::chrono::steady_clock;

// A watcher in the program's process group reads from fd 3, where nobody writes: the read ends when pope
// does, even by SIGKILL, and the watcher ends the group (verify/command.cpp does the same for graders).
constexpr auto kWatcher = "{ read -r line <&3; kill -KILL 0; } >/dev/null 2>&1 & ";
constexpr auto kProgram = "exec \"$@\"", kProgramWithoutFd = "exec 3<&-; exec \"$@\"";

struct Pipe {
  int read = -1, write = -1;
  bool open() {
    int ends[2];
    return pipe2(ends, O_CLOEXEC) == 0 && keep(ends);
  }
  // Of sockets, which, unlike those of a pipe, nobody can open anew by their place in /proc.
  bool open_sockets() {
    int ends[2];
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0 && keep(ends);
  }
  bool keep(const int (&ends)[2]) {
    read = ends[0];
    write = ends[1];
    return true;
  }
  static void shut(int& end) {
    if (end >= 0) close(end);
    end = -1;
  }
  ~Pipe() {
    shut(read);
    shut(write);
  }
};

// While it lives, a write of this thread to a pipe that nobody reads is an error and no signal.
class NoSigpipe {
 public:
  NoSigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoSigpipe() {
    const timespec now{};
    while (sigtimedwait(&pipe_, nullptr, &now) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  sigset_t pipe_, before_;
};

// The first and the last half of what is written to it.
class Kept {
 public:
  explicit Kept(std::size_t most) : half_(std::max<std::size_t>(most / 2, 1)) {}
  void add(std::string_view text) {
    const std::size_t room = std::min(half_ - head_.size(), text.size());
    head_ += text.substr(0, room);
    tail_ += text.substr(room);
    if (tail_.size() > 2 * half_) {
      cut_ += tail_.size() - half_;
      tail_.erase(0, tail_.size() - half_);
    }
  }
  void finish(ProcessEnd& end) {
    if (tail_.size() > half_) {
      cut_ += tail_.size() - half_;
      tail_.erase(0, tail_.size() - half_);
    }
    std::string text = head_;
    if (cut_ > 0) {
      text.resize(character_start(text, text.size()));
      text += fmt::format("\n[{} bytes left out]\n", cut_);
      tail_.erase(0, next_character_start(tail_, 0));
    }
    text += tail_;
    std::string storage;
    end.output = valid_utf8(text, storage);
    std::erase(end.output, '\0');
    end.output_cut = cut_ > 0;
  }

 private:
  std::size_t half_, cut_ = 0;
  std::string head_, tail_;
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

pid_t start(const ProcessSpec& spec, const Pipe& input, const Pipe& output, const Pipe& life,
            std::string& reason) {
  const std::vector<std::string> arguments = watched(spec.arguments, spec.keeps_watch_fd);
  std::vector<std::string> environment;
  for (const auto& [name, value] : spec.environment) environment.push_back(name + "=" + value);

  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&files, input.read, 0);
  posix_spawn_file_actions_adddup2(&files, output.write, 1);
  posix_spawn_file_actions_adddup2(&files, output.write, 2);
  posix_spawn_file_actions_adddup2(&files, life.read, 3);
  posix_spawn_file_actions_addclosefrom_np(&files, 4);  // whatever else this process has open
  posix_spawn_file_actions_addchdir_np(&files, spec.folder.c_str());
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  sigset_t signals;
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&attributes, &signals);
  for (const int one : {SIGXFSZ, SIGPIPE, SIGINT, SIGTERM}) sigaddset(&signals, one);
  posix_spawnattr_setsigdefault(&attributes, &signals);
  pid_t pid = -1;
  const int code = posix_spawn(&pid, "/bin/sh", &files, &attributes, pointers(arguments).data(),
                               pointers(environment).data());
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (code == 0) return pid;
  reason = std::strerror(code);
  return -1;
}

}  // namespace

std::vector<std::string> watched(const std::vector<std::string>& arguments, bool keeps_watch_fd) {
  std::vector<std::string> line = {
      "/bin/sh", "-c", kWatcher + std::string(keeps_watch_fd ? kProgram : kProgramWithoutFd), "sh"};
  line.insert(line.end(), arguments.begin(), arguments.end());
  return line;
}

ProcessEnd run_process(const ProcessSpec& spec) {
  ProcessEnd end;
  const NoSigpipe no_sigpipe;
  Pipe input, output, life;
  // Numbers above 3, so that none is in the way of another when they become 0 … 3.
  const auto lift = [](int& fd) {
    const int high = fcntl(fd, F_DUPFD_CLOEXEC, 10);
    if (high < 0) return false;
    close(fd);
    fd = high;
    return true;
  };
  if (!input.open() || !output.open() || !life.open_sockets() || !lift(input.read) || !lift(output.write) ||
      !lift(life.read)) {
    end.reason = std::strerror(errno);
    return end;
  }
  const pid_t pid = start(spec, input, output, life, end.reason);
  if (pid < 0) return end;
  Pipe::shut(input.read);
  Pipe::shut(output.write);
  Pipe::shut(life.read);
  fcntl(input.write, F_SETFL, O_NONBLOCK);
  fcntl(output.read, F_SETFL, O_NONBLOCK);

  const auto deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                           std::chrono::duration<double>(spec.timeout_s));
  Kept kept(spec.most_output);
  const auto drain = [&] {
    char chunk[65536];
    for (int i = 0; i < 64; ++i) {
      const ssize_t got = read(output.read, chunk, sizeof chunk);
      if (got == 0) Pipe::shut(output.read);
      if (got <= 0) return;
      kept.add({chunk, static_cast<std::size_t>(got)});
    }
  };
  std::string_view unsent = spec.input;
  if (unsent.empty()) Pipe::shut(input.write);
  int status = 0;
  int wait_ms = 1;
  for (;;) {
    if (waitpid(pid, &status, WNOHANG) == pid) {
      end.kind = WIFEXITED(status) ? ProcessEnd::Kind::exited : ProcessEnd::Kind::signalled;
      end.status = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
      break;
    }
    if (Clock::now() >= deadline) end.kind = ProcessEnd::Kind::timed_out;
    if (interrupted()) end.kind = ProcessEnd::Kind::interrupted;
    if (spec.stop) end.reason = spec.stop(pid);
    if (!end.reason.empty()) end.kind = ProcessEnd::Kind::stopped;
    if (end.kind != ProcessEnd::Kind::not_started) break;
    pollfd waiting[2] = {{output.read, POLLIN, 0}, {input.write, POLLOUT, 0}};  // below 0: none is waited for
    poll(waiting, 2, wait_ms);
    wait_ms = std::min(2 * wait_ms, 50);
    if (output.read >= 0) drain();
    if (input.write >= 0) {
      const ssize_t sent = write(input.write, unsent.data(), unsent.size());
      if (sent > 0) unsent.remove_prefix(static_cast<std::size_t>(sent));
      if (unsent.empty() || (sent < 0 && errno != EAGAIN && errno != EINTR)) Pipe::shut(input.write);
    }
  }
  kill(-pid, SIGKILL);
  if (end.kind != ProcessEnd::Kind::exited && end.kind != ProcessEnd::Kind::signalled) {
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (output.read >= 0) drain();
  kept.finish(end);
  return end;
}

std::string describe(const ProcessEnd& end, double timeout_s) {
  switch (end.kind) {
    case ProcessEnd::Kind::exited:
      return fmt::format("exit status {}", end.status);
    case ProcessEnd::Kind::signalled:
      return fmt::format("killed by signal {}", end.status);
    case ProcessEnd::Kind::timed_out:
      return fmt::format("stopped after {:g} s", timeout_s);
    case ProcessEnd::Kind::stopped:
      return "stopped: " + end.reason;
    case ProcessEnd::Kind::interrupted:
      return "stopped by request";
    case ProcessEnd::Kind::not_started:
      break;
  }
  return "could not be started: " + end.reason;
}

}  // namespace pope
