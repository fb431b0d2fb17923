// Micro-batches (see batch.h), made on the CPU. Input position p of a sequence predicts token p + 1, so the
// first completion token is predicted from the last prompt position, and the last completion token is never
// an input.
#include "learn/batch.h"

#include <algorithm>
#include <limits>
#include <string>

#include "core/error.h"

namespace pope {
namespace {

// Per target there is one advantage and, of what was sampled, one behaviour logprob.
void check(const std::vector<Sequence>& sequences) {
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const Sequence& s = sequences[i];
    const std::string name = "sequence " + std::to_string(i);
    if (s.prompt.empty() || s.completion.empty()) {
      throw Error("micro_batches", "expected a prompt and a completion, got an empty one in " + name);
    }
    const auto fits = [&](const std::vector<float>& values) { return values.size() == s.completion.size(); };
    const bool sampled = s.kind == LossKind::policy;
    if (!(s.advantages.empty() || fits(s.advantages)) || (sampled && !fits(s.behaviour))) {
      throw Error("micro_batches",
                  "expected an advantage and a behaviour logprob per completion token, got " +
                      std::to_string(s.advantages.size()) + " and " + std::to_string(s.behaviour.size()) +
                      " for " + std::to_string(s.completion.size()) + " tokens in " + name);
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
    if (!s.teacher.empty()) {
      for (std::size_t j = 0; j < s.completion.size(); ++j)
        taught_.push_back(static_cast<std::int64_t>(targets_.size() + j));
      taught_sequences_.push_back({.prompt = s.teacher, .completion = s.completion});
    }
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
    advantages_.insert(advantages_.end(), s.advantages.begin(), s.advantages.end());
    advantages_.resize(targets_.size(), 1);
    behaviour_.insert(behaviour_.end(), s.behaviour.begin(), s.behaviour.end());
    behaviour_.resize(targets_.size(), 0);
    if (!s.other_prompt) own_behaviour_.insert(own_behaviour_.end(), s.filled.begin(), s.filled.end());
    own_behaviour_.resize(targets_.size(), s.other_prompt);
    kinds_.resize(targets_.size(), static_cast<std::uint8_t>(s.kind));
  }

  MicroBatch finish() {
    MicroBatch batch;
    batch.tokens = tensor_of(tokens_, at::kLong);
    batch.packing = std::move(packing_);
    batch.rows = tensor_of(rows_, at::kLong);
    batch.targets = tensor_of(targets_, at::kLong);
    batch.sequence = tensor_of(sequence_, at::kLong);
    batch.advantages = tensor_of(advantages_, at::kFloat);
    batch.behaviour = tensor_of(behaviour_, at::kFloat);
    batch.kind = static_cast<LossKind>(kinds_.front());
    const auto other = [&](std::uint8_t kind) { return kind != kinds_.front(); };
    if (std::any_of(kinds_.begin(), kinds_.end(), other)) batch.kinds = tensor_of(kinds_, at::kByte);
    if (std::find(own_behaviour_.begin(), own_behaviour_.end(), 1) != own_behaviour_.end())
      batch.own_behaviour = tensor_of(own_behaviour_, at::kByte).to(at::kBool);
    if (!taught_.empty()) {
      constexpr auto kAll = std::numeric_limits<std::int64_t>::max();
      batch.teacher = std::make_shared<const MicroBatch>(micro_batches(taught_sequences_, kAll).front());
      batch.taught_targets = tensor_of(taught_, at::kLong);
    }
    *this = {};
    return batch;
  }

 private:
  bool shares(const Sequence& s) const { return prompt_ && *prompt_ == s.prompt; }

  const std::vector<int>* prompt_ = nullptr;  // the newest
  std::int64_t prompt_row_ = 0;               // its last token
  Packing packing_;
  std::vector<std::int64_t> tokens_, rows_, targets_, sequence_, taught_;
  std::vector<float> behaviour_, advantages_;
  std::vector<std::uint8_t> kinds_, own_behaviour_;
  std::vector<Sequence> taught_sequences_;
};

}  // namespace

MicroBatch MicroBatch::to(at::Device device) const {
  MicroBatch moved = *this;
  for (at::Tensor* tensor : {&moved.tokens, &moved.rows, &moved.targets, &moved.sequence, &moved.advantages,
                             &moved.behaviour, &moved.kinds, &moved.own_behaviour, &moved.taught_targets}) {
    if (tensor->defined()) *tensor = tensor->to(device);
  }
  if (teacher) moved.teacher = std::make_shared<const MicroBatch>(teacher->to(device));
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
