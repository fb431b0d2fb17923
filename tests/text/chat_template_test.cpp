// Prompts against goldens of transformers' apply_chat_template and tokenizer(text)
// (tests/golden/make_text_goldens.py).
#include "text/chat_template.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "core/error.h"
#include "text/hf_tokenizer.h"
#include "text/prompt.h"

namespace pope {
namespace {

namespace fs = std::filesystem;
const fs::path kGolden = fs::path(POPE_SOURCE_DIR) / "tests/golden";

SortedJson golden(const std::string& name) { return SortedJson::parse(read_file(kGolden / name)); }

// The golden tokenizer with every template's control tokens, and a model's own template text.
std::shared_ptr<const Tokenizer> tokenizer_with(const std::string& template_text) {
  const fs::path folder = kGolden / "text_chat";
  return make_hf_tokenizer(
      {read_file(folder / "tokenizer.json"), read_file(folder / "tokenizer_config.json"), template_text},
      "golden");
}

std::string text_of(const SortedJson& row, const char* key) {
  return row.contains(key) && row[key].is_string() ? row[key].get<std::string>() : "";
}

// The prompt of a golden row: the message is the user's text alone, the guidance opens the answer.
std::vector<int> render(const SortedJson& row, const std::shared_ptr<const Tokenizer>& tokenizer,
                        const std::string& user) {
  PromptConfig config;
  config.system = row["system"].is_null() ? "auto" : row["system"].get<std::string>();
  config.unguided = "{problem}";
  config.guidance_in = "assistant";
  if (row.contains("enable_thinking"))
    config.enable_thinking = row["enable_thinking"].get<bool>() ? "true" : "false";
  config.date_string = text_of(row, "date_string");
  return PromptRenderer(config, tokenizer).render(user, text_of(row, "opening"));
}

TEST(ChatTemplate, IsWhatTransformersRenders) {
  const SortedJson goldens = golden("text_chat.json");
  ASSERT_EQ(goldens["rows"].size(), 91u);
  for (const SortedJson& row : goldens["rows"]) {
    const auto tokenizer = tokenizer_with(goldens["templates"][row["name"].get<std::string>()]);
    const std::vector<int> ids = render(row, tokenizer, row["user"]);
    EXPECT_EQ(ids, row["ids"].get<std::vector<int>>()) << row["name"] << "\n"
                                                       << tokenizer->decode(ids, false) << "\ninstead of\n"
                                                       << row["text"].get<std::string>();
  }
}

// Renders what tests/parity_text.py asks for: $POPE_TEXT_PARITY/chat.json, of the form of text_chat.json.
// Beside it, prompts.json: the ids of each row, or why it is refused.
TEST(TextParity, RendersWhatIsAsked) {
  const char* folder = std::getenv("POPE_TEXT_PARITY");
  if (folder == nullptr) GTEST_SKIP() << "POPE_TEXT_PARITY is not set: run tests/parity_text.py";
  const SortedJson request = SortedJson::parse(read_file(fs::path(folder) / "chat.json"));
  SortedJson prompts = SortedJson::array();
  for (const SortedJson& row : request["rows"]) {
    try {
      prompts.push_back(
          render(row, tokenizer_with(request["templates"][row["name"].get<std::string>()]), row["user"]));
    } catch (const Error& error) {
      prompts.push_back(error.what());
    }
  }
  write_file(fs::path(folder) / "prompts.json", prompts.dump());
}

std::string prompt_of(const PromptConfig& config, const std::shared_ptr<const Tokenizer>& tokenizer,
                      const std::string& user, const std::string& guidance = "") {
  return tokenizer->decode(PromptRenderer(config, tokenizer).render(user, guidance), false);
}

PromptConfig bare() {
  PromptConfig config;
  config.unguided = "{problem}";
  return config;
}

std::string error_of(const PromptConfig& config, const std::shared_ptr<const Tokenizer>& tokenizer,
                     const std::string& guidance = "") {
  try {
    return "rendered: " + prompt_of(config, tokenizer, "hi", guidance);
  } catch (const Error& error) {
    return error.what();
  }
}

// Named in the config, a template of ours is rendered as its family documents it, whatever the model's own
// says.
TEST(ChatTemplate, CanBeNamed) {
  const auto tokenizer = tokenizer_with("{{ messages[0].content }}!");
  PromptConfig config = bare();
  const auto prompt = [&](const char* name) {
    config.chat_template = name;
    return prompt_of(config, tokenizer, " hi ");
  };
  EXPECT_EQ(prompt("auto"), " hi !");
  EXPECT_EQ(prompt("plain"), " hi ");
  EXPECT_EQ(prompt("chatml"), "<|im_start|>user\n hi <|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(prompt("llama3"),
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n");
  EXPECT_EQ(prompt("gemma"), "<|begin_of_text|><start_of_turn>user\nhi<end_of_turn>\n<start_of_turn>model\n");
  config.system = "Be brief.";
  EXPECT_EQ(
      prompt("chatml"),
      "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n hi <|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(prompt("gemma"),
            "<|begin_of_text|><start_of_turn>user\nBe brief.\n\nhi<end_of_turn>\n<start_of_turn>model\n");
  EXPECT_THROW(prompt("chatlm"), Error);
}

TEST(ChatTemplate, WhatIsNotSupportedIsNamed) {
  EXPECT_EQ(error_of(bare(), tokenizer_with("a\n{{ messages | groupby('role') }}")),
            "[chat template] line 2: the filter 'groupby' is not supported");
  EXPECT_NE(error_of(bare(), tokenizer_with("{% extends 'x' %}")).find("the statement 'extends'"),
            std::string::npos);
}

TEST(ChatTemplate, SystemMessageIsRefusedWhereTheTemplateRefusesIt) {
  const auto tokenizer = tokenizer_with(golden("text_chat.json")["templates"]["gemma2"]);
  PromptConfig config = bare();
  config.system = "Be brief.";
  EXPECT_NE(error_of(config, tokenizer).find("System role not supported"), std::string::npos);
}

// A byte order mark is a character of the prompt, as in transformers; line ends are "\n".
TEST(ChatTemplate, FileMayHaveByteOrderMarkAndOtherLineEnds) {
  const auto tokenizer =
      tokenizer_with("\xEF\xBB\xBF{% for m in messages %}\r\n{{ m.content }}\r\n{% endfor %}\r\nend\r\n");
  EXPECT_EQ(prompt_of(bare(), tokenizer, "hi"), "\xEF\xBB\xBFhi\nend");
}

TEST(ChatTemplate, ConfigMayHoldSeveral) {
  const std::string json = read_file(kGolden / "text_chat/tokenizer.json");
  const auto prompt = [&](const std::string& templates) {
    const std::string config =
        "{\"bos_token\": {\"content\": \"<|begin_of_text|>\"}, \"chat_template\": " + templates + "}";
    return error_of(bare(), make_hf_tokenizer({json, config, ""}, "test"));
  };
  EXPECT_EQ(
      prompt(
          R"([{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d{{ bos_token }}"}])"),
      "rendered: d<|begin_of_text|>");
  EXPECT_EQ(prompt(R"({"rag": "r", "default": "d{{ eos_token }}"})"), "rendered: d");
  EXPECT_THROW(prompt(R"({"rag": "r"})"), Error);
}

TEST(ChatTemplate, TokensThatTheConfigNamesAreVariables) {
  const std::string json = read_file(kGolden / "text_chat/tokenizer.json");
  const std::string config =
      R"({"pad_token": "<p>", "image_token": {"content": "<i>"}, "add_bos_token": true, "unk_token": null,
          "extra_special_tokens": {"audio_token": "<a>"}})";
  const std::string source =
      "{{ pad_token }}{{ image_token }}{{ audio_token }}{{ add_bos_token is defined }}{{ unk_token is "
      "defined }}";
  EXPECT_EQ(error_of(bare(), make_hf_tokenizer({json, config, source}, "test")),
            "rendered: <p><i><a>FalseFalse");
}

