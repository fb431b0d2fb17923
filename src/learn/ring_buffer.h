// A first-in first-out buffer of bounded size that makes room for the newest by giving up the oldest.
// Not thread-safe: its owner locks.
#pragma once

#include <cstddef>
#include <deque>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

namespace pope {

template <class T>
class RingBuffer {
 public:
  explicit RingBuffer(std::size_t capacity) : capacity_(capacity) {}  // > 0

  // Appends `item`. When the buffer is full its oldest item leaves and is returned.
  std::optional<T> push(T item) {
    std::optional<T> dropped;
    if (items_.size() == capacity_) {
      dropped = std::move(items_.front());
      items_.pop_front();
    }
    items_.push_back(std::move(item));
    return dropped;
  }

  // Removes the `count` oldest items and returns them, oldest first; count ≤ size().
  std::vector<T> pop(std::size_t count) {
    const auto end = items_.begin() + static_cast<std::ptrdiff_t>(count);
    std::vector<T> taken(std::make_move_iterator(items_.begin()), std::make_move_iterator(end));
    items_.erase(items_.begin(), end);
    return taken;
  }

  std::size_t size() const { return items_.size(); }

 private:
  std::size_t capacity_;
  std::deque<T> items_;
};

}  // namespace pope
