// The handler notes the signal; everything else happens where the work asks.
#include "core/interrupt.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <string_view>

namespace pope {
namespace {

constexpr std::array<int, 2> kSignals = {SIGINT, SIGTERM};
constexpr int kExitCode = 128;  // plus the signal, as shells have it

std::atomic<int> requested = 0;  // the signal
static_assert(std::atomic<int>::is_always_lock_free);
std::array<struct sigaction, kSignals.size()> before;

void request(int signal) {
  if (requested.exchange(signal) != 0) ::_exit(kExitCode + signal);
  constexpr std::string_view kText = "\nstopping; a second time ends at once\n";
  const int code = errno;  // of what was interrupted
  const ssize_t ignored = ::write(STDERR_FILENO, kText.data(), kText.size());
  static_cast<void>(ignored);
  errno = code;
}

}  // namespace

CatchInterrupts::CatchInterrupts() {
  requested = 0;
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], nullptr, &before[i]);
    if (before[i].sa_handler == SIG_IGN) continue;
    struct sigaction action {};
    action.sa_handler = request;
    action.sa_flags = SA_RESTART;
    ::sigaction(kSignals[i], &action, nullptr);
  }
}

CatchInterrupts::~CatchInterrupts() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &before[i], nullptr);
  requested = 0;
}

Interrupted::Interrupted(const std::string& when)
    : std::runtime_error("stopped" + (when.empty() ? "" : " " + when) + "; give the same command to go on"),
      exit_code_(kExitCode + (interrupted() ? requested.load() : SIGTERM)) {}

bool interrupted() { return requested != 0; }

void stop_if_interrupted() {
  if (interrupted()) throw Interrupted();
}

}  // namespace pope
