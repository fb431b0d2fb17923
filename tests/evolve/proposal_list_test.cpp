// A list of texts as reflection model: how it is read, and what it answers.
#include "evolve/proposal_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "core/error.h"
#include "core/files.h"
#include "core/temp_dir.h"
#include "evolve/reflection.h"

namespace pope {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ProposalList, IsReadLineByLine) {
  TempDir dir;
  write_file(dir / "words.txt", "Look ahead.\n\n  aim \nUse `x`.");
  EXPECT_TRUE(is_proposal_list(dir / "words.txt"));
  EXPECT_FALSE(is_proposal_list(dir / "model.gguf"));
  EXPECT_THAT(read_proposals(dir / "words.txt"), ElementsAre("Look ahead.", "aim", "Use `x`."));
  write_file(dir / "words.txt", " \n");
  EXPECT_THAT(error_of([&] { read_proposals(dir / "words.txt"); }), HasSubstr("expected a text per line"));
  write_file(dir / "words.txt", "a\nb\na\n");
  EXPECT_THAT(error_of([&] { read_proposals(dir / "words.txt"); }), HasSubstr("'a' stands twice"));
}

// Whatever the message, a request's own random stream says which text comes, each as often as the others.
TEST(ProposalList, AnswersWithItsTextsInABlock) {
  ProposalList list({"Look ahead.", "aim"});
  const ReflectionModel model = list.model();
  std::map<std::string, int> counts;
  const auto reply = [&](std::uint64_t seed, std::uint64_t key) {
    Request request;
    request.rng_key = key;
    request.prompt = model.prompts.render("What a message, with ``` and aim and <end>!");
    const auto rollouts = model.engine.sample(model.sampling, seed, model.stop_tokens, {request});
    return model.prompts.tokenizer().decode(rollouts.at(0).at(0).tokens);
  };
  for (std::uint64_t key = 0; key < 400; ++key) {
    const std::string text = reply(1, key);
    EXPECT_EQ(text, reply(1, key));
    ++counts[fenced_text(text).value_or("none")];
  }
  EXPECT_EQ(counts.size(), 2u);
  EXPECT_NEAR(counts["aim"], 200, 40);  // four standard deviations
  EXPECT_NEAR(counts["Look ahead."], 200, 40);
  EXPECT_EQ(list.stats().sampled_tokens, 800 * 4);
}

}  // namespace
}  // namespace pope
