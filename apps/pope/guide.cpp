// pope guide: the shortest prefix of the known solution that makes success possible.
#include "explore/guide.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/files.h"
#include "core/progress.h"
#include "pope/next.h"
#include "pope/sampling_run.h"
#include "pope/table.h"
#include "pope/verb.h"

namespace pope {
namespace {

// Guidance that problems already carry is left out: they get a new one.
std::vector<Problem> unguided_problems(const Settings& settings) {
  std::vector<Problem> problems = required_problems(settings);
  if (guidance_source(settings.guide.kind).needs_solution) require_solutions("guide", problems);
  for (Problem& problem : problems) problem.guidance.reset();
  return problems;
}

Json guide_problems(SamplingRun& run, const Settings& settings, std::vector<Problem> given) {
  const std::vector<Problem> problems = run.within_context(std::move(given));
  std::vector<Problem> done;
  for (const Json& row : run.done()) done.push_back(problem_from_json(Json(row), "guided.partial.jsonl"));
  const GuideResult guided = guide(
      run.context(), settings.guide, problems, done,
      [&](const Problem& problem, const std::vector<Json>& records) { run.save(to_json(problem), records); });
  if (guided.problems.empty()) {
    throw Error(
        "guide",
        fmt::format("no problem got guidance: of {}, {} have no solution, and {} no prefix that worked or "
                    "could be given all the same",
                    problems.size(), guided.without_solution, guided.without_prefix),
        "give problems with the field \"solution\"; a prefix is shorter than the whole, states no answer, "
        "and leaves room for sampling.max_new_tokens; one that did not work is shorter than "
        "guide.fallback_fraction");
  }
  write_problems(run.path() / "guided.jsonl", guided.problems);
  Json result = {{"problems", problems.size()}};
  result.update(to_json(guided));
  return result;
}

void check_guide(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  const GuidanceSource& source = guidance_source(settings.guide.kind);
  const bool unsampled = source.unsampled && source.unsampled(settings.guide);
  if (!unsampled) check_samples(settings.sampling, "guide.samples", settings.guide.samples);
}

Json run_guide(const Invocation& invocation) {
  return sampling_verb(invocation, "guide", "guided", unguided_problems, guide_problems);
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

// There was a search, and it found no prefix that works.
bool found_nothing(const Json& result) { return result.at("unsampled") == 0 && result.at("found") == 0; }

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
    const int untried = result.value("without_candidate", 0);
    rows.push_back(
        {"no prefix worked: a random short one", grouped(result.at("fallback").get<int>() - untried)});
    if (untried > 0) rows.push_back({"nothing to try: the first words of a step", grouped(untried)});
  }
  rows.push_back(row("skipped: no solution", "without_solution"));
  rows.push_back(row("no guidance: none possible, or none worked", "without_prefix"));
  rows.push_back(row("candidate prefixes refused, since they state the answer", "leaks_prevented"));
  if (result.at("ungraded") > 0) rows.push_back(row("rollouts that could not be judged", "ungraded"));
  text += table(rows);
  text += "\nLength of the prefixes, as part of the solution:\n\n" + histogram(result.at("fractions"));
  if (found_nothing(result)) {
    text +=
        "\nNo prefix worked: training on this set begins without a success under guidance. More rollouts per "
        "prefix (guide.samples),\nprefixes that end inside steps (guide.boundary=word) or longer ones "
        "(guide.max_fraction) may find one; where rollouts are\ncut off, a higher sampling.max_new_tokens.\n";
  }
  return text;
}

std::string next_of_guide(const Json& result, const Invocation& invocation) {
  if (!found_nothing(result))
    return next_command(invocation, result, "train",
                        {{"--problems", result.at("out").get<std::string>() + "/guided.jsonl"}});
  const Settings& settings = invocation.settings;
  return next_command(invocation, result, "guide",
                      {{"--problems", settings.paths.problems},
                       {"--set", fmt::format("guide.samples={}", 4 * settings.guide.samples)},
                       {"--set", "guide.boundary=word"}});
}

}  // namespace

const Verb guide_verb = {
    .name = "guide",
    .group = VerbGroup::workflow,
    .summary = "find the shortest solution prefix that makes success possible",
    .description =
        "Tries prefixes of each problem's known solution, shortest first, and keeps the first under which\n"
        "the model succeeds at least once. If none works, a random prefix shorter than\n"
        "guide.fallback_fraction. No prefix states the answer. Stopped or killed, it goes on where it was.\n"
        "\n"
        "Leaves in --out: guided.jsonl (the problems with their guidance), rollouts/, result.json.\n"
        "\n"
        "  pope guide --model MODEL --problems runs/mine/hard.jsonl --out runs/guide",
    .shortcuts = {{"--model", "paths.model", "MODEL", Need::required},
                  {"--problems", "paths.problems", "FILE", Need::required},
                  {"--skip-bad", "problems.skip_bad"}},
    .keys = sampling_keys({"guide.*"}),
    .check = check_guide,
    .run = run_guide,
    .show = show_guide,
    .next = next_of_guide};

}  // namespace pope
