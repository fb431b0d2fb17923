// Micro-batches (see batch.h). Input position p of a sequence predicts token p + 1, so the first completion
// token is predicted from the last prompt position, and the last completion token is never an input.
#include "learn/batch.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"

namespace pope {
namespace {

std::size_t input_length(const Sequence& s) { return s.prompt.size() + s.completion.size() - 1; }

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

MicroBatch pack(const std::vector<Sequence>& sequences, std::vector<std::size_t> index) {
  std::int64_t T = 0;
  for (const std::size_t i : index) T = std::max<std::int64_t>(T, input_length(sequences[i]));
  const std::int64_t B = index.size();
  std::vector<std::int64_t> tokens(B * T, 0), rows, targets, sequence;
  std::vector<float> behaviour, advantages;
  std::vector<std::uint8_t> demonstration;
  for (std::int64_t b = 0; b < B; ++b) {
    const Sequence& s = sequences[index[b]];
    const auto out = std::copy(s.prompt.begin(), s.prompt.end(), tokens.begin() + b * T);
    std::copy(s.completion.begin(), s.completion.end() - 1, out);
    const std::int64_t first_row = b * T + static_cast<std::int64_t>(s.prompt.size()) - 1;
    for (std::size_t j = 0; j < s.completion.size(); ++j) rows.push_back(first_row + j);
    targets.insert(targets.end(), s.completion.begin(), s.completion.end());
    sequence.insert(sequence.end(), s.completion.size(), index[b]);
    behaviour.insert(behaviour.end(), s.behaviour.begin(), s.behaviour.end());
    advantages.insert(advantages.end(), s.completion.size(), static_cast<float>(s.advantage));
    demonstration.insert(demonstration.end(), s.completion.size(), s.demonstration);
  }
  MicroBatch batch;
  batch.index = std::move(index);
  batch.tokens = tensor_of(tokens, at::kLong).view({B, T});
  batch.rows = tensor_of(rows, at::kLong);
  batch.targets = tensor_of(targets, at::kLong);
  batch.sequence = tensor_of(sequence, at::kLong);
  if (!behaviour.empty()) batch.behaviour = tensor_of(behaviour, at::kFloat);
  batch.advantages = tensor_of(advantages, at::kFloat);
  if (std::find(demonstration.begin(), demonstration.end(), 1) != demonstration.end()) {
    batch.demonstration = tensor_of(demonstration, at::kByte).to(at::kBool);
  }
  return batch;
}

}  // namespace

std::vector<MicroBatch> micro_batches(const std::vector<Sequence>& sequences, std::int64_t max_tokens) {
  check(sequences);
  std::vector<std::size_t> order(sequences.size());
  std::iota(order.begin(), order.end(), 0);
  // Longest first: a batch too large for the memory shows at once.
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return input_length(sequences[a]) > input_length(sequences[b]);
  });
  std::vector<MicroBatch> batches;
  for (std::size_t begin = 0; begin < order.size();) {
    const std::int64_t T = input_length(sequences[order[begin]]);
    const std::size_t room = std::max<std::int64_t>(1, max_tokens / T);
    const std::size_t end = std::min(order.size(), begin + room);
    batches.push_back(pack(sequences, {order.begin() + begin, order.begin() + end}));
    begin = end;
  }
  return batches;
}

}  // namespace pope
