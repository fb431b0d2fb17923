// pope problems: a file of generated problems with verifiable answers; or a file of others, in our own form.
#include <fmt/format.h>

#include <algorithm>

#include "data/problem_files.h"
#include "data/source.h"
#include "pope/command_line.h"
#include "pope/table.h"
#include "pope/verb.h"

namespace pope {
namespace {

Json generate(const Invocation& invocation) {
  if (invocation.out.empty()) throw UsageError("expected --out FILE.jsonl, or convert IN OUT");
  const SourceConfig& config = invocation.settings.source;
  const std::vector<Problem> problems =
      problem_source(config.kind).generate(config, invocation.settings.run.seed);
  write_problems(invocation.out, problems);
  return {{"verb", "problems"},          {"kind", config.kind},
          {"part", config.part},         {"seed", invocation.settings.run.seed},
          {"problems", problems.size()}, {"out", invocation.out.string()}};
}

Json convert(const Invocation& invocation) {
  const std::string &in = invocation.arguments[1], &out = invocation.arguments[2];
  ProblemsConfig config = invocation.settings.problems;
  config.wordings.clear();  // those of the verbs that show them
  const ProblemFile file = read_problem_file(in, config);
  write_problems(out, file.problems);
  const auto solutions = std::count_if(file.problems.begin(), file.problems.end(),
                                       [](const Problem& problem) { return !problem.solution.empty(); });
  return {{"verb", "problems"},
          {"in", in},
          {"format", file.format},
          {"problems", file.problems.size()},
          {"with_solution", solutions},
          {"skipped", file.skipped},
          {"out", out}};
}

Json run_problems(const Invocation& invocation) {
  const std::vector<std::string>& arguments = invocation.arguments;
  if (arguments.empty()) return generate(invocation);
  if (arguments[0] != "convert" || arguments.size() != 3 || !invocation.out.empty())
    throw UsageError("expected convert IN OUT, or --out FILE.jsonl alone\n  see 'pope problems --help'");
  return convert(invocation);
}

std::string show_problems(const Json& result) {
  const std::string problems = grouped(result.at("problems")), out = result.at("out");
  if (result.contains("kind")) {
    return fmt::format("Wrote {} problems ({}, {}) to {}.\n", problems, result["kind"].get<std::string>(),
                       result.at("part").get<std::string>(), out);
  }
  return fmt::format("Wrote {} problems to {}; {} of them have a solution; {} bad rows left out.\n", problems,
                     out, grouped(result.at("with_solution")), grouped(result.at("skipped")));
}

}  // namespace

const Verb problems_verb = {
    .name = "problems",
    .group = VerbGroup::data,
    .summary = "generate problems of a synthetic family, or convert a file",
    .description =
        "Writes problems with answers that can be verified and known solutions: the hard part of a family\n"
        "to mine, or an easier part with demonstrations to pretrain on. The same seed gives the same file.\n"
        "With convert: reads any problem file that pope reads (JSON Lines, a JSON array, Parquet, gzip or\n"
        "zstd; the columns of verl, TRL and others: docs/formats.md) and writes it as JSON Lines in pope's\n"
        "own form, once for all.\n"
        "\n"
        "  pope problems --out hard.jsonl --set source.part=hard --set source.count=320\n"
        "  pope problems --out pretrain.jsonl --set source.part=pretrain --set source.count=100000\n"
        "  pope problems convert train.parquet problems.jsonl\n"
        "  pope problems convert odd.json problems.jsonl --set problems.fields.answer=info.gold --skip-bad",
    .arguments = "[convert IN OUT]",
    .shortcuts = {{"--skip-bad", "problems.skip_bad"}},
    .keys = {"source.*", "problems.*", "run.seed"},
    .out = "FILE.jsonl",
    .needs_out = false,
    .run = run_problems,
    .show = show_problems};

}  // namespace pope
