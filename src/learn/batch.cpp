// Micro-batches (see batch.h), made on the CPU. Input position p of a sequence predicts token p + 1, so the
// first completion token is predicted from the last prompt position, and the last completion token is never
// an input.
#include "learn/batch.h"

#include <algorithm>
#include <string>

#include "core/error.h"

namespace pope {
namespace {

void check(const std::vector<Sequence>& sequences) {
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const Sequence& s = sequences[i];
    const std::string name = "sequence " + std::to_string(i);
    if (s.prompt.empty() || s.completion.empty()) {
      throw Error("micro_batches", "expected a prompt and a completion, got an empty one in " + name);
    }
    if (s.behaviour.empty() != sequences[0].behaviour.empty() ||
        (!s.behaviour.empty() && s.behaviour.size() != s.completion.size())) {
      throw Error("micro_batches", "expected one behaviour logprob per completion token, got " +
                                       std::to_string(s.behaviour.size()) + " for " +
                                       std::to_string(s.completion.size()) + " tokens in " + name);
    }
  }
}

template <class T>
at::Tensor tensor_of(const std::vector<T>& values, at::ScalarType type) {
  return at::from_blob(const_cast<T*>(values.data()), {static_cast<std::int64_t>(values.size())}, type)
      .clone();
}

// A micro-batch while sequences are added to it.
class Packer {
 public:
  bool empty() const { return targets_.empty(); }

  // How many tokens `s` would add.
  std::int64_t cost(const Sequence& s) const {
    return static_cast<std::int64_t>((shares(s) ? 0 : s.prompt.size()) + s.completion.size() - 1);
  }
  std::int64_t tokens() const { return packing_.tokens(); }

  void add(const Sequence& s, std::int64_t index) {
    if (!shares(s)) {
      tokens_.insert(tokens_.end(), s.prompt.begin(), s.prompt.end());
      packing_.add_prefix(static_cast<std::int64_t>(s.prompt.size()));
      prompt_ = &s.prompt;
      prompt_row_ = static_cast<std::int64_t>(tokens_.size()) - 1;
    }
    rows_.push_back(prompt_row_);
    if (s.completion.size() > 1) {
      for (std::size_t j = 0; j + 1 < s.completion.size(); ++j) {
        rows_.push_back(static_cast<std::int64_t>(tokens_.size()));
        tokens_.push_back(s.completion[j]);
      }
      packing_.add_continuation(static_cast<std::int64_t>(s.completion.size()) - 1);
    }
    targets_.insert(targets_.end(), s.completion.begin(), s.completion.end());
    sequence_.insert(sequence_.end(), s.completion.size(), index);
    behaviour_.insert(behaviour_.end(), s.behaviour.begin(), s.behaviour.end());
    advantages_.insert(advantages_.end(), s.completion.size(), static_cast<float>(s.advantage));
    demonstration_.insert(demonstration_.end(), s.completion.size(), s.demonstration);
  }

  MicroBatch finish() {
    MicroBatch batch;
    batch.tokens = tensor_of(tokens_, at::kLong);
    batch.packing = std::move(packing_);
    batch.rows = tensor_of(rows_, at::kLong);
    batch.targets = tensor_of(targets_, at::kLong);
    batch.sequence = tensor_of(sequence_, at::kLong);
    if (!behaviour_.empty()) batch.behaviour = tensor_of(behaviour_, at::kFloat);
    batch.advantages = tensor_of(advantages_, at::kFloat);
    if (std::find(demonstration_.begin(), demonstration_.end(), 1) != demonstration_.end()) {
      batch.demonstration = tensor_of(demonstration_, at::kByte).to(at::kBool);
    }
    *this = {};
    return batch;
  }

 private:
  bool shares(const Sequence& s) const { return prompt_ && *prompt_ == s.prompt; }

  const std::vector<int>* prompt_ = nullptr;  // the newest
  std::int64_t prompt_row_ = 0;               // its last token
  Packing packing_;
  std::vector<std::int64_t> tokens_, rows_, targets_, sequence_;
  std::vector<float> behaviour_, advantages_;
  std::vector<std::uint8_t> demonstration_;
};

}  // namespace

MicroBatch MicroBatch::to(at::Device device) const {
  MicroBatch moved = *this;
  for (at::Tensor* tensor : {&moved.tokens, &moved.rows, &moved.targets, &moved.sequence, &moved.behaviour,
                             &moved.advantages, &moved.demonstration}) {
    if (tensor->defined()) *tensor = tensor->to(device);
  }
  return moved;
}

std::vector<MicroBatch> micro_batches(const std::vector<Sequence>& sequences, std::int64_t max_tokens) {
  check(sequences);
  std::vector<MicroBatch> batches;
  Packer packer;
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const Sequence& s = sequences[i];
    if (!packer.empty() && packer.tokens() + packer.cost(s) > max_tokens) batches.push_back(packer.finish());
    packer.add(s, static_cast<std::int64_t>(i));
  }
  if (!packer.empty()) batches.push_back(packer.finish());
  return batches;
}

}  // namespace pope
