// What a prompt shows, and what it is sampled and trained under.
#include "data/prompt.h"

#include <gtest/gtest.h>

#include <memory>

#include "core/error.h"

namespace pope {
namespace {

std::shared_ptr<const Tokenizer> words() {
  return make_word_tokenizer({"<end>", "solve", "it", "so", "on", "hush"}, "<end>");
}

PromptRenderer renderer(const std::string& instruction) {
  PromptConfig config;
  config.chat_template = "plain";
  config.unguided = "{problem}";
  config.guided = "{problem} so {guidance}";
  config.guided_silent = "{problem} hush {guidance}";
  config.instruction = instruction;
  return {config, words()};
}

Problem problem(const std::string& instruction) {
  Problem p;
  p.statement = "solve it";
  p.guidance = Guidance{.text = "on", .instruction = instruction};
  return p;
}

using Ids = std::vector<int>;

TEST(Prompt, ShowsGuidanceOrNot) {
  const Prompt guided = make_prompt(renderer("default"), problem(""), true);
  EXPECT_TRUE(guided.guided());
  EXPECT_EQ(guided.problem.guidance->instruction, "default");
  EXPECT_EQ(guided.sample, (Ids{1, 2, 3, 4}));
  EXPECT_EQ(guided.train, guided.sample);
  const Prompt unguided = make_prompt(renderer("default"), problem(""), false);
  EXPECT_FALSE(unguided.guided());  // a verifier cannot see what was not shown
  EXPECT_EQ(unguided.sample, (Ids{1, 2}));
}

TEST(Prompt, TheGuidancesInstructionComesFirstThenTheRenderers) {
  EXPECT_EQ(make_prompt(renderer("silent"), problem(""), true).sample, (Ids{1, 2, 5, 4}));
  EXPECT_EQ(make_prompt(renderer("silent"), problem("default"), true).sample, (Ids{1, 2, 3, 4}));
  Problem bare = problem("");
  bare.guidance.reset();
  EXPECT_FALSE(make_prompt(renderer("silent"), bare, true).guided());
}

TEST(Prompt, IsInTheWordingOfItsName) {
  PromptConfig config;
  config.chat_template = "plain";
  config.wordings = {{"hint", {{"text", "{problem} hush so {guidance}"}}},
                     {"lead", {{"text", "{problem} so"}, {"guidance_in", "assistant"}}}};
  config.instruction = "hint";
  const PromptRenderer own(config, words());
  const Prompt hint = make_prompt(own, problem(""), true), lead = make_prompt(own, problem("lead"), true);
  EXPECT_EQ(hint.sample, (Ids{1, 2, 5, 3, 4}));
  EXPECT_EQ(hint.problem.guidance->instruction, "hint");
  EXPECT_FALSE(hint.problem.guidance->continues);
  EXPECT_EQ(lead.sample, (Ids{1, 2, 3, 4}));
  EXPECT_TRUE(lead.problem.guidance->continues);
  EXPECT_TRUE(make_prompt(renderer("silent"), problem(""), true).problem.guidance->continues);
  EXPECT_THROW(make_prompt(own, problem("none"), true), Error);
}

}  // namespace
}  // namespace pope
