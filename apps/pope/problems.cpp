// pope problems: a file of generated problems with verifiable answers.
#include <fmt/format.h>

#include "data/source.h"
#include "pope/table.h"
#include "pope/verb.h"

namespace pope {
namespace {

Json run_problems(const Invocation& invocation) {
  const SourceConfig& config = invocation.settings.source;
  const std::vector<Problem> problems =
      problem_source(config.kind).generate(config, invocation.settings.run.seed);
  write_problems(invocation.out, problems);
  return {{"verb", "problems"},          {"kind", config.kind},
          {"part", config.part},         {"seed", invocation.settings.run.seed},
          {"problems", problems.size()}, {"out", invocation.out.string()}};
}

std::string show_problems(const Json& result) {
  return fmt::format("Wrote {} problems ({}, {}) to {}.\n", grouped(result.at("problems")),
                     result.at("kind").get<std::string>(), result.at("part").get<std::string>(),
                     result.at("out").get<std::string>());
}

}  // namespace

const Verb problems_verb = {
    .name = "problems",
    .group = Group::data,
    .summary = "generate problems of a synthetic family",
    .description =
        "Writes problems with answers that can be verified and known solutions: the hard part of a family\n"
        "to mine, or an easier part with demonstrations to pretrain on. The same seed gives the same file.\n"
        "\n"
        "  pope problems --out hard.jsonl --set source.part=hard --set source.count=320\n"
        "  pope problems --out pretrain.jsonl --set source.part=pretrain --set source.count=100000",
    .keys = {"source.*", "run.seed"},
    .out = "FILE.jsonl",
    .run = run_problems,
    .show = show_problems};

}  // namespace pope