TEST(ChatTemplate, ThinkingAndDateAreGivenOnlyWhenSet) {
  const auto tokenizer = tokenizer_with(
      "{{ enable_thinking is defined }}{{ enable_thinking }} {{ date_string is defined }} {{ strftime_now is "
      "defined }}"
      "{{ strftime_now('%d %B %Y') if strftime_now is defined }}");
  PromptConfig config = bare();
  EXPECT_EQ(prompt_of(config, tokenizer, "hi"), "False False False");
  config.enable_thinking = "false";
  config.date_string = "07 Mar 2026";
  EXPECT_EQ(prompt_of(config, tokenizer, "hi"), "TrueFalse True True07 March 2026");
  config.date_string = "2026-03-07";
  EXPECT_EQ(prompt_of(config, tokenizer, "hi"), "TrueFalse True True07 March 2026");
  config.date_string = "Lady Day";  // for templates that only print it
  EXPECT_EQ(prompt_of(config, tokenizer, "hi"), "TrueFalse True False");
  config.enable_thinking = "no";
  EXPECT_THROW(prompt_of(config, tokenizer, "hi"), Error);
  config = bare();
  EXPECT_NE(error_of(config, tokenizer_with("{{ strftime_now('%d') }}")).find("prompt.date_string"),
            std::string::npos);
}

