// Storage per layer, and copies of slots by memcpy on the CPU.
#include "model/kv_cache.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "core/error.h"
#include "model/layers.h"

namespace pope {

namespace {

// The CPU's loops only read rows that were written. On other devices masked rows are read and multiplied by
// zero, so they must be finite.
at::Tensor room(at::IntArrayRef sizes, const at::TensorOptions& options) {
  return options.device().is_cpu() ? at::empty(sizes, options) : at::zeros(sizes, options);
}

}  // namespace

KvCache::KvCache(const Architecture& a, int slots, int positions, at::ScalarType dtype, at::Device device)
    : shared_(static_cast<std::size_t>(slots)) {
  const auto options = at::TensorOptions(dtype).device(device);
  for (int l = 0; l < a.layers; ++l) {
    keys.push_back(room({slots, a.kv_heads, positions, a.head_width}, options));
    values.push_back(room({slots, a.kv_heads, positions, a.head_width}, options));
  }
}

int KvCache::slots() const { return static_cast<int>(keys.at(0).size(0)); }
int KvCache::positions() const { return static_cast<int>(keys.at(0).size(2)); }

void KvCache::copy_from(const KvCache& source, int from_slot, int to_slot, int length) {
  const bool outside = from_slot < 0 || from_slot >= source.slots() || to_slot < 0 || to_slot >= slots();
  const int own = outside ? 0 : length - std::min(length, source.shared(from_slot));
  if (outside || length < 0 || own > positions() || own > source.positions() ||
      (&source != this && own < length)) {
    throw Error("kv cache", "copy of " + std::to_string(length) + " positions from slot " +
                                std::to_string(from_slot) + " to " + std::to_string(to_slot) +
                                " is out of range");
  }
  const auto copy_layer = [&](const at::Tensor& from, at::Tensor& to) {
    if (!to.is_cpu()) {
      to[to_slot].narrow(1, 0, own).copy_(from[from_slot].narrow(1, 0, own));
      return;
    }
    const auto bytes = static_cast<std::size_t>(to.element_size());
    const auto row = static_cast<std::size_t>(to.size(3)) * bytes;
    const auto* in = static_cast<const char*>(from.const_data_ptr());
    auto* out = static_cast<char*>(to.data_ptr());
    for (std::int64_t k = 0; k < to.size(1); ++k) {
      std::memcpy(out + (to_slot * to.stride(0) + k * to.stride(1)) * bytes,
                  in + (from_slot * from.stride(0) + k * from.stride(1)) * bytes, own * row);
    }
  };
  for (std::size_t l = 0; l < keys.size(); ++l) {
    copy_layer(source.keys[l], keys[l]);
    copy_layer(source.values[l], values[l]);
  }
  shared_[to_slot] = {source.shared_[from_slot].prompt, length - own};
}

void KvCache::copy(int from_slot, int to_slot, int length) { copy_from(*this, from_slot, to_slot, length); }

void KvCache::share(int slot, std::shared_ptr<const KvCache> prompt, int length) {
  if (!keys.at(0).is_cpu() || length < 0 || length > prompt->positions() ||
      prompt->keys.size() != keys.size()) {
    throw Error("kv cache", "expected a prompt of at least " + std::to_string(length) +
                                " positions, on the CPU, got " + std::to_string(prompt->positions()));
  }
  shared_.at(slot) = {std::move(prompt), length};
}

void KvCache::release(int slot) { shared_.at(slot) = {}; }
int KvCache::shared(int slot) const { return shared_.at(slot).length; }

std::vector<SharedPrefix> KvCache::shared_prefixes(std::size_t layer, std::int64_t batch) const {
  std::vector<SharedPrefix> prefixes(static_cast<std::size_t>(batch));
  bool any = false;
  for (std::size_t s = 0; s < prefixes.size(); ++s) {
    const auto& [prompt, length] = shared_[s];
    if (!prompt) continue;
    any = true;
    prefixes[s] = {prompt->keys[layer], prompt->values[layer], length};
  }
  return any ? prefixes : std::vector<SharedPrefix>();
}

void KvCache::reserve(int positions) {
  const int old = this->positions();
  if (positions <= old) return;
  for (auto* layers : {&keys, &values}) {
    for (auto& layer : *layers) {
      auto grown = room({layer.size(0), layer.size(1), positions, layer.size(3)}, layer.options());
      grown.narrow(2, 0, old).copy_(layer);
      layer = grown;
    }
  }
}

}  // namespace pope
