// pope init: a randomly initialised model for a synthetic family.
#include <fmt/format.h>

#include "core/error.h"
#include "core/files.h"
#include "data/source.h"
#include "model/load.h"
#include "pope/table.h"
#include "pope/verb.h"

namespace pope {
namespace {

Json run_init(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  const std::vector<std::string> words = problem_source(settings.source.kind).vocabulary(settings.source);
  const auto tokenizer = make_word_tokenizer(words, words.at(0));
  Json config = read_json(invocation.arguments.at(0));
  if (!config.is_object()) throw Error("init", invocation.arguments[0] + ": expected a JSON object");
  config["vocab_size"] = tokenizer->size();
  config["eos_token_id"] = tokenizer->find(words[0]).value();
  const auto model = Model::random(architecture_from_json(config), settings.run.seed);
  // Killed after its last write, it finds its own work when it is started again.
  if (!write_new_folder(invocation.out, [&](const std::filesystem::path& folder) {
        save_model(folder, *model, *tokenizer);
      })) {
    throw Error("init", invocation.out.string() + " exists, with other content",
                "choose another --out, or remove it first");
  }
  return {{"verb", "init"},
          {"parameters", model->architecture().parameters()},
          {"vocabulary", tokenizer->size()},
          {"seed", settings.run.seed},
          {"out", invocation.out.string()}};
}

std::string show_init(const Json& result) {
  return fmt::format("Wrote a random model with {} parameters and {} words to {}.\n",
                     grouped(result.at("parameters")), grouped(result.at("vocabulary")),
                     result.at("out").get<std::string>());
}

}  // namespace

const Verb init_verb = {
    .name = "init",
    .group = VerbGroup::data,
    .summary = "make a randomly initialised model for a synthetic family",
    .description =
        "CONFIG.json is a Hugging Face config.json without vocabulary: size and end token are filled in "
        "from\n"
        "the family's words (source.kind). Leaves in --out a Hugging Face model directory.\n"
        "\n"
        "  pope init configs/micro.json --out runs/init --set source.kind=walks",
    .arguments = "CONFIG.json",
    .keys = {"source.kind", "source.modulus", "source.part", "run.seed"},
    .run = run_init,
    .show = show_init};

}  // namespace pope
