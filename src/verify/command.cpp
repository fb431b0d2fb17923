// Processes, pipes and time limits.
#include "verify/command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "core/error.h"
#include "core/interrupt.h"
#include "verify/external.h"

extern char** environ;

namespace pope {
namespace {

using Clock = std::chrono::steady_clock;

// What to do where the system gives no more files or processes.
std::string limits_hint(int code) {
  const bool files = code == EMFILE || code == ENFILE;
  return files ? "lower verify.workers, or raise the limit of open files (ulimit -n)"
               : "lower verify.workers";
}

// What every grader is started by, with the user's command line as $1. Beside it, in its process group, a
// watcher reads from fd 3, where nobody writes: the read ends when pope does, even by SIGKILL, and the
// watcher ends the group. (The kernel's own signal for this, PR_SET_PDEATHSIG, comes when the thread ends
// that started the process, and reaches no children of it.)
constexpr auto kWatched = "{ read -r line <&3; kill -KILL 0; } >&- & exec 3<&-; exec sh -c \"$1\"";

// The two ends of a pipe that only tells, by its end, that pope is gone.
class LifeLine {
 public:
  LifeLine() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
      throw Error("grader", std::string("cannot make a pipe: ") + std::strerror(errno), limits_hint(errno));
    read_ = fcntl(ends[0], F_DUPFD_CLOEXEC, 10);  // never 0 or 1, which a process's socket replaces
    const int code = errno;
    close(ends[0]);
    write_ = ends[1];
    if (read_ >= 0) return;
    close(write_);
    throw Error("grader", std::string("cannot make a pipe: ") + std::strerror(code), limits_hint(code));
  }
  ~LifeLine() {
    close(read_);
    close(write_);
  }
  LifeLine(const LifeLine&) = delete;
  LifeLine& operator=(const LifeLine&) = delete;
  int read_end() const { return read_; }

 private:
  int read_, write_;
};

// One process. Not thread-safe: the pool gives it to one thread at a time.
class Process {
 public:
  Process(std::string command, const LifeLine& life_line)
      : command_(std::move(command)), life_line_(life_line) {}
  ~Process() { stop(); }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  enum class Outcome { answered, timed_out, died, too_long };

  // Sends a line and waits for the reply to `id`; starts the process when it is not running, and ends it
  // unless it answered.
  Outcome ask(std::string line, std::uint64_t id, Clock::time_point deadline, Verdict& verdict) {
    if (pid_ <= 0) start();
    line += '\n';
    Outcome outcome = send(line, deadline);
    if (outcome == Outcome::answered) outcome = receive(id, deadline, verdict);
    if (outcome != Outcome::answered) stop();
    return outcome;
  }

