// The table of formats, and what they share: prompts as messages, the mixture, files.
#include "export/export.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/nearest.h"
#include "data/format_parquet.h"
#include "export/reward_file.h"

namespace pope {
namespace {

// The row of `pope verify -` for a completion. Comparing answers needs the reference answer alone; other
// verifiers may look at the whole problem, and at the guidance that the completion goes on from.
std::string grading_of(const ExportJob& job, const Problem& problem, const Guidance* shown, bool continues) {
  Json row = {{"gold", problem.answer}, {"form", "freetext"}};
  if (job.verify.kind != "math") {
    for (const auto& [key, value] : problem.extra.items()) row[key] = value;
    row["problem_id"] = problem.id;
    row["problem"] = problem.statement;
    if (shown != nullptr && continues) row["guidance"] = shown->text;
  }
  return dump(row);
}

class RowMaker {
 public:
  explicit RowMaker(const ExportJob& job) : job_(job), wordings_(job.prompt.all_wordings()) {}

  ExportRow row(const std::string& set, const Problem& problem, bool show_guidance) const {
    const Guidance* shown = show_guidance && problem.guidance ? &*problem.guidance : nullptr;
    const Wording* wording = shown != nullptr ? &wording_of(*shown) : nullptr;
    ExportRow row{.set = set, .id = problem.id, .answer = problem.answer, .guided = shown != nullptr};
    if (problem.guidance) row.guidance = problem.guidance->text;
    const std::string& text = wording != nullptr ? wording->text : job_.prompt.unguided;
    row.messages = Json::array();
    if (job_.prompt.system != "auto") add(row.messages, "system", job_.prompt.system);
    add(row.messages, "user",
        fill_wording(text, {.problem = problem.statement, .guidance = shown != nullptr ? shown->text : ""}));
    if (wording != nullptr && wording->guidance_in == kInAssistant)
      add(row.messages, "assistant", shown->text);
    row.grading = grading_of(job_, problem, shown, wording != nullptr && wording->continues);
    return row;
  }

 private:
  static void add(Json& messages, const char* role, const std::string& content) {
    messages.push_back({{"role", role}, {"content", content}});
  }

  const Wording& wording_of(const Guidance& guidance) const {
    const std::string& name = guidance.instruction.empty() ? job_.prompt.instruction : guidance.instruction;
    const auto found = wordings_.find(name);
    if (found == wordings_.end())
      throw Error("export",
                  "expected the wording " + listed(names_of(wordings_), "or") + ", got '" + name + "'",
                  "wordings of your own are in prompt.wordings");
    return found->second;
  }

