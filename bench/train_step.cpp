// Benchmark of one RL training step without sampling: forward, backward, optimiser, publishing of the
// weights. Verifies first (micro-batched gradient = single-batch gradient), then times synthetic rollouts: 4
// groups of 8 sequences of 100 prompt and 118 completion tokens, behaviour logprobs those of the model
// itself.
//   bench_train_step MODEL [--dtype fp32|bf16] [--repeats 3] [--micro-batch-tokens 2048] [--json]
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>

#include "core/error.h"
#include "core/memory.h"
#include "core/rng.h"
#include "core/version.h"
#include "learn/policy_gradient.h"
#include "learn/stopwatch.h"
#include "model/load.h"

namespace pope {
namespace {

constexpr int kGroups = 4, kRollouts = 8, kPrompt = 100, kCompletion = 118;

struct Arguments {
  std::string model, dtype = "bf16";
  int repeats = 3;
  std::int64_t micro_batch_tokens = 2048;
  bool json = false;
  at::ScalarType type() const { return dtype == "fp32" ? at::kFloat : at::kBFloat16; }
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&]() -> std::string {
      if (i + 1 == argc) throw Error("bench", "expected a value after " + word);
      return argv[++i];
    };
    if (word == "--json") {
      arguments.json = true;
    } else if (word == "--dtype") {
      arguments.dtype = value();
    } else if (word == "--repeats") {
      arguments.repeats = std::stoi(value());
    } else if (word == "--micro-batch-tokens") {
      arguments.micro_batch_tokens = std::stoll(value());
    } else if (arguments.model.empty() && !word.starts_with("-")) {
      arguments.model = word;
    } else {
      throw Error("bench", "unknown argument '" + word + "'");
    }
  }
  const bool known_type = arguments.dtype == "fp32" || arguments.dtype == "bf16";
  if (arguments.model.empty() || !known_type || arguments.repeats < 1) {
    throw Error("bench",
                "expected MODEL [--dtype fp32|bf16] [--repeats N] [--micro-batch-tokens N] [--json]");
  }
  return arguments;
}

// The logprobs the model gives to the completions become the behaviour logprobs: ρ = 1.
void record_behaviour(const Model& model, std::int64_t micro_batch_tokens, std::vector<Sequence>& sequences) {
  const c10::NoGradGuard no_grad;
  for (const MicroBatch& micro : micro_batches(sequences, micro_batch_tokens)) {
    const at::Tensor rows = model.hidden(micro.tokens).flatten(0, 1).index_select(0, micro.rows);
    const at::Tensor logprobs = token_logprobs(rows, model.output_embedding(), micro.targets, 1.0).logprobs;
    for (std::int64_t i = 0; i < logprobs.numel(); ++i) {
      Sequence& sequence = sequences[micro.sequence[i].item<std::int64_t>()];
      sequence.behaviour.push_back(logprobs[i].item<float>());
    }
  }
}

