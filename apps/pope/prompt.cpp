// pope prompt: what a model is shown for a problem, as text and as tokens.
#include "data/prompt.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/error.h"
#include "model/load.h"
#include "model/model_folder.h"
#include "pope/setup.h"
#include "pope/table.h"
#include "pope/verb.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

struct Reader {
  std::shared_ptr<const Tokenizer> tokenizer;
  std::vector<int> eos_tokens;
};

// Of a model directory without its weights; a .gguf file is read whole.
Reader read_tokenizer(const fs::path& given) {
  const fs::path path = find_model(given);
  if (!fs::is_directory(path)) {
    const LoadedModel loaded = load_model(path, at::kBFloat16, Weights::frozen);
    return {loaded.tokenizer, loaded.model->architecture().eos_tokens};
  }
  Reader reader{load_tokenizer(path), {}};
  for (const char* name : {"config.json", "generation_config.json"}) {
    if (!fs::exists(path / name)) continue;
    for (const int id : read_eos_tokens(read_json(path / name))) reader.eos_tokens.push_back(id);
  }
  return reader;
}

// With a problem file its problem of that id, or its first; without one the argument is the statement.
Problem the_problem(const Invocation& invocation) {
  const std::string argument = invocation.arguments.empty() ? "" : invocation.arguments[0];
  if (invocation.settings.paths.problems.empty()) {
    if (argument.empty())
      throw Error("prompt", "no problem given", "give --problems FILE, or the problem's text");
    Problem problem;
    problem.id = "problem";
    problem.statement = argument;
    return problem;
  }
  std::vector<Problem> problems =
      read_problems(invocation.settings.paths.problems, invocation.settings.problems);
  for (Problem& problem : problems) {
    if (argument.empty() || problem.id == argument) return std::move(problem);
  }
  throw Error(
      "prompt",
      "expected the id of a problem in " + invocation.settings.paths.problems + ", got '" + argument + "'",
      "the first is '" + problems[0].id + "'");
}

Json token_json(const Tokenizer& tokenizer, int id) {
  return {{"id", id}, {"text", tokenizer.decode(std::vector<int>{id}, false)}};
}

Json prompt_json(const Tokenizer& tokenizer, const char* kind, const std::vector<int>& ids) {
  Json tokens = Json::array();
  for (const int id : ids) tokens.push_back(token_json(tokenizer, id));
  return {{"kind", kind}, {"text", tokenizer.decode(ids, false)}, {"tokens", std::move(tokens)}};
}

Json run_prompt(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  const Problem problem = the_problem(invocation);
  const Reader reader = read_tokenizer(settings.paths.model);
  const Tokenizer& tokenizer = *reader.tokenizer;
  const PromptRenderer prompts(settings.prompt, reader.tokenizer);
  Json shown = Json::array({prompt_json(tokenizer, "unguided", make_prompt(prompts, problem, false).sample)});
  if (problem.guidance)
    shown.push_back(prompt_json(tokenizer, "guided", make_prompt(prompts, problem, true).sample));
  Json ends = Json::array();
  for (const int id : prompts.end_tokens(reader.eos_tokens)) ends.push_back(token_json(tokenizer, id));
  return {{"verb", "prompt"},
          {"model", settings.paths.model},
          {"problem_id", problem.id},
          {"prompts", std::move(shown)},
          {"end_tokens", std::move(ends)}};
}

// "872 "user""; white space in it is visible.
std::string shown_token(const Json& token) {
  return fmt::format("{} {}", token.at("id").get<int>(), dump(token.at("text")));
}

std::string show_prompt(const Json& result) {
  std::string text;
  for (const Json& prompt : result.at("prompts")) {
    const Json& tokens = prompt.at("tokens");
    text += fmt::format("{}, {}, {} tokens:\n\n{}\n\n", result.at("problem_id").get<std::string>(),
                        prompt.at("kind").get<std::string>(), grouped(tokens.size()),
                        prompt.at("text").get<std::string>());
    std::string line;
    for (const Json& token : tokens) {
      const std::string one = shown_token(token);
      if (line.size() + one.size() > 100) text += line + "\n", line.clear();
      line += (line.empty() ? "" : "  ") + one;
    }
    text += line + "\n\n";
  }
  std::string ends;
  for (const Json& token : result.at("end_tokens")) ends += (ends.empty() ? "" : ", ") + shown_token(token);
  return text + "A rollout ends at " + (ends.empty() ? "no token" : ends + "; training writes the first") +
         ".\n";
}

}  // namespace

const Verb prompt_verb = {
    .name = "prompt",
    .group = VerbGroup::data,
    .summary = "show what the model is shown for a problem, token by token",
    .description =
        "Renders the model's own chat template with the settings of the section prompt, without and, where\n"
        "the problem has it, with guidance. With --problems the argument is an id (default: the first\n"
        "problem), else it is the problem's text. No weights are read of a model directory.\n"
        "\n"
        "  pope prompt --model MODEL --problems runs/guide/guided.jsonl\n"
        "  pope prompt --model MODEL \"What is 2+2?\"",
    .arguments = "[PROBLEM]",
    .shortcuts = {{"--model", "paths.model", "MODEL", Need::required},
                  {"--problems", "paths.problems", "FILE"},
                  {"--skip-bad", "problems.skip_bad"}},
    .keys = {"paths.model", "paths.problems", "problems.*", "prompt.*"},
    .needs_out = false,
    .run = run_prompt,
    .show = show_prompt};

}  // namespace pope
