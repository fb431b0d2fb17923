// The work that one comparison may cost. Everything that can grow (nesting, digits, powers, precision) is
// charged here before it is done; what would go beyond a limit is given up, and the comparison is undecided.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace pope {

// Limits of one comparison. The defaults keep the worst case to some tens of milliseconds (docs/verifier.md).
struct Limits {
  std::size_t text_bytes = 16384;    // of one answer
  std::size_t nodes = 20000;         // of both parsed answers and what is built from them
  int depth = 100;                   // of nested brackets, exponents, functions
  std::int64_t bits = 1 << 17;       // of an exact number
  std::int64_t precision = 1 << 14;  // bits, of an enclosure
  std::int64_t work = 1 << 20;       // units of about 20 ns
};

// Thrown inside the room only, and caught in answers.cpp, or by within_part(): a budget that is spent deep in
// a recursion leaves nothing to go on with.
struct OverBudget {
  const char* what;  // "nesting", "digits", …
};

class Budget {
 public:
  explicit Budget(const Limits& limits = {}) : limits_(limits) {}
  const Limits& limits() const { return limits_; }

  void charge(std::int64_t work) {
    work_ += work;
    if (work_ > limits_.work) throw OverBudget{"work"};
  }
  void charge_node() {
    if (++nodes_ > limits_.nodes) throw OverBudget{"terms"};
  }
  std::int64_t work() const { return work_; }

  // One level of recursion, for as long as it lives.
  class Level {
   public:
    explicit Level(Budget& budget) : budget_(budget) {
      if (++budget_.depth_ > budget_.limits_.depth) {
        --budget_.depth_;
        throw OverBudget{"nesting"};
      }
    }
    ~Level() { --budget_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Budget& budget_;
  };

 private:
  Limits limits_;
  std::int64_t work_ = 0;
  std::size_t nodes_ = 0;
  int depth_ = 0;
};

// Does `work(part)` with a budget of its own, 1/`parts` of the work that `budget` allows, and charges what it
// cost. False where that was not enough: what `work` had done by then stays.
template <class Work>
bool within_part(Budget& budget, std::int64_t parts, Work work) {
  Limits limits = budget.limits();
  limits.work /= parts;
  Budget part(limits);
  bool done = true;
  try {
    work(part);
  } catch (const OverBudget&) {
    done = false;
  }
  budget.charge(std::min(part.work(), limits.work));  // what was refused was not done
  return done;
}

}  // namespace pope