 private:
  void start() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      throw Error("grader", std::string("cannot make a socket: ") + std::strerror(errno), limits_hint(errno));
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&files, ends[1], 0);
    posix_spawn_file_actions_adddup2(&files, ends[1], 1);
    posix_spawn_file_actions_adddup2(&files, life_line_.read_end(), 3);
    // Its children are ended with it. Limits on files and pipes without readers end it as usual, though not
    // this process.
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGXFSZ);
    sigaddset(&signals, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    const char* arguments[] = {"sh", "-c", kWatched, "sh", command_.c_str(), nullptr};
    const int code =
        posix_spawn(&pid_, "/bin/sh", &files, &attributes, const_cast<char**>(arguments), environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    close(ends[1]);
    socket_ = ends[0];
    fcntl(socket_, F_SETFL, O_NONBLOCK);
    buffer_.clear();
    if (code != 0) {
      pid_ = -1;
      stop();
      throw Error("grader", std::string("cannot start /bin/sh: ") + std::strerror(code), limits_hint(code));
    }
  }

  void stop() {
    if (socket_ >= 0) close(socket_);
    socket_ = -1;
    if (pid_ <= 0) return;
    kill(-pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }

  // True when the socket is ready before the deadline. A request to stop counts as a deadline: what is said
  // of the item then is not used.
  bool wait_for(short events, Clock::time_point deadline) const {
    while (!interrupted()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
      if (left <= 0) return false;
      pollfd waiting{socket_, events, 0};
      const int ready = poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(left, 200)));
      if (ready > 0) return true;
      if (ready < 0 && errno != EINTR) return false;
    }
    return false;
  }

  Outcome send(std::string_view data, Clock::time_point deadline) const {
    while (!data.empty()) {
      const ssize_t sent = ::send(socket_, data.data(), data.size(), MSG_NOSIGNAL);
      if (sent > 0) {
        data.remove_prefix(static_cast<std::size_t>(sent));
      } else if (sent < 0 && errno == EAGAIN) {
        if (!wait_for(POLLOUT, deadline)) return Outcome::timed_out;
      } else if (!(sent < 0 && errno == EINTR)) {
        return Outcome::died;
      }
    }
    return Outcome::answered;
  }

  Outcome receive(std::uint64_t id, Clock::time_point deadline, Verdict& verdict) {
    for (std::size_t searched = 0;;) {  // up to there the buffer holds no end of line
      std::size_t line = 0;
      for (std::size_t end = buffer_.find('\n', searched); end != std::string::npos;
           end = buffer_.find('\n', line)) {
        if (end - line > kMostReply) return Outcome::too_long;
        const bool reply = read_reply(std::string_view(buffer_).substr(line, end - line), id, verdict);
        line = end + 1;
        if (reply) {
          buffer_.erase(0, line);
          return Outcome::answered;
        }
      }
      buffer_.erase(0, line);
      searched = buffer_.size();
      if (buffer_.size() > kMostReply) return Outcome::too_long;
      if (!wait_for(POLLIN, deadline)) return Outcome::timed_out;
      char chunk[65536];
      const ssize_t got = recv(socket_, chunk, sizeof chunk, 0);
      if (got > 0) {
        buffer_.append(chunk, static_cast<std::size_t>(got));
      } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        return Outcome::died;
      }
    }
  }

  std::string command_, buffer_;
  const LifeLine& life_line_;
  pid_t pid_ = -1;
  int socket_ = -1;
};

std::vector<std::unique_ptr<Process>> processes(const VerifyConfig& config, const LifeLine& life_line) {
  std::vector<std::unique_ptr<Process>> out;
  for (int i = 0; i < config.workers; ++i)
    out.push_back(std::make_unique<Process>(config.command, life_line));
  return out;
}

class CommandVerifier : public Verifier {
 public:
  explicit CommandVerifier(const VerifyConfig& config)
      : timeout_s_(config.timeout_s), workers_(config.workers), pool_(processes(config, life_line_)) {}

  int parallel() const override { return workers_; }

  Verdict verify(const Problem& problem, std::string_view completion) const override {
    const std::uint64_t id = ++last_id_;
    const std::string request = grader_request(id, problem, completion);
    Pool<Process>::Lease process(pool_);
    const auto deadline = deadline_after(timeout_s_);
    Verdict verdict;
    for (int attempt = 0; attempt < 2; ++attempt) {
      switch (process->ask(request, id, deadline, verdict)) {
        case Process::Outcome::answered:
          return verdict;
        case Process::Outcome::timed_out:
          return timed_out_verdict(timeout_s_);
        case Process::Outcome::too_long:
          return too_long_verdict();
        case Process::Outcome::died:
          break;
      }
    }
    return failed_verdict("ended without an answer, twice");
  }

 private:
  double timeout_s_;
  int workers_;
  const LifeLine life_line_;
  mutable Pool<Process> pool_;
  mutable std::atomic<std::uint64_t> last_id_ = 0;
};

}  // namespace

std::unique_ptr<Verifier> make_command_verifier(const VerifyConfig& config) {
  return std::make_unique<CommandVerifier>(config);
}

}  // namespace pope
