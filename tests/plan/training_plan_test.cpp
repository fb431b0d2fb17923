// The plan of a run beside numbers worked out by hand.
#include "plan/training_plan.h"

#include <gtest/gtest.h>

#include <map>

#include "core/files.h"

namespace pope {
namespace {

// P = 80 + 2·(64 + 32 + 32 + 64 + 3·96 + 16) + 8 = 1080, C = 16.
PlanJob tiny() {
  PlanJob job;
  Architecture& a = job.architecture;
  a.vocab_size = 10, a.width = 8, a.layers = 2, a.heads = 2, a.kv_heads = 1, a.head_width = 4,
  a.ffn_width = 12;
  a.context = 64;
  job.train.prompts_per_step = 2, job.train.rollouts_per_prompt = 3, job.train.micro_batch_tokens = 16;
  job.sampling.max_new_tokens = 4;
  job.plan.prompt_tokens = 5;
  job.program_bytes = 1000;
  return job;
}

std::map<std::string, double> totals(const PlanJob& job) {
  std::map<std::string, double> by_name;
  for (const MemoryPhase& phase : memory_phases(job)) by_name[phase.name] = phase.bytes();
  return by_name;
}

double line_of(const PlanJob& job, const std::string& phase, const std::string& what) {
  for (const MemoryPhase& one : memory_phases(job)) {
    for (const MemoryLine& line : one.lines)
      if (one.name == phase && line.what == what) return line.bytes;
  }
  return -1;
}

TEST(TrainingPlan, ABatchIsPackedAsTrainingPacksIt) {
  PlanJob job = tiny();
  ASSERT_EQ(job.architecture.parameters(), 1080);
  // Prompt 5 and three completions whose last token is no input: 14 tokens; a second group does not fit.
  LargestBatch batch = largest_batch(job);
  EXPECT_EQ(batch.tokens, 14);
  EXPECT_EQ(batch.targets, 12);
  EXPECT_EQ(batch.batches, 2);
  job.train.micro_batch_tokens = 12;  // 5 + 3 + 3, then the prompt again: 5 + 3
  batch = largest_batch(job);
  EXPECT_EQ(batch.tokens, 11);
  EXPECT_EQ(batch.batches, 4);
  job.train.micro_batch_tokens = 1;  // a sequence is never split
  EXPECT_EQ(largest_batch(job).tokens, 8);
  job.train.micro_batch_tokens = 100;
  EXPECT_EQ(largest_batch(job).tokens, 28);
}

TEST(TrainingPlan, MemoryByHand) {
  // Program 1000, tokenizer 7000, weights 4320, moments 8640.
  const double standing = 20960;
  const auto by_name = totals(tiny());
  // Cache of 2 prompts 4·16·2·5, of 6 completions 4·16·6·9, logits 4·10·6.
  EXPECT_EQ(by_name.at("sampling"), standing + 640 + 3456 + 240);
  // Gradients so far 4320, stacked 4·2·40·8, activations 14·(4·2·108 + 16), hidden 2·4·12·8, logits 8·10·12,
  // head 320.
  EXPECT_EQ(by_name.at("learning: logits"), standing + 4320 + 2560 + 12320 + 768 + 960 + 320);
  EXPECT_EQ(by_name.at("learning: backward"), standing + 4320 + 2560 + 12320 + 320 + 4 * (14 * 60 + 288));
  EXPECT_EQ(by_name.at("optimiser step"), standing + 4320 + 320);
  EXPECT_EQ(peak_bytes(memory_phases(tiny())), by_name.at("learning: backward"));
}

TEST(TrainingPlan, OneProcessOfSeveral) {
  PlanJob job = tiny();
  const double alone_s = step_time(job, hardware(job.plan, false).front()).learn_s;
  job.plan.processes = 2;
  EXPECT_EQ(largest_batch(job).batches, 1);  // one prompt each
  EXPECT_EQ(line_of(job, "sampling", "cache of prompts"), 320);
  EXPECT_EQ(line_of(job, "sampling", "moments of AdamW"), 8640);
  EXPECT_DOUBLE_EQ(step_time(job, hardware(job.plan, false).front()).learn_s, alone_s / 2);
  job.sharded = true;
  EXPECT_EQ(line_of(job, "sampling", "moments of AdamW, of this process's parameters"), 4320);
  job.plan.processes = 100;  // the embedding is in one of them
  EXPECT_EQ(line_of(job, "sampling", "moments of AdamW, of this process's parameters"), 8 * 80);
}

TEST(TrainingPlan, OtherFormsOfTheSame) {
  PlanJob job = tiny();
  job.bf16 = true;
  EXPECT_EQ(line_of(job, "sampling", "weights, bf16"), 2160);
  EXPECT_EQ(line_of(job, "learning: logits", "activations"), 14 * (2 * 2 * 108 + 16));
  EXPECT_EQ(line_of(job, "optimiser step", "gradients"), 6480);
  job = tiny();
  job.activation_checkpointing = true;
  // Two residuals a layer, and one layer computed again.
  EXPECT_EQ(line_of(job, "learning: logits", "activations"), 14 * (2 * 4 * 8 * 2 + 4 * 108 + 8));
  EXPECT_EQ(line_of(job, "learning: logits", "stacked weights"), 1280);
  job = tiny();
  job.reference = true;
  EXPECT_EQ(line_of(job, "sampling", "reference model"), 4320);
  job.train.micro_batch_tokens = 100;  // one micro-batch: nothing was added up before it
  EXPECT_EQ(line_of(job, "learning: logits", "gradients of earlier micro-batches"), 0);
}

TEST(TrainingPlan, TimeByHand) {
  const PlanJob job = tiny();
  const Hardware slow{
      .name = "slow", .tflops = 1e-6, .bandwidth = 1e-6};  // 10⁶ operations and 10³ bytes a second
  const StepTime time = step_time(job, slow);
  EXPECT_EQ(time.sampled_tokens, 24);
  EXPECT_EQ(time.learned_tokens, 34);
  // Blocks 960 and head 80 products; 64 operations a pair of positions.
  EXPECT_NEAR(time.prefill_s, 2 * (2 * 960 * 5 + 64 * 12.5) / 1e6, 1e-12);
  // Four decode steps, each bound by reading: 4·1040 of weights, 4·16·(6·2 + 2·5) of the cache.
  EXPECT_NEAR(time.decode_s, 4 * (4160 + 1408) / 1e3, 1e-9);
  EXPECT_NEAR(time.learn_s, 3 * (2 * 960 * 34 + 2 * 80 * 24 + 64 * 2 * (12.5 + 3 * 28)) / 1e6, 1e-12);
  Hardware quick = slow;
  quick.bandwidth = 1;  // bound by products: 6·(2·1040 + 64·7)
  EXPECT_NEAR(step_time(job, quick).decode_s, 4 * 15168 / 1e6, 1e-12);
  PlanJob half = job;
  half.plan.signal = 0.5;
  EXPECT_NEAR(step_time(half, slow).learn_s, time.learn_s / 2, 1e-12);
}

// The paper's run: what docs/models.md says of this model, and its cache.
TEST(TrainingPlan, Qwen3Of4BAt16k) {
  PlanJob job;
  job.architecture = architecture_from_json(
      read_json(std::string(POPE_SOURCE_DIR) + "/tests/golden/plan/qwen3_4b/config.json"));
  job.bf16 = job.activation_checkpointing = true;
  job.train.prompts_per_step = 4, job.train.rollouts_per_prompt = 8;
  job.sampling.max_new_tokens = 16384;
  job.plan.prompt_tokens = 2048;
  EXPECT_EQ(job.architecture.parameters(), 4022468096);
  EXPECT_EQ(2 * cache_values(job.architecture), 147456);
  const LargestBatch batch = largest_batch(job);
  EXPECT_EQ(batch.tokens, 18431);
  EXPECT_EQ(batch.batches, 32);
  // 14 bytes a parameter stand, gradients add 4, activations some ten gigabytes; but 32 rollouts of that
  // length hold more in the cache.
  const auto by_name = totals(job);
  EXPECT_GT(by_name.at("learning: logits"), 18 * 4.02e9);
  EXPECT_LT(by_name.at("learning: logits"), 100e9);
  EXPECT_EQ(line_of(job, "sampling", "cache of completions"), 147456.0 * 32 * 18432);
  EXPECT_EQ(peak_bytes(memory_phases(job)), by_name.at("sampling"));
  for (const Hardware& one : hardware(job.plan, true))
    EXPECT_GT(step_time(job, one).seconds(), 0) << one.name;
}

// Q = 2 · 2 (3·8 + 16 + 8 + 8 + 2·8 + 24 + 12 + 8) = 464.
TEST(TrainingPlan, AnAdapterIsTrainedBesideFrozenWeights) {
  PlanJob job = tiny();
  job.lora_rank = 2;
  EXPECT_EQ(adapter_values(job.architecture, 2), 464);
  EXPECT_EQ(totals(job)["optimiser step"], 1000 + 7000 + 4 * 1080 + 12 * 464 + 4 * 464);
  EXPECT_EQ(line_of(job, "learning: backward", "gradient of the head"), -1);
  EXPECT_EQ(line_of(job, "learning: backward", "inputs of the adapter, f32"), 0);
  job.bf16 = true;  // of 14 tokens and two layers, 4 (2·8 + 8 + 12)
  EXPECT_EQ(line_of(job, "learning: backward", "weights, frozen"), 2 * 1080);
  EXPECT_EQ(line_of(job, "learning: backward", "inputs of the adapter, f32"), 14 * 2 * 4 * 36);
}

}  // namespace
}  // namespace pope
