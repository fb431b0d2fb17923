// Prompts against goldens of transformers' apply_chat_template and tokenizer(text)
// (tests/golden/make_text_goldens.py).
#include "text/chat_template.h"

#include <gtest/gtest.h>

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
  config.enable_thinking = row.value("enable_thinking", true);
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

TEST(ChatTemplate, KindIsRecognised) {
  const SortedJson templates = golden("text_chat.json")["templates"];
  const auto kind = [&](const char* name) {
    return find_chat_template("auto", templates[name].get<std::string>()).name;
  };
  EXPECT_EQ(kind("in_loop"), "chatml");
  EXPECT_EQ(kind("qwen3_hybrid"), "chatml");
  EXPECT_EQ(kind("llama31"), "llama3");
  EXPECT_EQ(kind("gemma2"), "gemma");
  EXPECT_EQ(find_chat_template("auto", "").name, "plain");
}

TEST(ChatTemplate, DefaultSystemMessageIsReadFromTheTemplate) {
  const SortedJson templates = golden("text_chat.json")["templates"];
  const auto system = [](const std::string& text) {
    return find_chat_template("chatml", text + "<|im_start|>assistant\n").style.default_system;
  };
  EXPECT_EQ(system(templates["in_loop"]), "You are Tiny, a helpful model");
  EXPECT_EQ(system(templates["in_else"]), "Don't guess.\nYou are \"Tiny\".");
  EXPECT_EQ(system(templates["in_variable"]), "You are 'Tiny'.");
  EXPECT_EQ(system(templates["in_pieces"]), "You're Tiny.  Obey.");
  EXPECT_EQ(system("{% set system_message = message + '.' %}{% set system_message = 'open"), "");
  EXPECT_EQ(system(templates["none"]), "");
  EXPECT_EQ(system("'<|im_start|>system\nnot closed'"), "");
}

// Messages that the template shows on conditions which a plain conversation does not meet.
TEST(ChatTemplate, SystemMessagesUnderConditionsAreLeftOut) {
  const std::string deep =
      "{% if enable_thinking %}{{ '<|im_start|>system\nThink.<|im_end|>\n' }}{% endif %}";
  EXPECT_EQ(find_chat_template("auto", deep + "<|im_start|>assistant\n").style.default_system, "");
  const std::string header = "{{ '<|start_header_id|>system<|end_header_id|>\n\n' }}";
  const std::string turn = "<|start_header_id|>assistant<|end_header_id|>\n\n";
  EXPECT_TRUE(find_chat_template("auto", header + turn).style.always_system);
  const std::string some = "{% if system_message != '' %}" + header + "{% endif %}";
  EXPECT_FALSE(find_chat_template("auto", some + turn).style.always_system);
}

// Named in the config, a kind is rendered as its family documents it, whatever the model's template says.
TEST(ChatTemplate, CanBeNamed) {
  const auto tokenizer =
      tokenizer_with("{{ '<|im_start|>system\nYou are Tiny<|im_end|><|im_start|>assistant\n' }}");
  PromptConfig config;
  config.unguided = "{problem}";
  const auto prompt = [&](const char* name) {
    config.chat_template = name;
    return tokenizer->decode(PromptRenderer(config, tokenizer).render(" hi "), false);
  };
  EXPECT_EQ(prompt("auto"),
            "<|im_start|>system\nYou are Tiny<|im_end|>\n<|im_start|>user\n hi "
            "<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(prompt("llama3"),
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n");
  EXPECT_EQ(prompt("gemma"), "<|begin_of_text|><start_of_turn>user\nhi<end_of_turn>\n<start_of_turn>model\n");
  EXPECT_EQ(prompt("plain"), " hi ");
}

TEST(ChatTemplate, UnknownOnesAreRefused) {
  // Phi-4 has ChatML's tokens and another order; SmolLM3 makes its system message of the date and more.
  for (const char* text : {"[INST] {{ messages }} [/INST]", "{{ '<|im_start|>assistant<|im_sep|>' }}",
                           "{{ strftime_now('%d') }}{{ '<|im_start|>assistant\n' }}"}) {
    try {
      find_chat_template("auto", text);
      FAIL() << text;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("chatml, llama3, gemma, plain"), std::string::npos)
          << error.what();
    }
  }
  EXPECT_THROW(find_chat_template("chatlm", ""), Error);
}

TEST(ChatTemplate, SystemMessageIsRefusedWhereTheTemplateRefusesIt) {
  const auto tokenizer = tokenizer_with(golden("text_chat.json")["templates"]["gemma2"]);
  PromptConfig config;
  config.system = "Be brief.";
  EXPECT_THROW(PromptRenderer(config, tokenizer), Error);
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
