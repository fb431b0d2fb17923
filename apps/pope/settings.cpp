// The settings of the program itself; the rooms declare their own sections.
#include "pope/settings.h"

namespace pope {

void RunConfig::fields(Options& options) {
  options.add("label", label, "the method's name in reports; empty: the verb");
  options.add("seed", seed,
              "seed of everything random; runs with one label and several seeds are one method");
  options.add("threads", threads, "CPU threads; 0: all cores");
  options.add("dtype", dtype,
              "what the model computes in: fp32 | bf16 (weights are kept in fp32 either way)");
  options.add("activation_checkpointing", activation_checkpointing,
              "train, sft: compute each block again in the backward pass; less memory, more time");
  options.add("device", device, "where the model computes: cpu | cuda | cuda:N");
}

void PathsConfig::fields(Options& options) {
  options.add("model", model, "Hugging Face model directory, or a .gguf file");
  options.add("problems", problems,
              "problem file (JSON Lines, JSON array, Parquet); train: hard problems with guidance");
  options.add("easy", easy, "train: file of easy problems, drawn with weight mixture.easy");
  options.add("reference", reference,
              "train: model that objective.kl_coef keeps the policy near; empty: the initial model");
  options.add("eval_sets", eval_sets, "problem sets to evaluate on, each NAME=FILE");
}

void CheckConfig::fields(Options& options) {
  options.add("gold", gold, "reference answer");
  options.add("pred", pred, "what is checked: an answer, or a response that holds one");
  options.add("form", form, "how the answer stands in pred: answer | response | freetext");
}

void Settings::declare(Options& options) {
  options.section("run", run);
  options.section("paths", paths);
  options.section("problems", problems);
  options.section("prompt", prompt);
  options.section("verify", verify);
  options.section("check", check);
  options.section("sampling", sampling);
  options.section("source", source);
  options.section("mine", mine);
  options.section("guide", guide);
  options.section("collect", collect);
  options.section("pairs", pairs);
  options.section("mixture", mixture);
  options.section("objective", objective);
  options.section("optimizer", optimizer);
  options.section("train", train);
  options.section("stream", stream);
  options.section("sft", sft);
  options.section("eval", eval);
  options.section("report", report);
  options.section("reproduce", reproduce);
}

}  // namespace pope
