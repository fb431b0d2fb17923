// Progress with ETA on stderr: one line redrawn on a terminal, a plain line now and then elsewhere.
// Shows itself only for work longer than 2 s. log_line() prints a line without breaking a bar.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace pope {

// "4.5 s", "45 s", "3 min 20 s", "2 h 05 min".
std::string duration(double seconds);

// One line to stderr.
void log_line(std::string_view text);

// From now on neither lines nor progress are shown: another process of the same command shows its own.
void be_silent();

class Progress {
 public:
  Progress(std::string title, double total);  // total in any unit; 0 = unknown
  ~Progress();                                // ends the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Sets how much is done, and a short note beside the bar ("hard 12, 310 tok/s").
  void update(double done, std::string_view note = "");
  // Draws this thread's progress anew where it is time to. For loops in which nothing may be done for long.
  static void refresh();

 private:
  void draw_if_due();
  void draw(bool last);
  std::string title_, note_;
  double total_, done_ = 0, first_done_ = -1;
  Progress* outer_;  // this thread's, before this one
  bool terminal_, shown_ = false;
  std::chrono::steady_clock::time_point start_, last_draw_;
};

}  // namespace pope
