// See training_plan.h, which has the symbols.
#include "plan/training_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/families.h"

namespace pope {
namespace {

// As in model/token_logprobs.cpp: logits of a chunk in the backward pass.
constexpr double kBackwardLogits = 1 << 26;

// Of a step, those of the process with the most.
int own_prompts(const PlanJob& job) {
  return (job.train.prompts_per_step + job.plan.processes - 1) / job.plan.processes;
}

double count(const PlanJob& job) { return static_cast<double>(job.architecture.parameters()); }
double value_bytes(const PlanJob& job) { return job.bf16 ? 2 : 4; }
double qkv_width(const Architecture& a) { return (a.heads + 2.0 * a.kv_heads) * a.head_width; }

// Width of the gated part of a layer that a token goes through.
double active_ffn(const Architecture& a, std::size_t layer) {
  return a.is_sparse(layer) ? double(a.experts_per_token) * a.expert_width : a.ffn_width;
}

double over_layers(const Architecture& a, double (*of)(const Architecture&, std::size_t)) {
  double sum = 0;
  for (std::size_t l = 0; l < static_cast<std::size_t>(a.layers); ++l) sum += of(a, l);
  return sum;
}

// Rows of q, k and v, and of gate and up, put together for the forward pass; families with fused weights need
// none.
double stacked_values(const Architecture& a, std::size_t layer) {
  if (a.traits().fused_weights) return 0;
  const double gates = a.is_sparse(layer) ? double(a.experts) * a.expert_width : a.ffn_width;
  return (qkv_width(a) + 2 * gates) * a.width;
}

// Parameters that a token is multiplied by in the blocks.
double block_products(const Architecture& a, std::size_t layer) {
  const double router = a.is_sparse(layer) ? a.experts : 0;
  return (qkv_width(a) + double(a.heads) * a.head_width + 3 * active_ffn(a, layer) + router) * a.width;
}

double head_products(const Architecture& a) { return double(a.vocab_size) * a.width; }

// Values that get a gradient: P, or Q.
double trained(const PlanJob& job) {
  return job.lora_rank > 0 ? adapter_values(job.architecture, job.lora_rank) : count(job);
}

// Of a token and layer, f32 with an adapter: what A and B are multiplied by, beside the layer's own values.
double adapter_inputs(const Architecture& a, std::size_t layer) {
  return 2.0 * a.width + double(a.heads) * a.head_width + active_ffn(a, layer);
}

MemoryLine line(std::string what, std::string formula, double bytes) {
  return {std::move(what), std::move(formula), bytes};
}

bool is_sharded(const PlanJob& job) { return job.sharded && job.plan.processes > 1; }

// Of AdamW, two f32 values each; sharded, a tensor is whole in one process, so none has less than the largest
// one.
MemoryLine moments(const PlanJob& job) {
  const double all = 8 * count(job);
  if (!is_sharded(job)) return line("moments of AdamW", "8 P", all);
  return line("moments of AdamW, of this process's parameters", "8 · max(P / R, V W)",
              std::max(all / job.plan.processes, 8 * head_products(job.architecture)));
}

// Held all the time.
std::vector<MemoryLine> standing(const PlanJob& job) {
  const double parameters = count(job);
  std::vector<MemoryLine> lines = {
      line("program", "libtorch and the like, as measured", static_cast<double>(job.program_bytes)),
      line("tokenizer", "700 V, as measured", 700.0 * job.architecture.vocab_size)};
  if (job.lora_rank > 0) {
    lines.push_back(line("weights, frozen", "b P", value_bytes(job) * parameters));
    lines.push_back(line("adapter and its moments, f32", "12 Q", 12 * trained(job)));
  } else {
    lines.push_back(line("weights, f32", "4 P", 4 * parameters));
    if (job.bf16) lines.push_back(line("weights, bf16", "2 P", 2 * parameters));
    lines.push_back(moments(job));
  }
  if (job.reference) lines.push_back(line("reference model", "b P", value_bytes(job) * parameters));
  if (job.train.guidance == "evolved")
    lines.push_back(line("reflection model, where it is another one", "b P", value_bytes(job) * parameters));
  if (job.ema)
    lines.push_back(
        line("moving average of the weights", job.bf16 ? "6 P" : "4 P", (job.bf16 ? 6 : 4) * parameters));
  return lines;
}

MemoryPhase sampling_phase(const PlanJob& job) {
  const Architecture& a = job.architecture;
  const double b = value_bytes(job);
  const double rollouts = double(own_prompts(job)) * job.train.rollouts_per_prompt;
  const double slots = std::min<double>(job.sampling.batch_size, rollouts);
  const double prompts = std::ceil(slots / job.train.rollouts_per_prompt);
  const double longest = job.plan.prompt_tokens + double(job.sampling.max_new_tokens);
  const double room = std::min<double>(a.context, 1.5 * job.sampling.max_new_tokens + 32);
  MemoryPhase phase{"sampling", standing(job)};
  phase.lines.push_back(line("cache of prompts", "2LKD b · prompts · p",
                             b * cache_values(a) * prompts * job.plan.prompt_tokens));
  phase.lines.push_back(line("cache of completions", "2LKD b · slots · (3/2 c + 32), it grows by half",
                             b * cache_values(a) * slots * std::min(room, longest)));
  phase.lines.push_back(line("logits", "4 V · slots", 4.0 * a.vocab_size * slots));
  return phase;
}

// What the backward pass needs of the micro-batch, and the stacked weights.
void add_activations(const PlanJob& job, double tokens, std::vector<MemoryLine>& lines) {
  const Architecture& a = job.architecture;
  const double b = value_bytes(job);
  const bool lora = job.lora_rank > 0;
  if (!job.activation_checkpointing) {
    if (lora) {
      lines.push_back(line("inputs of the adapter, f32", "4 N ΣL (2W + HD + F)",
                           job.bf16 ? 4 * tokens * over_layers(a, adapter_inputs) : 0));
    } else {
      lines.push_back(line("stacked weights", "b · ΣL (C + 2F) W", b * over_layers(a, stacked_values)));
    }
    lines.push_back(line("activations", "N · ΣL (b (4W + 2C + HD + 3F) + 4H)",
                         tokens * (b * over_layers(a, activation_values) + 4.0 * a.layers * a.heads)));
    return;
  }
  double stacked = 0, values = 0;
  for (std::size_t l = 0; l < static_cast<std::size_t>(a.layers); ++l) {
    stacked = std::max(stacked, stacked_values(a, l));
    values = std::max(values, activation_values(a, l));
  }
  if (lora) {
    lines.push_back(line("inputs of the adapter, f32", "4 N (2W + HD + F) of one layer",
                         job.bf16 ? 4 * tokens * adapter_inputs(a, 0) : 0));
  } else {
    lines.push_back(line("stacked weights", "b (C + 2F) W of one layer", b * stacked));
  }
  lines.push_back(line("activations", "N (2b W L + b (4W + 2C + HD + 3F) + 4H of one layer)",
                       tokens * (2 * b * a.width * a.layers + b * values + 4.0 * a.heads)));
}

MemoryLine earlier_gradients(const PlanJob& job, std::int64_t batches) {
  return line("gradients of earlier micro-batches",
              job.lora_rank > 0 ? "4 Q where there are several" : "4 P where there are several",
              batches > 1 ? 4 * trained(job) : 0);
}

// The end of the forward pass: all activations, and the first chunk of logits on its way back.
MemoryPhase logits_phase(const PlanJob& job, const LargestBatch& batch) {
  const Architecture& a = job.architecture;
  const double b = value_bytes(job), targets = static_cast<double>(batch.targets);
  const double chunk = std::min(targets, std::max(1.0, std::floor(kBackwardLogits / a.vocab_size)));
  MemoryPhase phase{"learning: logits", standing(job)};
  phase.lines.push_back(earlier_gradients(job, batch.batches));
  add_activations(job, static_cast<double>(batch.tokens), phase.lines);
  phase.lines.push_back(line("hidden rows and their gradient", "2 b M W", 2 * b * targets * a.width));
  phase.lines.push_back(
      line("logits and their gradient", "(4 + b) V · min(M, 2^26 / V)", (4 + b) * a.vocab_size * chunk));
  const double sums = targets > chunk ? 4 : 0;  // several chunks are summed in f32
  if (job.lora_rank == 0)
    phase.lines.push_back(line("gradient of the head", "b V W, and 4 V W where there are several chunks",
                               (b + sums) * head_products(a)));
  if (job.bf16) phase.lines.push_back(line("head in f32", "4 V W", 4 * head_products(a)));
  return phase;
}

// The last layer's way back: nothing of the activations is free yet.
MemoryPhase backward_phase(const PlanJob& job, const LargestBatch& batch) {
  const Architecture& a = job.architecture;
  const double b = value_bytes(job), tokens = static_cast<double>(batch.tokens);
  MemoryPhase phase{"learning: backward", standing(job)};
  phase.lines.push_back(earlier_gradients(job, batch.batches));
  add_activations(job, tokens, phase.lines);
  if (job.lora_rank == 0) phase.lines.push_back(line("gradient of the head", "b V W", b * head_products(a)));
  phase.lines.push_back(
      line("gradients on their way", "N b (3W + 3F) and b · 3F W of a layer",
           b * (tokens * (3.0 * a.width + 3 * active_ffn(a, 0)) + 3 * active_ffn(a, 0) * a.width)));
  return phase;
}

// All gradients are there; that of a tied embedding twice, of the head and of the input. That of another
// finds no room among what the layers have freed, in pieces smaller than it: the heap grows by it all the
// same.
MemoryPhase gradients_phase(const PlanJob& job) {
  const Architecture& a = job.architecture;
  MemoryPhase phase{"optimiser step", standing(job)};
  if (job.lora_rank > 0) {
    phase.lines.push_back(line("gradients", "4 Q", 4 * trained(job)));
    return phase;
  }
  phase.lines.push_back(
      line("gradients", job.bf16 ? "4 P, and 2 P as they come" : "4 P", (job.bf16 ? 6 : 4) * count(job)));
  phase.lines.push_back(
      line("gradient of the embedding, once more", "b V W", value_bytes(job) * head_products(a)));
  return phase;
}

}  // namespace

void PlanConfig::fields(Options& o) {
  o.add("prompt_tokens", prompt_tokens, "longest prompt").at_least(1);
  o.add("completion_tokens", completion_tokens,
        "mean length of a completion, for the time of a step; 0: sampling.max_new_tokens")
      .at_least(0);
  o.add("processes", processes, "processes of the run (docs/scale.md), each on hardware of its own")
      .at_least(1);
  o.add("signal", signal, "part of the groups that is learned from: the others are not forwarded")
      .range(0, 1);
  std::vector<std::string> names = hardware_names();
  names.emplace_back("all");
  o.add("hardware", hardware, "what the time of a step is reckoned for").choices(names);
  o.add("tflops", tflops,
        "cpu: TFLOP/s that large products reach there (bench_product); 0: as measured elsewhere")
      .at_least(0);
  o.add("bandwidth", bandwidth, "cpu: GB/s at which it reads memory; 0: as measured elsewhere").at_least(0);
}

double activation_values(const Architecture& a, std::size_t layer) {
  return 4.0 * a.width + 2 * qkv_width(a) + double(a.heads) * a.head_width + 3 * active_ffn(a, layer);
}

double adapter_values(const Architecture& a, int rank) {
  double sum = 0;  // inputs and outputs of the linear layers; experts have none
  for (std::size_t l = 0; l < static_cast<std::size_t>(a.layers); ++l) {
    const bool fused = a.traits().fused_weights;
    const double heads = double(a.heads) * a.head_width, width = a.width;
    sum += (fused ? 1 : 3) * width + qkv_width(a) + heads + width;
    if (!a.is_sparse(l)) sum += (fused ? 1 : 2) * width + 2.0 * a.ffn_width + a.ffn_width + width;
  }
  return rank * sum;
}

double cache_values(const Architecture& a) { return 2.0 * a.layers * a.kv_heads * a.head_width; }

LargestBatch largest_batch(const PlanJob& job) {
  const std::int64_t p = job.plan.prompt_tokens, c = job.sampling.max_new_tokens;
  const int updates = std::max(1, job.train.updates_per_batch);
  const int groups = (own_prompts(job) + updates - 1) / updates;  // of the largest part
  LargestBatch largest, now;
  const auto close = [&] {
    if (now.targets == 0) return;
    largest.tokens = std::max(largest.tokens, now.tokens);
    largest.targets = std::max(largest.targets, now.targets);
    ++largest.batches;
    now = {};
  };
  for (int group = 0; group < groups; ++group) {
    bool shared = false;  // the group's prompt is in the micro-batch
    for (int rollout = 0; rollout < job.train.rollouts_per_prompt; ++rollout) {
      const std::int64_t cost = (shared ? 0 : p) + c - 1;
      if (now.targets > 0 && now.tokens + cost > job.train.micro_batch_tokens) {
        close();
        shared = false;
      }
      now.tokens += (shared ? 0 : p) + c - 1;
      now.targets += c;
      shared = true;
    }
  }
  close();
  return largest;
}

double MemoryPhase::bytes() const {
  double sum = 0;
  for (const MemoryLine& line : lines) sum += line.bytes;
  return sum;
}

std::vector<MemoryPhase> memory_phases(const PlanJob& job) {
  const LargestBatch batch = largest_batch(job);
  std::vector<MemoryPhase> phases = {sampling_phase(job), logits_phase(job, batch),
                                     backward_phase(job, batch), gradients_phase(job)};
  if (is_sharded(job)) {
    phases.push_back({"saving, process 0", standing(job)});
    phases.back().lines.push_back(line("moments of the others, in the host's memory", "8 P", 8 * count(job)));
  }
  return phases;
}

double peak_bytes(const std::vector<MemoryPhase>& phases) {
  double peak = 0;
  for (const MemoryPhase& phase : phases) peak = std::max(peak, phase.bytes());
  return peak;
}

namespace {

const char* const kSheet = "data sheet, of which products reach 0.4 and reading 0.6: assumed, not measured";

struct Card {
  const char *name, *title;
  double tflops, bandwidth, memory;
};
// bf16 products with f32 sums, dense.
constexpr Card kCards[] = {{"a100", "NVIDIA A100 SXM 80 GB", 312, 2039, 80},
                           {"h100", "NVIDIA H100 SXM 80 GB", 989, 3350, 80},
                           {"h200", "NVIDIA H200 SXM 141 GB", 989, 4800, 141},
                           {"l40s", "NVIDIA L40S 48 GB", 362, 864, 48},
                           {"rtx4090", "NVIDIA RTX 4090 24 GB", 165, 1008, 24}};

}  // namespace

std::vector<std::string> hardware_names() {
  std::vector<std::string> names = {"cpu"};
  for (const Card& card : kCards) names.emplace_back(card.name);
  return names;
}

std::vector<Hardware> hardware(const PlanConfig& config, bool bf16) {
  // bench_product on two threads of an AMD EPYC with AVX-512 and bf16, 256 rows (docs/performance.md).
  Hardware cpu{
      "cpu", "this processor", bf16 ? 0.72 : 0.2, 20, 0, 0.6, 1, "measured on another: 2 threads of an EPYC"};
  if (config.tflops > 0) cpu.tflops = config.tflops;
  if (config.bandwidth > 0) cpu.bandwidth = config.bandwidth;
  if (config.tflops > 0 || config.bandwidth > 0) cpu.figures = "as given";
  std::vector<Hardware> all = {cpu};
  for (const Card& card : kCards)
    all.push_back({card.name, card.title, card.tflops, card.bandwidth, card.memory, 0.4, 0.6, kSheet});
  return all;
}

StepTime step_time(const PlanJob& job, const Hardware& hardware) {
  const Architecture& a = job.architecture;
  const double b = value_bytes(job), p = job.plan.prompt_tokens;
  const double c = job.plan.completion_tokens > 0 ? job.plan.completion_tokens : job.sampling.max_new_tokens;
  const double groups = own_prompts(job), n = job.train.rollouts_per_prompt;
  const double rollouts = groups * n, slots = std::min<double>(job.sampling.batch_size, rollouts);
  const double products_s = hardware.tflops * 1e12 * hardware.reached_tflops;
  const double reading_s = hardware.bandwidth * 1e9 * hardware.reached_bandwidth;
  const double blocks = over_layers(a, block_products), head = head_products(a);
  const double pair = 4.0 * a.layers * a.heads * a.head_width;  // operations a pair of positions, forward

  StepTime time;
  time.sampled_tokens = rollouts * c;
  time.prefill_s = groups * (2 * blocks * p + pair * p * p / 2) / products_s;
  // A decode step, at the middle of the completions.
  const double operations = slots * (2 * (blocks + head) + pair * (p + c / 2));
  const double bytes = b * (blocks + head) + b * cache_values(a) * (slots * c / 2 + std::ceil(slots / n) * p);
  time.decode_s = rollouts / slots * c * std::max(operations / products_s, bytes / reading_s);
  // A group's prompt is learned from once.
  const double tokens = groups * (p + n * c), pairs = groups * (p * p / 2 + n * (p * c + c * c / 2));
  time.learned_tokens = job.plan.signal * tokens;
  // With an adapter there is no product for the weights' own gradient.
  const double passes =
      job.train.epochs_per_batch * (3.0 - (job.lora_rank > 0) + job.activation_checkpointing);
  const double forward = 2 * blocks * tokens + 2 * head * rollouts * c + pair * pairs;
  // Models beside the policy are forwarded alone.
  const bool teaches =
      job.objective.self_distillation > 0 && job.objective.self_distillation_teacher != "frozen";
  const double others = (job.reference ? 1 : 0) + (teaches ? 1 : 0);
  time.learn_s = job.plan.signal * (passes + others) * forward / products_s;
  return time;
}

}  // namespace pope