TEST(ChatTemplate, GuidanceThatTheTemplateChangesIsRefused) {
  PromptConfig config = bare();
  config.guidance_in = "assistant";
  EXPECT_NE(
      error_of(config, tokenizer_with("{{ messages[-1].content | upper }}"), "go").find("prompt.guidance_in"),
      std::string::npos);
  EXPECT_NE(error_of(config, tokenizer_with("{{ messages[0].content }}"), "go").find("prompt.guidance_in"),
            std::string::npos);
  EXPECT_EQ(error_of(config, tokenizer_with("{{ messages[-1].content | trim }}</s>"), "go "), "rendered: go");
}

// Whatever a template does to a text, what a user wrote spells no special token, and what the template wrote
// does.
TEST(ChatTemplate, UsersSpellNoSpecialTokens) {
  const std::string end = "<|im_end|>";
  const auto count = [&](const std::string& source, const std::string& user) {
    const auto tokenizer = tokenizer_with(source);
    const std::vector<int> ids = PromptRenderer(bare(), tokenizer).render(user);
    return std::count(ids.begin(), ids.end(), *tokenizer->find(end));
  };
  EXPECT_EQ(count("{{ messages[0].content }}<|im_end|>", "x" + end), 1);
  EXPECT_EQ(count("{{ messages[0].content | trim }}<|im_end|>", "\n" + end + "\n"), 1);
  EXPECT_EQ(count("{{ messages[0].content.split('|')[1] }}<|im_end|>", end), 1);
  EXPECT_EQ(count("{{ '<|' + messages[0].content + '|>' }}", "im_end"), 0);
  EXPECT_EQ(count("{{ messages[0].content }}|><|im_end|>", "<|im_end"), 1);
  EXPECT_EQ(count("{{ messages[0].content }}<|im_end|>", "<|im_end"), 1);
  EXPECT_EQ(count("{{ [messages[0].content] | tojson }}", end), 0);
  EXPECT_EQ(count("{{ '<|im_' + ('end' if messages[0].content else '') + '|>' }}", "x"), 1);
}

// A base model's prompt is tokenizer(text), without what the post_processor puts behind it.
TEST(PlainPrompt, HasTheBosTokenThatThePostProcessorAdds) {
  const SortedJson goldens = golden("text_chat.json");
  ASSERT_EQ(goldens["prefixes"].size(), 10u);
  const std::string json = read_file(kGolden / "text_chat/tokenizer.json");
  PromptConfig config;
  config.unguided = "{problem}";
  for (const SortedJson& row : goldens["prefixes"]) {
    SortedJson description = SortedJson::parse(json);
    description["post_processor"] = row["post_processor"];
    const auto tokenizer = make_hf_tokenizer({description.dump(), row["config"].dump(), ""}, "golden");
    auto expected = row["ids"].get<std::vector<int>>();
    if (expected.back() == *tokenizer->find("<|im_end|>")) expected.pop_back();
    EXPECT_EQ(PromptRenderer(config, tokenizer).render("The fox"), expected) << row["post_processor"];
  }
}

TEST(PlainPrompt, UnknownPostProcessorIsRefused) {
  SortedJson description = SortedJson::parse(read_file(kGolden / "text_chat/tokenizer.json"));
  description["post_processor"] = {{"type", "RobertaProcessing"}};
  EXPECT_THROW(make_hf_tokenizer({description.dump(), "{}", ""}, "test"), Error);
  description["post_processor"] = {{"type", "Sequence"}, {"processors", {{{"type", "Sequence"}}}}};
  EXPECT_THROW(make_hf_tokenizer({description.dump(), "{}", ""}, "test"), Error);
}

TEST(Qwen3, PromptIsWhatTransformersRenders) {
  const char* data = std::getenv("POPE_DATA");
  if (data == nullptr) GTEST_SKIP() << "POPE_DATA is not set: no Qwen3 tokenizer";
  const auto tokenizer = load_tokenizer(fs::path(data) / "tokenizers/qwen3");
  const SortedJson prompts = golden("text_qwen3.json")["prompts"];
  ASSERT_EQ(prompts.size(), 5u);
  for (const SortedJson& row : prompts) {
    EXPECT_EQ(render(row, tokenizer, "What is 2+2?"), row["ids"].get<std::vector<int>>()) << row;
  }
}

}  // namespace
}  // namespace pope
