// The table of wordings: built-in ones, those of the settings, and what is refused.
#include "text/wording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/files.h"
#include "core/temp_dir.h"
#include "text/prompt.h"

namespace pope {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Settings of a file, checked as the program checks them before it does anything.
PromptConfig loaded(const std::string& yaml) {
  TempDir dir;
  write_file(dir / "a.yaml", yaml);
  PromptConfig config;
  Options options;
  options.section(config);
  options.load_yaml(dir / "a.yaml");
  options.check();
  return config;
}

std::string refusal(const std::string& yaml) {
  return error_of([&] { loaded(yaml); });
}

TEST(WordingTable, HasTheBuiltInOnesAsTheSettingsHaveThem) {
  PromptConfig config;
  Wordings all = config.all_wordings();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all.at("default").text, config.guided);
  EXPECT_EQ(all.at("silent").text, config.guided_silent);
  EXPECT_FALSE(all.at("default").continues);
  EXPECT_TRUE(all.at("silent").continues);
  EXPECT_EQ(all.at("silent").guidance_in, "user");
  config.guided = "{problem} so {guidance}";
  EXPECT_EQ(config.all_wordings().at("default").text, "{problem} so {guidance}");
  config.guidance_in = "assistant";
  EXPECT_EQ(config.all_wordings().at("default").text, config.unguided);
  EXPECT_EQ(config.all_wordings().at("default").guidance_in, "assistant");
  EXPECT_TRUE(config.all_wordings().at("default").continues);
}

TEST(WordingTable, TakesTheUsersOwn) {
  const PromptConfig config = loaded(R"(
prompt:
  instruction: hint
  wordings:
    hint: {text: "{problem} Hint: {guidance}"}
    lead:
      guidance_in: assistant
      text: |
        {problem}
        Think.
)");
  const Wordings all = config.all_wordings();
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all.at("hint").text, "{problem} Hint: {guidance}");
  EXPECT_EQ(all.at("hint").guidance_in, "user");
  EXPECT_FALSE(all.at("hint").continues);
  EXPECT_EQ(all.at("lead").text, "{problem}\nThink.\n");
  EXPECT_EQ(all.at("lead").guidance_in, "assistant");
  EXPECT_TRUE(all.at("lead").continues);
}

TEST(WordingTable, RefusesWhatCannotWork) {
  const auto wording = [](const std::string& entry) { return "prompt: {wordings: {mine: " + entry + "}}"; };
  EXPECT_THAT(refusal(wording("{text: 'Solve. {guidance}'}")),
              AllOf(HasSubstr("prompt.wordings.mine.text: expected a text with {problem} and {guidance}"),
                    HasSubstr("hint: {problem} is where")));
  EXPECT_THAT(refusal(wording("{text: '{problem}'}")), HasSubstr("hint: {guidance} is where"));
  EXPECT_THAT(refusal(wording("{guidance_in: user}")), HasSubstr("expected a text with {problem}"));
  EXPECT_THAT(refusal(wording("{text: 'Go.', guidance_in: assistant}")),
              HasSubstr("expected a text with {problem}, got 'Go.'"));
  EXPECT_THAT(refusal(wording("{text: '{problem} {guidance}', guidance_in: assistant}")),
              HasSubstr("shown twice"));
  EXPECT_THAT(refusal(wording("{text: '{problem} {guidance} {answer}'}")), HasSubstr("without {answer}"));
  EXPECT_THAT(
      refusal(wording("{text: '{problem} {guidance}', guidance_in: system}")),
      AllOf(HasSubstr("mine.guidance_in: expected user or assistant, got 'system'"), HasSubstr("hint:")));
  EXPECT_THAT(refusal(wording("{txt: '{problem} {guidance}'}")), HasSubstr("did you mean 'text'?"));
  EXPECT_THAT(refusal("prompt: {wordings: {silent: {text: '{problem} {guidance}'}}}"),
              AllOf(HasSubstr("prompt.wordings.silent"), HasSubstr("prompt.guided_silent")));
  EXPECT_THAT(refusal("prompt: {instruction: hnt, wordings: {hint: {text: '{problem} {guidance}'}}}"),
              AllOf(HasSubstr("prompt.instruction: expected default, hint or silent"),
                    HasSubstr("did you mean 'hint'?")));
  EXPECT_THAT(refusal("prompt: {instruction: hint, guidance_in: assistant, "
                      "wordings: {hint: {text: '{problem} {guidance}'}}}"),
              HasSubstr("prompt.guidance_in: expected user with prompt.instruction=hint"));
}

}  // namespace
}  // namespace pope
