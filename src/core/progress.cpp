// What is drawn depends on the clock and the terminal; results never depend on it.
#include "core/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <mutex>
#include <utility>

#include "core/printable.h"

namespace pope {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kSilentSeconds = 2;         // shorter work shows nothing
constexpr double kRedrawSeconds = 0.1;       // on a terminal
constexpr double kPlainLineSeconds = 30;     // in a log file
constexpr double kStartLearningSeconds = 2;  // before this there is no ETA,
constexpr double kStartLearningPart = 0.01;  // nor before this part of the work is done

std::atomic<bool> silent = false;  // see be_silent()
std::mutex screen;                 // lines come from several threads
thread_local Progress* current = nullptr;
bool bar_on_screen = false;  // a bar stands on the terminal's last line; log_line() wipes it

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void wipe_bar() {
  if (bar_on_screen) std::fputs("\r\x1b[2K", stderr);
  bar_on_screen = false;
}

}  // namespace

std::string duration(double seconds) {
  const auto s = static_cast<std::int64_t>(std::llround(seconds));
  if (s < 60) return fmt::format("{:.{}f} s", seconds, seconds < 10 ? 1 : 0);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} h {:02} min", s / 3600, s % 3600 / 60);
}

void be_silent() { silent = true; }

void log_line(std::string_view text) {
  if (silent) return;
  const std::lock_guard lock(screen);
  wipe_bar();
  const std::string line = printable(text) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);  // where nobody reads it, work goes on
  std::fflush(stderr);
}

Progress::Progress(std::string title, double total)
    : title_(std::move(title)),
      total_(total),
      outer_(std::exchange(current, this)),
      terminal_(isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      last_draw_(start_) {}

Progress::~Progress() {
  if (shown_) draw(true);
  current = outer_;
}

void Progress::refresh() {
  if (current != nullptr) current->draw_if_due();
}

void Progress::update(double done, std::string_view note) {
  done_ = done;
  note_ = note;
  if (first_done_ < 0) first_done_ = done;  // resumed work does not count for the rate
  draw_if_due();
}

void Progress::draw_if_due() {
  if (silent || seconds_since(start_) < kSilentSeconds) return;
  if (shown_ && seconds_since(last_draw_) < (terminal_ ? kRedrawSeconds : kPlainLineSeconds)) return;
  draw(false);
}

void Progress::draw(bool last) {
  const double elapsed = seconds_since(start_);
  std::string line = title_;
  if (total_ > 0) {
    const double part = std::clamp(done_ / total_, 0.0, 1.0);
    constexpr int kWidth = 20;
    const int filled = static_cast<int>(part * kWidth);
    line += fmt::format("  [{}{}] {:3.0f} %", std::string(static_cast<std::size_t>(filled), '='),
                        std::string(static_cast<std::size_t>(kWidth - filled), ' '), part * 100);
  } else {
    line += fmt::format("  {:g}", done_);
  }
  line += "  " + duration(elapsed);
  const double gained = first_done_ < 0 ? 0 : done_ - first_done_;
  if (!last && total_ > 0 && gained >= kStartLearningPart * total_ && elapsed >= kStartLearningSeconds) {
    line += ", " + duration(elapsed * (total_ - done_) / gained) + " left";
  }
  if (!note_.empty()) line += "  " + note_;
  const std::lock_guard lock(screen);
  wipe_bar();
  const std::string text = printable(line) + (terminal_ && !last ? "" : "\n");
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
  bar_on_screen = terminal_ && !last;
  shown_ = true;
  last_draw_ = Clock::now();
}

}  // namespace pope
