// Processes that train one model together, each on its share of a step's prompts. What they must agree on
// goes through here: who draws which prompts, the totals that a loss is divided by, gradient sums, whether to
// stop, and who writes the run directory. Its metrics are those of the groups of process 0, but for counts,
// which are of all.
#pragma once

#include <ATen/ATen.h>

#include <span>
#include <string>
#include <vector>

#include "core/error.h"

namespace pope {

// Thrown by whatever processes do together when one of them has gone.
class LostProcess : public Error {
 public:
  explicit LostProcess(const std::string& message)
      : Error("train", message,
              "the first message of the processes says why; the same command goes on, also with another "
              "number of processes") {}
};

class ProcessGroup {
 public:
  virtual ~ProcessGroup() = default;
  virtual int rank() const { return 0; }  // 0 … size − 1; rank 0 writes
  virtual int size() const { return 1; }
  // Each value becomes its sum over all processes. All must call it, with as many values in the same order.
  virtual void all_reduce(std::span<double> values) { (void)values; }
  virtual void all_reduce(std::vector<at::Tensor>& tensors) { (void)tensors; }
  // Each tensor becomes that of rank `from`.
  virtual void broadcast(std::vector<at::Tensor>& tensors, int from) { (void)tensors, (void)from; }
  // → the text of rank 0.
  virtual std::string broadcast(std::string text) { return text; }
  virtual void barrier() {}  // returns when all have called it

  // Whether this process samples and learns from place `place` of a step.
  bool owns(std::size_t place) const {
    return place % static_cast<std::size_t>(size()) == static_cast<std::size_t>(rank());
  }
  bool writes() const { return rank() == 0; }
};

// The group of this process alone.
inline ProcessGroup& single_process() {
  static ProcessGroup group;
  return group;
}

}  // namespace pope