  const ExportJob& job_;
  Wordings wordings_;
};

// The mixture leaves a problem's guidance in the guided set alone; exports name it beside every prompt.
const Problem& with_guidance(const std::map<std::string, const Problem*>& hard, const Problem& problem) {
  const auto found = hard.find(problem.id);
  return found == hard.end() ? problem : *found->second;
}

// Steps until each set was walked once.
std::int64_t epoch_of(const Mixture& mixture, const TrainConfig& train) {
  std::map<std::string, std::size_t> a_step;
  for (const PromptDraw& draw : mixture.draw(0, train.prompts_per_step)) ++a_step[draw.set->name];
  std::size_t steps = 1;
  for (const PromptSet& set : mixture.sets()) {
    const std::size_t count = a_step.at(set.name);
    steps = std::max(steps, (set.problems.size() + count - 1) / count);
  }
  return std::min<std::int64_t>(static_cast<std::int64_t>(steps), train.steps);
}

std::string readme(const std::string& format, const ExportSets& sets, const ExportFiles& files) {
  std::string text = fmt::format("# Written by `pope export {}`\n\n", format);
  for (const ExportSet& set : sets.sets) text += fmt::format("- {}: {} prompts\n", set.name, set.rows.size());
  text += fmt::format("- mixture: {} prompts, in the order in which `pope train` would draw them\n",
                      sets.mixture.size());
  for (const ExportSet& set : sets.eval)
    text += fmt::format("- eval-{}: {} prompts\n", set.name, set.rows.size());
  text += fmt::format(
      "- {}: the reward. It asks the program `pope` (on PATH, or POPE=/path/to/pope), which must be there\n"
      "  on every machine that grades; `python3 -c 'import pope_reward as r; "
      "print(r.judge(\"\\\\boxed{{7}}\",\n"
      "  \"7\"))'` tries it\n",
      kRewardFile);
  if (!files.command.empty()) text += "\nIn this folder:\n\n    " + files.command + "\n";
  if (!files.notes.empty()) text += "\nOtherwise than with `pope train`:\n\n";
  for (const std::string& note : files.notes) text += "- " + note + "\n";
  return text;
}

}  // namespace

void ExportConfig::fields(Options& options) {
  options.add("max_prompt_tokens", max_prompt_tokens, "longest prompt, in the trainer's config").at_least(1);
  options.add("rows", rows, "form of the prompt sets; Parquet for verl and TRL")
      .choices({"jsonl", "parquet"});
}

const std::map<std::string, const ExportFormat*>& export_formats() {
  static const std::map<std::string, const ExportFormat*> table = {{"jsonl", &jsonl_format},
                                                                   {"verl", &verl_format},
                                                                   {"trl", &trl_format},
                                                                   {"pipelinerl", &pipelinerl_format},
                                                                   {"prime-rl", &prime_rl_format}};
  return table;
}

ExportSets make_export_sets(const ExportJob& job) {
  const RowMaker maker(job);
  const Mixture mixture(job.mixture, job.hard, job.easy, job.seed);
  std::map<std::string, const Problem*> hard;
  for (const Problem& problem : job.hard) hard.emplace(problem.id, &problem);
  const auto row = [&](const PromptSet& set, const Problem& problem) {
    return maker.row(set.name, set.name == "easy" ? problem : with_guidance(hard, problem), set.guided);
  };
  ExportSets sets;
  for (const PromptSet& set : mixture.sets()) {
    ExportSet made{set.name, {}};
    for (const Problem& problem : set.problems) made.rows.push_back(row(set, problem));
    sets.sets.push_back(std::move(made));
  }
  const std::int64_t steps = epoch_of(mixture, job.train);
  for (std::int64_t step = 0; step < steps; ++step) {
    for (const PromptDraw& draw : mixture.draw(step, job.train.prompts_per_step))
      sets.mixture.push_back(row(*draw.set, *draw.problem));
  }
  for (const NamedProblems& named : job.eval_sets) {
    ExportSet made{named.name, {}};
    for (const Problem& problem : named.problems) made.rows.push_back(maker.row(named.name, problem, false));
    sets.eval.push_back(std::move(made));
  }
  return sets;
}

ExportFiles make_export(const std::string& format, const ExportJob& job) {
  const ExportFormat& chosen = *export_formats().at(format);
  check(job.prompt);
  require_setting(job.config.rows == "jsonl" || chosen.parquet, format, "export.rows", "jsonl",
                  job.config.rows);
  if (chosen.trains) {
    require_setting(!job.model.empty(), format, "paths.model", "a model (--model)", "none");
    require_setting(job.prompt.chat_template == "auto", format, "prompt.chat_template", "auto",
                    job.prompt.chat_template);
    require_setting(job.sampling.temperature > 0, format, "sampling.temperature", "above 0",
                    config_number(job.sampling.temperature));
    check_warmup(job.optimizer, job.train.steps);
    refuse_own_methods(job, format);
  }
  const ExportSets sets = make_export_sets(job);
  const auto opens_answer = [](const ExportRow& row) {
    return row.messages.back().at("role") == kInAssistant;
  };
  require_setting(!chosen.trains || std::none_of(sets.mixture.begin(), sets.mixture.end(), opens_answer),
                  format, "prompt.guidance_in", kInUser, kInAssistant);
  ExportFiles files = chosen.make(job, sets);
  files.texts["README.md"] = readme(format, sets, files);
  return files;
}

void write_export(const std::filesystem::path& folder, const ExportFiles& files, const ExportConfig& config) {
  for (const auto& [name, text] : files.texts) write_file(folder / name, text);
  for (const auto& [name, rows] : files.rows) {
    if (config.rows == "parquet") {
      write_parquet(folder / (name + ".parquet"), rows);
    } else {
      write_jsonl(folder / (name + ".jsonl"), rows);
    }
  }
}

void require_setting(bool holds, const std::string& trainer, std::string_view key,
                     const std::string& expected, const std::string& got) {
  if (holds) return;
  refuse_setting(key, expected + " with pope export " + trainer, got,
                 "what " + trainer + " cannot do is not exported as something else; pope train does it");
}

void refuse_own_methods(const ExportJob& job, const std::string& trainer) {
  const ObjectiveConfig& objective = job.objective;
  require_setting(objective.kind != "luffy", trainer, "objective.kind", "another loss", objective.kind);
  require_setting(objective.pass_k == 0, trainer, "objective.pass_k", "0", std::to_string(objective.pass_k));
  require_setting(!objective.context_distillation, trainer, "objective.context_distillation", "false",
                  "true");
  require_setting(objective.reward == "verifier", trainer, "objective.reward", "verifier", objective.reward);
  require_setting(objective.policy_coef == 1, trainer, "objective.policy_coef", "1",
                  config_number(objective.policy_coef));
  require_setting(objective.self_distillation == 0, trainer, "objective.self_distillation", "0",
                  config_number(objective.self_distillation));
  require_setting(objective.regularize_without_signal, trainer, "objective.regularize_without_signal", "true",
                  "false");
  require_setting(!job.train.skip_without_signal, trainer, "train.skip_without_signal", "false", "true");
  require_setting(job.train.guidance == "fixed", trainer, "train.guidance", "fixed", job.train.guidance);
  require_setting(job.lora.rank == 0, trainer, "lora.rank", "0", std::to_string(job.lora.rank));
  require_setting(job.retire.above == 0, trainer, "retire.above", "0", config_number(job.retire.above));
}

std::string config_text(std::string_view text) { return dump(Json(text)); }

std::string config_number(double value) {
  std::string text = fmt::format("{}", value);
  const std::size_t exponent = text.find('e');
  if (exponent != std::string::npos && text.find('.') == std::string::npos) text.insert(exponent, ".0");
  return text;
}

std::int64_t optimizer_steps(const TrainConfig& train) {
  return std::int64_t{train.steps} * train.updates_per_batch * train.epochs_per_batch;
}

std::int64_t warmup_steps(const ExportJob& job) {
  const double warmup = job.optimizer.warmup;
  const double steps = warmup < 1 ? warmup * job.train.steps : warmup;
  return std::llround(steps * job.train.updates_per_batch * job.train.epochs_per_batch);
}

std::vector<ExportSet> eval_or_unguided(const ExportSets& sets) {
  if (!sets.eval.empty()) return sets.eval;
  const auto unguided = std::find_if(sets.sets.begin(), sets.sets.end(),
                                     [](const ExportSet& set) { return set.name == "unguided"; });
  return unguided == sets.sets.end() ? std::vector<ExportSet>{} : std::vector{*unguided};
}

}  // namespace pope
