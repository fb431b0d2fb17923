// See weights_gate.h.
#include "learn/weights_gate.h"

#include <utility>

#include "core/error.h"

namespace pope {
namespace {

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

WeightsGate::WeightsGate(std::optional<std::vector<std::int64_t>> planned) : planned_(std::move(planned)) {}

bool WeightsGate::change_is_due() const {
  if (!planned_) return waiting_ > 0;
  return made_ < planned_->size() && (*planned_)[made_] == sync_point_;
}

bool WeightsGate::sync_point(const std::function<bool()>& ready) {
  std::unique_lock lock(mutex_);
  ++sync_point_;
  standing_ = true;
  standing_since_ = Clock::now();
  moved_.notify_all();
  moved_.wait(lock, [&] {
    if (closed_) return true;
    if (change_is_due()) return false;
    const bool unready = ready && !ready();
    if (unready != std::exchange(unready_, unready)) moved_.notify_all();
    return !unready;
  });
  standing_ = unready_ = false;
  sampler_waited_ += seconds_since(standing_since_);
  return !closed_;
}

std::int64_t WeightsGate::change(const std::function<void()>& work) {
  std::unique_lock lock(mutex_);
  const Clock::time_point begin = Clock::now();
  ++waiting_;
  // In a replay the sampler may be past the planned sync point, or stand for good before it.
  const auto lost = [&] {
    return planned_ && (made_ == planned_->size() || (*planned_)[made_] < sync_point_ ||
                        (unready_ && (*planned_)[made_] != sync_point_));
  };
  moved_.wait(lock, [&] { return closed_ || lost() || (standing_ && change_is_due()); });
  --waiting_;
  changer_waited_ += seconds_since(begin);
  if (!closed_ && lost()) {
    throw Error("replay", "the run departs from its schedule at sync point " + std::to_string(sync_point_),
                "a replay needs the settings, inputs and program of the run that left the schedule");
  }
  work();
  ++made_;
  unready_ = false;  // until the sampler has looked again
  moved_.notify_all();
  return sync_point_;
}

void WeightsGate::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  moved_.notify_all();
}

bool WeightsGate::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

bool WeightsGate::awaits_change() const {
  const std::lock_guard lock(mutex_);
  return standing_ && !closed_ && planned_ && (change_is_due() || unready_);
}

double WeightsGate::sampler_waited_s() const {
  const std::lock_guard lock(mutex_);
  return sampler_waited_ + (standing_ ? seconds_since(standing_since_) : 0);
}

double WeightsGate::changer_waited_s() const {
  const std::lock_guard lock(mutex_);
  return changer_waited_;
}

}  // namespace pope
