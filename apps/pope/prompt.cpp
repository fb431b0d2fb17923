// pope prompt: what a model is shown for a problem, as text and as tokens.
#include "data/prompt.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/nearest.h"
#include "model/load.h"
#include "pope/setup.h"
#include "pope/table.h"
#include "pope/verb.h"

namespace pope {
namespace {

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
      read_problems(invocation.settings.paths.problems, problems_config(invocation.settings));
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
  const ModelHead head = load_head(settings.paths.model);
  const Tokenizer& tokenizer = *head.tokenizer;
  const PromptRenderer prompts(settings.prompt, head.tokenizer);
  Json shown = Json::array({prompt_json(tokenizer, "unguided", make_prompt(prompts, problem, false).sample)});
  if (problem.guidance) {
    const Prompt guided = make_prompt(prompts, problem, true);
    shown.push_back(prompt_json(tokenizer, "guided", guided.sample));
    const std::string& wording = guided.problem.guidance->instruction;
    shown.back()["wording"] = wording;
    shown.back()["guidance_in"] = prompts.wording(wording).guidance_in;
  }
  Json ends = Json::array();
  for (const int id : prompts.end_tokens(head.eos_tokens)) ends.push_back(token_json(tokenizer, id));
  return {{"verb", "prompt"},
          {"model", settings.paths.model},
          {"problem_id", problem.id},
          {"prompts", std::move(shown)},
          {"wordings", names_of(prompts.wordings())},
          {"end_tokens", std::move(ends)}};
}

// "872 "user""; white space in it is visible.
std::string shown_token(const Json& token) {
  return fmt::format("{} {}", token.at("id").get<int>(), dump(token.at("text")));
}

// "unguided"; "guided (wording silent, guidance in the message)".
std::string shown_kind(const Json& prompt) {
  const std::string kind = prompt.at("kind");
  if (!prompt.contains("wording")) return kind;
  return fmt::format(
      "{} (wording {}, {})", kind, prompt.at("wording").get<std::string>(),
      prompt.at("guidance_in") == kInUser ? "guidance in the message" : "guidance opens the answer");
}

std::string show_prompt(const Json& result) {
  std::string text;
  for (const Json& prompt : result.at("prompts")) {
    const Json& tokens = prompt.at("tokens");
    text += fmt::format("{}, {}, {} tokens:\n\n{}\n\n", result.at("problem_id").get<std::string>(),
                        shown_kind(prompt), grouped(tokens.size()), prompt.at("text").get<std::string>());
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
  text += "Wordings (prompt.instruction): " + listed(result.at("wordings").get<std::vector<std::string>>()) +
          ".\n";
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
        "the problem has it, with guidance, in the wording that it names or prompt.instruction. With\n"
        "--problems the argument is an id (default: the first problem), else it is the problem's text. No\n"
        "weights are read.\n"
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
