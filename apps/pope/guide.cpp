// pope guide: the shortest prefix of the known solution that makes success possible.
#include "explore/guide.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/files.h"
#include "core/progress.h"
#include "pope/partial.h"
#include "pope/setup.h"
#include "pope/table.h"
#include "pope/verb.h"

namespace pope {
namespace {

Json run_guide(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  RunDir run = open_run(invocation, "guide");
  if (const auto stored = complete_result(run)) return *stored;
  std::vector<Problem> given = required_problems(settings);
  require_solutions("guide", given);
  const Setup setup(settings, Weights::frozen);
  const Explorer explorer = setup.explorer(settings);
  int too_long = 0;
  for (Problem& problem : given) problem.guidance.reset();  // it gets a new one
  const std::vector<Problem> problems = fitting(std::move(given), explorer, &too_long);
  PartialResults partial(run.path(), "guided");
  std::vector<Problem> done;
  for (const Json& row : partial.done()) done.push_back(problem_from_json(Json(row), "guided.partial.jsonl"));

  const GuideResult guided =
      guide(explorer, settings.guide, problems, done,
            [&](const Problem& problem, const std::vector<Json>& records) {
              partial.add(to_json(problem), records, setup.engine->stats().sampled_tokens);
            });
  if (!guided.problems.empty()) write_problems(run.path() / "guided.jsonl", guided.problems);
  Json result = result_head(settings, "guide");
  result["problems"] = problems.size();
  result.update(to_json(guided));
  result["too_long"] = too_long;
  result["tokens"] = partial.tokens();
  result["seconds"] = partial.seconds();
  result = finish(run, std::move(result));
  partial.remove();
  return result;
}

// Bars of how long the prefixes are, in fifths of the solution.
std::string histogram(const std::vector<double>& fractions) {
  constexpr int kBins = 5, kWidth = 40;
  std::array<int, kBins> counts{};
  for (const double f : fractions) {
    ++counts[static_cast<std::size_t>(std::clamp(static_cast<int>(f * kBins), 0, kBins - 1))];
  }
  const int most = *std::max_element(counts.begin(), counts.end());
  std::string text;
  for (int i = 0; i < kBins; ++i) {
    const int count = counts[static_cast<std::size_t>(i)];
    const std::string bar(static_cast<std::size_t>(kWidth * count / std::max(most, 1)), '#');
    text += fmt::format("  {:>3} - {:>3} %  {:>6}{}{}\n", 100 * i / kBins, 100 * (i + 1) / kBins, count,
                        bar.empty() ? "" : "  ", bar);
  }
  return text;
}

std::string show_guide(const Json& result) {
  const auto row = [&](const char* text, const char* key) {
    return std::vector<std::string>{text, grouped(result.at(key))};
  };
  std::string text =
      result.at("unsampled") > 0
          ? fmt::format("Gave {} of {} problems a prefix, without a search.\n\n",
                        grouped(result.at("guided")), grouped(result.at("problems")))
          : fmt::format("Found a prefix that works for {} of {} problems in {}; {} tokens sampled.\n\n",
                        grouped(result.at("found")), grouped(result.at("problems")),
                        duration(result.at("seconds")), grouped(result.at("tokens")));
  std::vector<std::vector<std::string>> rows;
  if (result.at("unsampled") == 0) {
    rows.push_back(row("a prefix was found", "found"));
    rows.push_back(row("no prefix worked: a random short one", "fallback"));
  }
  rows.push_back(row("skipped: no solution", "without_solution"));
  rows.push_back(row("skipped: no prefix possible", "without_prefix"));
  rows.push_back(row("candidate prefixes refused, since they state the answer", "leaks_prevented"));
  if (result.at("undecided") > 0) rows.push_back(row("rollouts that could not be judged", "undecided"));
  text += table(rows);
  if (result.at("guided") == 0)
    return text + "\nNo problem got guidance: training needs solutions to take prefixes of.\n";
  text += "\nLength of the prefixes, as part of the solution:\n\n" + histogram(result.at("fractions"));
  return text + fmt::format("\nNext: pope train --problems {}/guided.jsonl …\n",
                            result.at("out").get<std::string>());
}

}  // namespace

const Verb guide_verb = {
    .name = "guide",
    .summary = "find the shortest solution prefix that makes success possible",
    .description =
        "Tries prefixes of each problem's known solution, shortest first, and keeps the first under which\n"
        "the model succeeds at least once. If none works, a random prefix shorter than\n"
        "guide.fallback_fraction. No prefix states the answer. Killed, it goes on where it was.\n"
        "\n"
        "Leaves in --out: guided.jsonl (the problems with their guidance), rollouts/, result.json.\n"
        "\n"
        "  pope guide --model MODEL --problems runs/mine/hard.jsonl --out runs/guide",
    .shortcuts = {{"--model", "paths.model"},
                  {"--problems", "paths.problems"},
                  {"--skip-bad", "problems.skip_bad"}},
    .sections = {"run", "paths", "problems", "guide", "sampling", "prompt", "verify"},
    .run = run_guide,
    .show = show_guide};

}  // namespace pope
