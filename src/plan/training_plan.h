// What a training run will take, before anything is loaded: memory line by line, each with its formula, and
// the time of a step on given hardware. The one place of this arithmetic; what is held when follows
// policy_gradient.cpp, optimizer.cpp, layers.cpp and decoder.cpp. Free of libtorch.
//
// Symbols: P parameters, L layers, W width, F feed-forward width, V vocabulary, H query heads and K key/value
// heads of width D, C = (H + 2K)·D; b bytes of a compute value (4, bf16: 2); p tokens of the longest prompt,
// c of the longest completion; n rollouts a prompt; N tokens and M targets of the largest micro-batch; Q
// values of a LoRA adapter; R processes. Sizes in bytes, of one process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "learn/config.h"
#include "model/architecture.h"
#include "plan/plan_config.h"
#include "rollout/engine.h"

namespace pope {

struct PlanJob {
  Architecture architecture;
  bool bf16 = false;
  bool activation_checkpointing = false;
  int lora_rank = 0;     // r; all linear layers of the blocks are taken to have an adapter
  bool sharded = false;  // optimizer.sharded
  TrainConfig train;     // prompts_per_step of all processes
  SamplingConfig sampling;
  ObjectiveConfig objective;
  PlanConfig plan;
  bool reference = false;          // a second model: that of objective.kl_coef, or a frozen teacher
  bool ema = false;                // the moving average of the weights
  std::int64_t program_bytes = 0;  // of the program with nothing loaded, libtorch above all: as measured
};

// The largest micro-batch at the longest lengths, packed as learn/batch.h packs.
struct LargestBatch {
  std::int64_t tokens = 0, targets = 0;  // N, M
  std::int64_t batches = 0;              // micro-batches of an optimiser step
};
LargestBatch largest_batch(const PlanJob& job);

struct MemoryLine {
  std::string what, formula;
  double bytes = 0;
};

// What is held at once.
struct MemoryPhase {
  std::string name;
  std::vector<MemoryLine> lines;
  double bytes() const;
};

// The phases of a step: the peak of a run is the largest, since memory that one frees the next takes.
std::vector<MemoryPhase> memory_phases(const PlanJob& job);
double peak_bytes(const std::vector<MemoryPhase>& phases);

// Values that the backward pass needs of a token and layer: 4W + 2C + H·D + 3F (the residual twice and its
// norms; q, k and v before and after they are split; attention's result; gate and up, and their product), in
// compute values.
double activation_values(const Architecture& architecture, std::size_t layer);
// Q = r ΣL (3W + C + H·D + W + 2W + 2F + F + W): A and B beside each of q, k, v, o, gate, up and down.
double adapter_values(const Architecture& architecture, int rank);
// Keys and values of a token: 2·L·K·D compute values.
double cache_values(const Architecture& architecture);

// A processor or card.
struct Hardware {
  std::string name, title;
  double tflops = 0;     // dense products: bf16 of cards, the compute type's of processors
  double bandwidth = 0;  // GB/s
  double memory = 0;     // GB; 0 = unknown
  // Parts of these that training's products and decoding's reading reach; below 1 they are assumptions.
  double reached_tflops = 1, reached_bandwidth = 1;
  std::string figures;  // where they come from
};
// The table, its first row the processor; with the figures that `config` gives for it.
std::vector<Hardware> hardware(const PlanConfig& config, bool bf16);
std::vector<std::string> hardware_names();

struct StepTime {
  double sampled_tokens = 0, learned_tokens = 0;  // of a step; learned from: prompts included
  double prefill_s = 0, decode_s = 0, learn_s = 0;
  double seconds() const { return prefill_s + decode_s + learn_s; }
};
// Prefill and learning are bound by products: 2 floating-point operations a parameter and token forward,
// twice that backward, once more forward with checkpointing; attention 2·2·H·D a pair of positions. A decode
// step takes the longer of its products and of reading the weights and the cache once. The processes work at
// the same time, each on its prompts; what they send each other is not in it.
StepTime step_time(const PlanJob& job, const Hardware& hardware);

}  // namespace pope
