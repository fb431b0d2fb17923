// pope plan: memory and time of a training run, before anything is loaded.
#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/memory.h"
#include "core/progress.h"
#include "model/gguf.h"
#include "model/model_folder.h"
#include "plan/training_plan.h"
#include "pope/setup.h"
#include "pope/table.h"
#include "pope/verb.h"

namespace pope {
namespace {

// config.json, or the head of a .gguf file: no weights.
Architecture architecture_of(const std::string& given) {
  const std::filesystem::path path = find_model(given);
  if (path.extension() == ".gguf") return read_gguf_head(path).architecture;
  return architecture_from_json(read_json(path / "config.json"));
}

PlanJob job_of(const Settings& settings) {
  PlanJob job{.architecture = architecture_of(settings.paths.model),
              .bf16 = settings.run.dtype == "bf16",
              .activation_checkpointing = settings.run.activation_checkpointing,
              .lora_rank = settings.lora.rank,
              .sharded = settings.optimizer.sharded,
              .train = settings.train,
              .sampling = settings.sampling,
              .objective = settings.objective,
              .plan = settings.plan,
              .reference = needs_reference(settings.objective),
              .ema = needs_ema(settings.objective, settings.vote),
              .program_bytes = peak_memory_bytes()};
  if (settings.plan.processes > settings.train.prompts_per_step)
    refuse_setting(
        "plan.processes", fmt::format("at most train.prompts_per_step ({})", settings.train.prompts_per_step),
        std::to_string(settings.plan.processes), "each process samples at least one prompt of a step");
  const int room = job.architecture.context - job.sampling.max_new_tokens;
  if (room < 1) {
    refuse_setting("sampling.max_new_tokens",
                   fmt::format("less than the model's context of {} tokens", job.architecture.context),
                   std::to_string(job.sampling.max_new_tokens));
  }
  job.plan.prompt_tokens = std::min(job.plan.prompt_tokens, room);
  return job;
}

Json memory_json(const std::vector<MemoryPhase>& phases) {
  Json all = Json::array();
  for (const MemoryPhase& phase : phases) {
    Json lines = Json::array();
    for (const MemoryLine& line : phase.lines)
      lines.push_back({{"what", line.what}, {"formula", line.formula}, {"bytes", line.bytes}});
    all.push_back({{"phase", phase.name}, {"bytes", phase.bytes()}, {"lines", lines}});
  }
  return all;
}

Json time_json(const PlanJob& job, double peak) {
  Json rows = Json::array();
  for (const Hardware& one : hardware(job.plan, job.bf16)) {
    if (job.plan.hardware != "all" && job.plan.hardware != one.name) continue;
    const StepTime time = step_time(job, one);
    Json row = {{"hardware", one.name},      {"title", one.title},
                {"tflops", one.tflops},      {"bandwidth", one.bandwidth},
                {"figures", one.figures},    {"prefill_s", time.prefill_s},
                {"decode_s", time.decode_s}, {"learn_s", time.learn_s},
                {"step_s", time.seconds()},  {"run_s", time.seconds() * job.train.steps},
                {"memory_gb", one.memory}};
    row["fits"] = one.memory > 0 ? Json(peak < one.memory * 1e9) : Json(nullptr);
    rows.push_back(std::move(row));
  }
  return rows;
}

Json run_plan(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  const PlanJob job = job_of(settings);
  const LargestBatch batch = largest_batch(job);
  const std::vector<MemoryPhase> phases = memory_phases(job);
  const StepTime tokens = step_time(job, hardware(job.plan, job.bf16).front());
  return {{"verb", "plan"},
          {"model", settings.paths.model},
          {"parameters", job.architecture.parameters()},
          {"dtype", settings.run.dtype},
          {"prompt_tokens", job.plan.prompt_tokens},
          {"completion_tokens", job.sampling.max_new_tokens},
          {"batch_tokens", batch.tokens},
          {"batch_targets", batch.targets},
          {"micro_batches", batch.batches},
          {"processes", job.plan.processes},
          {"steps", job.train.steps},
          {"sampled_tokens", tokens.sampled_tokens},
          {"learned_tokens", tokens.learned_tokens},
          {"peak_bytes", peak_bytes(phases)},
          {"memory", memory_json(phases)},
          {"time", time_json(job, peak_bytes(phases))}};
}

std::string gigabytes(double bytes) { return fmt::format("{:.3g}", bytes / 1e9); }

std::string show_memory(const Json& result) {
  const Json* largest = nullptr;
  std::vector<std::vector<std::string>> totals = {{"held at once", "GB"}};
  for (const Json& phase : result.at("memory")) {
    totals.push_back({phase.at("phase").get<std::string>(), gigabytes(phase.at("bytes").get<double>())});
    if (phase.at("bytes") == result.at("peak_bytes")) largest = &phase;
  }
  std::vector<std::vector<std::string>> lines = {{largest->at("phase").get<std::string>(), "GB", "bytes"}};
  for (const Json& line : largest->at("lines")) {
    if (line.at("bytes") > 0)
      lines.push_back({line.at("what").get<std::string>(), gigabytes(line.at("bytes").get<double>()),
                       line.at("formula").get<std::string>()});
  }
  lines.push_back({"peak", gigabytes(result.at("peak_bytes").get<double>()), ""});
  return table(totals) + "\n" + table(lines);
}

std::string show_time(const Json& result) {
  std::vector<std::vector<std::string>> rows = {
      {"a step, s", "prompts", "completions", "learning", "together", "all steps", "fits"}};
  std::string figures;
  const auto seconds = [](const Json& value) { return fmt::format("{:.3g}", value.get<double>()); };
  for (const Json& row : result.at("time")) {
    rows.push_back({row.at("title").get<std::string>(), seconds(row.at("prefill_s")),
                    seconds(row.at("decode_s")), seconds(row.at("learn_s")), seconds(row.at("step_s")),
                    duration(row.at("run_s").get<double>()),
                    row.at("fits").is_null() ? ""
                    : row.at("fits") == true ? "yes"
                                             : "no"});
    figures += fmt::format("  {}: {:g} TFLOP/s, {:g} GB/s; {}\n", row.at("title").get<std::string>(),
                           row.at("tflops").get<double>(), row.at("bandwidth").get<double>(),
                           row.at("figures").get<std::string>());
  }
  return table(rows) + "\nWhat this rests on:\n" + figures;
}

std::string show_plan(const Json& result) {
  const int processes = result.at("processes").get<int>();
  return fmt::format(
             "{} parameters in {}; prompts of {} and completions of {} tokens at most.\n"
             "{} samples {} tokens in a step and learns from {}, in micro-batches of at most {}.\n\n",
             grouped(result.at("parameters")), result.at("dtype").get<std::string>(),
             grouped(result.at("prompt_tokens")), grouped(result.at("completion_tokens")),
             processes == 1 ? "It" : fmt::format("Each of {} processes", processes),
             grouped(std::int64_t(result.at("sampled_tokens").get<double>())),
             grouped(std::int64_t(result.at("learned_tokens").get<double>())),
             grouped(result.at("batch_tokens"))) +
         show_memory(result) + "\n" + show_time(result);
}

}  // namespace

const Verb plan_verb = {
    .name = "plan",
    .group = VerbGroup::data,
    .summary = "memory and time of a training run, before anything is loaded",
    .description =
        "Reads config.json, or the head of a .gguf file, and the settings of a run. Says what is held in\n"
        "memory at the longest batch, line by line with its formula, and how long a step takes on a few\n"
        "cards and processors. Memory is checked against measured runs on a CPU (docs/models.md); times are\n"
        "those of the figures shown, and nothing has run on a GPU. With plan.processes all is of one "
        "process.\n"
        "\n"
        "  pope plan --model MODEL -c configs/qwen3_4b.yaml -c configs/objectives/pipelinerl.yaml\n"
        "  pope plan --model MODEL -c runs/train/config.yaml --set plan.hardware=cpu --set plan.tflops=0.8",
    .arguments = "",
    .shortcuts = {{"--model", "paths.model", "MODEL", Need::required}},
    .keys = {"run.dtype", "run.activation_checkpointing", "paths.model", "train.*", "sampling.*",
             "objective.*", "vote.*", "lora.*", "optimizer.sharded", "plan.*"},
    .needs_out = false,
    .run = run_plan,
    .show = show_plan};

}  // namespace pope
