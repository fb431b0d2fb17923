// pope pairs: the problems of the two-problem experiment.
#include "explore/pairs.h"

#include <fmt/format.h>

#include <filesystem>
#include <numeric>

#include "pope/setup.h"
#include "pope/table.h"
#include "pope/verb.h"

namespace pope {
namespace {

std::vector<std::vector<double>> similarities(const LoadedModel& loaded, const std::vector<Problem>& hard,
                                              const std::vector<Problem>& easy) {
  const auto embed = [&](const std::vector<Problem>& problems) {
    std::vector<std::vector<float>> all;
    for (const Problem& problem : problems)
      all.push_back(statement_embedding(*loaded.model, *loaded.tokenizer, problem.statement));
    return all;
  };
  const auto left = embed(hard), right = embed(easy);
  std::vector<std::vector<double>> cosines;
  for (const auto& a : left) {
    std::vector<double>& row = cosines.emplace_back();
    for (const auto& b : right) row.push_back(std::inner_product(a.begin(), a.end(), b.begin(), 0.0));
  }
  return cosines;
}

Json run_pairs(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  RunDir run = open_run(invocation, "pairs");
  if (const auto stored = complete_result(run)) return *stored;
  const std::vector<Problem> hard = required_problems(settings);
  const std::vector<Problem> easy = read_problems(settings.paths.easy, problems_config(settings));
  const LoadedModel loaded = load_model(settings, Weights::frozen);
  Json rows = Json::array();
  int number = 0;
  for (const ProblemPair& pair : choose_pairs(settings.pairs, hard, easy, similarities(loaded, hard, easy))) {
    const std::filesystem::path folder = run.path() / fmt::format("pair-{}", ++number);
    write_problems(folder / "hard.jsonl", {hard[pair.hard]});
    write_problems(folder / "related.jsonl", {easy[pair.related]});
    write_problems(folder / "unrelated.jsonl", {easy[pair.unrelated]});
    const auto one = [](const Problem& problem, bool guided) {
      return Json{{"id", problem.id}, {"problem", problem.statement}, {"rate", *base_rate(problem, guided)}};
    };
    Json related = one(easy[pair.related], false), unrelated = one(easy[pair.unrelated], false);
    related["similarity"] = pair.related_similarity;
    unrelated["similarity"] = pair.unrelated_similarity;
    rows.push_back({{"hard", one(hard[pair.hard], true)}, {"related", related}, {"unrelated", unrelated}});
  }
  Json result = result_head(settings, "pairs");
  result["pairs"] = rows;
  return finish(run, std::move(result));
}

std::string show_pairs(const Json& result) {
  std::vector<std::vector<std::string>> rows = {{"", "problem", "base success", "similarity"}};
  for (const Json& pair : result.at("pairs")) {
    for (const char* role : {"hard", "related", "unrelated"}) {
      const Json& one = pair.at(role);
      rows.push_back(
          {role, one.at("problem"), percent(one.at("rate")),
           one.contains("similarity") ? fmt::format("{:.3f}", one["similarity"].get<double>()) : ""});
    }
  }
  return table(rows) + "\nBase success of the hard problems: under their guidance.\n";
}

}  // namespace

const Verb pairs_verb = {
    .name = "pairs",
    .group = VerbGroup::paper,
    .summary = "choose hard problems with a related and an unrelated easy one",
    .description =
        "For the two-problem experiment of the paper's Fig. 5. To hard problems (--problems, with guidance) "
        "it\n"
        "chooses of the easy ones (--easy, mined) the most and the least similar one, by the cosine of the\n"
        "mean hidden states of the statements. All have about the base success rate pairs.rate.\n"
        "\n"
        "Leaves in --out: pair-N/hard.jsonl, related.jsonl and unrelated.jsonl, result.json.\n"
        "\n"
        "  pope pairs --model MODEL --problems runs/guide/guided.jsonl --easy runs/mine-easy/easy.jsonl "
        "--out "
        "runs/pairs",
    .shortcuts = {{"--model", "paths.model", "MODEL", Need::required},
                  {"--problems", "paths.problems", "FILE", Need::required},
                  {"--easy", "paths.easy", "FILE", Need::required},
                  {"--skip-bad", "problems.skip_bad"}},
    .keys = {"run.label", "run.seed", "run.threads", "run.dtype", "run.device", "paths.model",
             "paths.problems", "paths.easy", "problems.*", "pairs.*"},
    .run = run_pairs,
    .show = show_pairs};

}  // namespace pope
