// The keys and values of sequences that are being decoded. A sequence's first positions may be shared: they
// are then read in another cache, that of its prompt, which any number of slots share.
#pragma once

#include <ATen/ATen.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "model/architecture.h"

namespace pope {

struct SharedPrefix;  // layers.h

// Slot s, layer l: position p of the sequence is row p − shared(s) of keys[l][s] and values[l][s]. The cache
// does not know how long sequences are; its caller does.
class KvCache {
 public:
  KvCache(const Architecture& architecture, int slots, int positions, at::ScalarType dtype,
          at::Device device = at::kCPU);
  std::vector<at::Tensor> keys, values;  // per layer [slots, K, positions, D]
  int slots() const;
  int positions() const;        // rows per slot
  void reserve(int positions);  // grows, keeping the content

  // Copies the first `length` positions of all layers. copy() keeps prefix sharing; copy_from() another cache
  // requires a slot that shares nothing within `length`.
  void copy(int from_slot, int to_slot, int length);
  void copy_from(const KvCache& source, int from_slot, int to_slot, int length);

  // Reads the slot's first `length` positions in slot 0 of `prompt`; its own rows hold those after them. CPU
  // only: recorded steps (graphs.h) always read the same addresses.
  void share(int slot, std::shared_ptr<const KvCache> prompt, int length);
  void release(int slot);      // ends sharing
  int shared(int slot) const;  // number of positions that are shared
  // What slots 0 … batch − 1 share of a layer; empty when none shares anything.
  std::vector<SharedPrefix> shared_prefixes(std::size_t layer, std::int64_t batch) const;

 private:
  struct Shared {
    std::shared_ptr<const KvCache> prompt;
    int length = 0;
  };
  std::vector<Shared> shared_;  // by slot
};

}  // namespace pope
