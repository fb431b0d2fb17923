// Benchmark of one RL training step without sampling: forward, backward, optimiser, publishing of the
// weights. Verifies first (gradient of one sequence at a time = that of the packed batch), then times
// rollouts: 4 groups of 8 sequences of 100 prompt and 118 completion tokens, synthetic or those of a JSON
// file of
// [{prompt, completion, advantage}]; behaviour logprobs are the model's own.
//   bench_train_step MODEL [--dtype fp32|bf16] [--device cpu|cuda] [--repeats 3]
//                    [--micro-batch-tokens 4096] [--activation-checkpointing] [--sequences FILE] [--json]
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "bench.h"
#include "core/error.h"
#include "core/files.h"
#include "core/memory.h"
#include "core/rng.h"
#include "core/version.h"
#include "learn/policy_gradient.h"
#include "learn/stopwatch.h"
#include "model/device.h"
#include "model/load.h"

namespace pope {
namespace {

constexpr int kGroups = 4, kRollouts = 8, kPrompt = 100, kCompletion = 118;

struct Arguments {
  std::string model, dtype = "bf16", device = "cpu", sequences;
  int repeats = 3;
  std::int64_t micro_batch_tokens = 4096;
  bool activation_checkpointing = false, json = false;
  at::ScalarType type() const { return dtype == "fp32" ? at::kFloat : at::kBFloat16; }
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  bench::Words words(argc, argv);
  while (words.left()) {
    const std::string& word = words.next();
    if (word == "--json") {
      arguments.json = true;
    } else if (word == "--activation-checkpointing") {
      arguments.activation_checkpointing = true;
    } else if (word == "--sequences") {
      arguments.sequences = words.value();
    } else if (word == "--dtype") {
      arguments.dtype = words.value();
    } else if (word == "--device") {
      arguments.device = words.value();
    } else if (word == "--repeats") {
      arguments.repeats = std::stoi(words.value());
    } else if (word == "--micro-batch-tokens") {
      arguments.micro_batch_tokens = std::stoll(words.value());
    } else if (arguments.model.empty() && !word.starts_with("-")) {
      arguments.model = word;
    } else {
      throw Error("bench", "unknown argument '" + word + "'");
    }
  }
  const bool known_type = arguments.dtype == "fp32" || arguments.dtype == "bf16";
  if (arguments.model.empty() || !known_type || arguments.repeats < 1) {
    throw Error("bench",
                "expected MODEL [--dtype fp32|bf16] [--device cpu|cuda] [--repeats N] "
                "[--micro-batch-tokens N] [--activation-checkpointing] [--sequences FILE] [--json]");
  }
  return arguments;
}

// The logprobs the model gives to the completions become the behaviour logprobs: ρ = 1.
void record_behaviour(const Model& model, std::int64_t micro_batch_tokens, std::vector<Sequence>& sequences) {
  const c10::NoGradGuard no_grad;
  for (const MicroBatch& made : micro_batches(sequences, micro_batch_tokens)) {
    const MicroBatch micro = made.to(model.device());
    const at::Tensor logprobs = token_logprobs_of(model, micro, /*temperature=*/1.0).logprobs.cpu();
    for (std::int64_t i = 0; i < logprobs.numel(); ++i) {
      Sequence& sequence = sequences[made.sequence[i].item<std::int64_t>()];
      sequence.behaviour.push_back(logprobs[i].item<float>());
    }
  }
  for (Sequence& sequence : sequences) sequence.kind = LossKind::policy;
}

// Random tokens, a prompt for every `group` sequences; advantages of a group with 3 successes. `shrink` makes
// lengths distinct (0: all alike).
std::vector<Sequence> synthetic(const Model& model, int count, int group, int shrink) {
  RngStream random(1, {key_of("bench"), static_cast<std::uint64_t>(shrink)});
  std::vector<Sequence> sequences(count);
  for (int i = 0; i < count; ++i) {
    const auto token = [&] { return static_cast<int>(random.below(model.architecture().vocab_size)); };
    if (i % group > 0) sequences[i].prompt = sequences[i - 1].prompt;
    while (std::ssize(sequences[i].prompt) < kPrompt - shrink * (i / group))
      sequences[i].prompt.push_back(token());
    for (int j = 0; j < kCompletion - 2 * shrink * i; ++j) sequences[i].completion.push_back(token());
    sequences[i].advantages.assign(sequences[i].completion.size(), i % kRollouts < 3 ? 0.625f : -0.375f);
  }
  return sequences;
}

std::vector<Sequence> from_file(const std::string& path) {
  std::vector<Sequence> sequences;
  for (const Json& row : Json::parse(read_file(path))) {
    sequences.push_back({.prompt = row.at("prompt").get<std::vector<int>>(),
                         .completion = row.at("completion").get<std::vector<int>>()});
    sequences.back().advantages.assign(sequences.back().completion.size(), row.at("advantage").get<float>());
  }
  return sequences;
}

BatchTotals totals_of(const std::vector<Sequence>& sequences) {
  BatchTotals totals;
  for (const Sequence& s : sequences) {
    totals.sequences += 1;
    totals.tokens += static_cast<std::int64_t>(s.completion.size());
  }
  return totals;
}

// L2 norm of the difference of the two gradients, relative to that of the gradient.
double verify(Model& model) {
  std::vector<Sequence> sequences = synthetic(model, 5, 3, 9);
  record_behaviour(model, 1 << 20, sequences);
  std::vector<std::vector<at::Tensor>> gradients;
  for (const std::int64_t micro_batch_tokens : {1 << 20, 1}) {
    std::vector<at::Tensor> sums(model.parameters().size());
    for (const MicroBatch& micro : micro_batches(sequences, micro_batch_tokens)) {
      policy_loss({}, model, micro.to(model.device()), totals_of(sequences), 1.0).loss.backward();
      for (std::size_t i = 0; i < sums.size(); ++i) {
        at::Tensor& gradient = model.parameters()[i].compute.mutable_grad();
        sums[i] = sums[i].defined() ? sums[i] + gradient.to(at::kFloat) : gradient.to(at::kFloat);
        gradient = at::Tensor();
      }
    }
    gradients.push_back(sums);
  }
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < gradients[0].size(); ++i) {
    difference += (gradients[0][i] - gradients[1][i]).square().sum().item<double>();
    size += gradients[0][i].square().sum().item<double>();
  }
  return std::sqrt(difference / size);
}

struct Stages {
  double forward = 0, backward = 0, optimizer = 0, publish = 0, grad_norm = 0;
  double total() const { return forward + backward + optimizer; }  // the optimiser's step publishes
};

Stages one_step(Model& model, Optimizer& optimizer, const std::vector<Sequence>& sequences,
                std::int64_t micro_batch_tokens) {
  Stages stages;
  const BatchTotals totals = totals_of(sequences);
  for (const MicroBatch& micro : micro_batches(sequences, micro_batch_tokens)) {
    MicroLoss part;
    timed(stages.forward, [&] {
      part = policy_loss({}, model, micro.to(model.device()), totals, 1.0);
      wait_for(model.device());
    });
    timed(stages.backward, [&] {
      part.loss.backward();
      optimizer.accumulate();
      wait_for(model.device());
    });
  }
  timed(stages.optimizer, [&] {
    stages.grad_norm = optimizer.step(1e-6);
    wait_for(model.device());
  });
  if (!std::isfinite(stages.grad_norm)) throw Error("bench", "expected a finite gradient norm");
  timed(stages.publish, [&] {
    model.sync_compute_weights();
    wait_for(model.device());
  });
  return stages;
}

// Products of forward and backward (3 × forward), recomputation not counted: matrices on every input token (a
// shared prompt once), causal attention, the output embedding on target tokens only.
double useful_flops(const Model& model, const std::vector<Sequence>& sequences) {
  const Architecture& a = model.architecture();
  const double embedding = static_cast<double>(a.vocab_size) * a.width;
  const double matrices = static_cast<double>(a.parameters()) - embedding * (a.tied_embeddings ? 1 : 2);
  double flops = 0;
  for (const MicroBatch& micro : micro_batches(sequences, 1 << 30)) {
    double pairs = 0;  // of a query and a key that it sees
    const at::Tensor positions = micro.packing.positions();
    for (std::int64_t i = 0; i < positions.numel(); ++i) pairs += positions[i].item<double>() + 1;
    flops += 2 * matrices * static_cast<double>(micro.tokens.numel()) +
             4 * pairs * a.heads * a.head_width * a.layers +
             2 * embedding * static_cast<double>(micro.targets.numel());
  }
  return 3 * flops;
}

Json measure(const Arguments& arguments) {
  const at::Device device = open_device(arguments.device);
  const LoadedModel loaded = load_model(arguments.model, arguments.type(), Weights::trainable, device);
  Model& model = *loaded.model;
  const double difference = verify(model);
  const double tolerance =
      arguments.dtype == "fp32" ? 1e-4 : 5e-2;  // bf16: 8 bits, products in another order
  if (!(difference < tolerance)) {
    throw Error("bench",
                fmt::format("expected equal gradients, got a relative difference of {}", difference));
  }
  model.activation_checkpointing = arguments.activation_checkpointing;
  std::vector<Sequence> sequences = arguments.sequences.empty()
                                        ? synthetic(model, kGroups * kRollouts, kRollouts, 0)
                                        : from_file(arguments.sequences);
  double tokens = 0;
  for (const Sequence& s : sequences) tokens += static_cast<double>(s.prompt.size() + s.completion.size());
  record_behaviour(model, arguments.micro_batch_tokens, sequences);
  Optimizer optimizer({}, model);
  const Stages first = one_step(model, optimizer, sequences, arguments.micro_batch_tokens);  // warm-up, too
  std::vector<double> forward, backward, step, publish, total;
  for (int i = 0; i < arguments.repeats; ++i) {
    const Stages s = one_step(model, optimizer, sequences, arguments.micro_batch_tokens);
    forward.push_back(s.forward);
    backward.push_back(s.backward);
    step.push_back(s.optimizer);
    publish.push_back(s.publish);
    total.push_back(s.total());
  }
  const double memory = static_cast<double>(peak_memory_bytes()) / 1e9;
  const double peak = bench::product_peak(arguments.type(), device);
  const double median = bench::spread(total)["median"];
  const double gflops = useful_flops(model, sequences) / median / 1e9;
  return {{"benchmark", "train_step"},
          {"version", kVersion},
          {"threads", at::get_num_threads()},
          {"model", arguments.model},
          {"dtype", arguments.dtype},
          {"device", arguments.device},
          {"parameters", model.architecture().parameters()},
          {"sequences", sequences.size()},
          {"tokens", tokens},
          {"micro_batch_tokens", arguments.micro_batch_tokens},
          {"activation_checkpointing", arguments.activation_checkpointing},
          {"gradient_difference", difference},
          {"first_grad_norm", first.grad_norm},
          {"peak_memory_gb", memory},
          {"seconds",
           {{"forward", bench::spread(forward)},
            {"backward", bench::spread(backward)},
            {"optimizer", bench::spread(step)},
            {"publish (part of optimizer)", bench::spread(publish)},
            {"total", bench::spread(total)}}},
          {"tokens_per_s", tokens / median},
          {"gflops", gflops},
          {"gemm_peak_gflops", peak},
          {"fraction_of_peak", gflops / peak}};
}

void print(const Json& r) {
  fmt::print("train_step {} {} {}: {} sequences, {} tokens, micro-batches of {}, peak memory {:.1f} GB\n",
             r["model"].get<std::string>(), r["dtype"].get<std::string>(), r["device"].get<std::string>(),
             r["sequences"].get<int>(), r["tokens"].get<double>(), r["micro_batch_tokens"].get<int>(),
             r["peak_memory_gb"].get<double>());
  fmt::print("  verified: the gradient of one sequence at a time differs by {:.1e}\n",
             r["gradient_difference"].get<double>());
  for (const auto& [stage, s] : r["seconds"].items()) {
    fmt::print("  {:28} {:8.3f} s   ({:.3f} … {:.3f})\n", stage, s["median"].get<double>(),
               s["min"].get<double>(), s["max"].get<double>());
  }
  fmt::print("  {:.0f} tokens/s, {:.0f} GFLOP/s = {:.0f} % of the {:.0f} that a product reaches\n",
             r["tokens_per_s"].get<double>(), r["gflops"].get<double>(),
             100 * r["fraction_of_peak"].get<double>(), r["gemm_peak_gflops"].get<double>());
}

}  // namespace
}  // namespace pope

int main(int argc, char** argv) {
  return pope::bench::run(argc, argv, pope::parse, pope::measure, pope::print);
}
