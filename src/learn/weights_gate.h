// The handshake by which one thread changes the weights that another samples with.
// The sampler holds the weights all the time, but for the moments when it stands in sync_point(), between two
// decode steps; change() waits for such a moment. So all that the sampler sees between two sync points comes
// from the same weights, and sync points, numbered from 1, name the moments at which weights may have
// changed: the number that change() returns is all it takes to do the same again (the constructor's
// `planned`).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

namespace pope {

class WeightsGate {
 public:
  // `planned`: the sync points at which the changes are to be made, in their order (replay). None: each is
  // made in the next one there is.
  explicit WeightsGate(std::optional<std::vector<std::int64_t>> planned = std::nullopt);

  // The sampler's. Lets waiting changes be made and, where given, stands until `ready()`, which is called
  // under the gate's lock and may read what changes write. False: the gate was closed.
  bool sync_point(const std::function<bool()>& ready = {});

  // The other side's. Does `work` while the sampler stands in one, or at once after close(). Returns the
  // number of that sync point. Error: `planned` holds no such change, or the sampler cannot get to it.
  std::int64_t change(const std::function<void()>& work);

  // Ends all standing; either side may.
  void close();
  bool closed() const;
  // True when the sampler stands still until a planned change is made.
  bool awaits_change() const;

  // Seconds stood in sync points, and waited for them, so far.
  double sampler_waited_s() const;
  double changer_waited_s() const;

 private:
  using Clock = std::chrono::steady_clock;
  bool change_is_due() const;  // under the lock

  mutable std::mutex mutex_;
  std::condition_variable moved_;
  const std::optional<std::vector<std::int64_t>> planned_;
  std::size_t made_ = 0;  // changes
  int waiting_ = 0;       // calls of change() that wait
  std::int64_t sync_point_ = 0;
  bool standing_ = false, unready_ = false, closed_ = false;
  Clock::time_point standing_since_;
  double sampler_waited_ = 0, changer_waited_ = 0;
};

}  // namespace pope