// Random tokens; advantages of a group with 3 successes. `shrink` makes lengths distinct (0: all alike).
std::vector<Sequence> synthetic(const Model& model, int count, int shrink) {
  RngStream random(1, {key_of("bench"), static_cast<std::uint64_t>(shrink)});
  std::vector<Sequence> sequences(count);
  for (int i = 0; i < count; ++i) {
    const auto token = [&] { return static_cast<int>(random.below(model.architecture().vocab_size)); };
    for (int j = 0; j < kPrompt - shrink * i; ++j) sequences[i].prompt.push_back(token());
    for (int j = 0; j < kCompletion - 2 * shrink * i; ++j) sequences[i].completion.push_back(token());
    sequences[i].advantage = i % kRollouts < 3 ? 0.625 : -0.375;
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
  std::vector<Sequence> sequences = synthetic(model, 5, 9);
  record_behaviour(model, 1 << 20, sequences);
  std::vector<std::vector<at::Tensor>> gradients;
  for (const std::int64_t micro_batch_tokens : {1 << 20, 1}) {
    std::vector<at::Tensor> sums(model.parameters().size());
    for (const MicroBatch& micro : micro_batches(sequences, micro_batch_tokens)) {
      policy_loss({}, model, micro, totals_of(sequences), 1.0).loss.backward();
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

// GFLOP/s of a square matrix product in the compute type, best of five.
double gemm_peak(at::ScalarType type) {
  const c10::NoGradGuard no_grad;
  constexpr std::int64_t n = 2048;
  const at::Tensor a = at::rand({n, n}).to(type), b = at::rand({n, n}).to(type);
  double best = 1e30;
  for (int i = 0; i < 6; ++i) {
    double seconds = 0;
    timed(seconds, [&] { at::mm(a, b); });
    if (i > 0) best = std::min(best, seconds);
  }
  return 2.0 * n * n * n / best / 1e9;
}

struct Stages {
  double forward = 0, backward = 0, optimizer = 0, publish = 0;
  double total() const { return forward + backward + optimizer; }  // the optimiser's step publishes
};

Stages one_step(Model& model, Optimizer& optimizer, const std::vector<Sequence>& sequences,
                std::int64_t micro_batch_tokens) {
  Stages stages;
  const BatchTotals totals = totals_of(sequences);
  for (const MicroBatch& micro : micro_batches(sequences, micro_batch_tokens)) {
    MicroLoss part;
    timed(stages.forward, [&] { part = policy_loss({}, model, micro, totals, 1.0); });
    timed(stages.backward, [&] {
      part.loss.backward();
      optimizer.accumulate();
    });
  }
  double norm = 0;
  timed(stages.optimizer, [&] { norm = optimizer.step(1e-6); });
  if (!std::isfinite(norm)) throw Error("bench", "expected a finite gradient norm");
  timed(stages.publish, [&] { model.publish(); });
  return stages;
}

// Products of forward and backward (3 × forward), recomputation not counted: matrices on every input token,
// causal attention, the output embedding on target tokens only.
double useful_flops(const Model& model) {
  const Architecture& a = model.architecture();
  const double sequences = kGroups * kRollouts, inputs = kPrompt + kCompletion - 1;
  const double embedding = static_cast<double>(a.vocab_size) * a.width;
  const double matrices = static_cast<double>(a.parameters()) - embedding * (a.tied_embeddings ? 1 : 2);
  const double attention = 2.0 * inputs * inputs * a.heads * a.head_width * a.layers;
  return 3 * sequences * (2 * matrices * inputs + attention + 2 * embedding * kCompletion);
}

Json spread(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {{"median", values[values.size() / 2]}, {"min", values.front()}, {"max", values.back()}};
}

Json measure(const Arguments& arguments) {
  const LoadedModel loaded = load_model(arguments.model, arguments.type());
  Model& model = *loaded.model;
  const double difference = verify(model);
  const double tolerance =
      arguments.dtype == "fp32" ? 1e-4 : 5e-2;  // bf16: 8 bits, products in another order
  if (!(difference < tolerance)) {
    throw Error("bench",
                fmt::format("expected equal gradients, got a relative difference of {}", difference));
  }
  std::vector<Sequence> sequences = synthetic(model, kGroups * kRollouts, 0);
  record_behaviour(model, arguments.micro_batch_tokens, sequences);
  Optimizer optimizer({}, model);
  one_step(model, optimizer, sequences, arguments.micro_batch_tokens);  // warm-up
  std::vector<double> forward, backward, step, publish, total;
  for (int i = 0; i < arguments.repeats; ++i) {
    const Stages s = one_step(model, optimizer, sequences, arguments.micro_batch_tokens);
    forward.push_back(s.forward);
    backward.push_back(s.backward);
    step.push_back(s.optimizer);
    publish.push_back(s.publish);
    total.push_back(s.total());
  }
  const double peak = gemm_peak(arguments.type());
  const double median = spread(total)["median"];
  const double gflops = useful_flops(model) / median / 1e9;
  return {{"benchmark", "train_step"},
          {"version", kVersion},
          {"threads", at::get_num_threads()},
          {"model", arguments.model},
          {"dtype", arguments.dtype},
          {"parameters", model.architecture().parameters()},
          {"sequences", kGroups * kRollouts},
          {"prompt_tokens", kPrompt},
          {"completion_tokens", kCompletion},
          {"micro_batch_tokens", arguments.micro_batch_tokens},
          {"gradient_difference", difference},
          {"seconds",
           {{"forward", spread(forward)},
            {"backward", spread(backward)},
            {"optimizer", spread(step)},
            {"publish (part of optimizer)", spread(publish)},
            {"total", spread(total)}}},
          {"tokens_per_s", kGroups * kRollouts * (kPrompt + kCompletion) / median},
          {"gflops", gflops},
          {"gemm_peak_gflops", peak},
          {"fraction_of_peak", gflops / peak}};
}

void print(const Json& r) {
  fmt::print("train_step {} {}: {} × ({} + {}) tokens, micro-batches of {}\n", r["model"].get<std::string>(),
             r["dtype"].get<std::string>(), r["sequences"].get<int>(), r["prompt_tokens"].get<int>(),
             r["completion_tokens"].get<int>(), r["micro_batch_tokens"].get<int>());
  fmt::print("  verified: micro-batched gradient differs by {:.1e}\n",
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
  pope::keep_freed_memory();
  try {
    const pope::Arguments arguments = pope::parse(argc, argv);
    const pope::Json result = pope::measure(arguments);
    if (arguments.json) {
      std::puts(result.dump(2).c_str());
    } else {
      pope::print(result);
    }
  } catch (const pope::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
