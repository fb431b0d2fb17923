// The end of a turn, learned and sampled: SFT teaches the token that the chat template writes behind an
// answer, whatever config.json lists first, and a rollout ends there.
#include <gtest/gtest.h>

#include "learn/sft.h"
#include "learn/tiny.h"
#include "rollout/native_engine.h"
#include "text/hf_tokenizer.h"

namespace pope {
namespace {

struct Kind {
  const char* chat_template;          // of tests/golden/text_chat.json
  const char* eos;                    // of tokenizer_config.json
  std::vector<std::string> of_model;  // "eos_token_id" of config.json
  const char* end;                    // of a turn
};

TEST(EndOfTurn, IsLearnedAndEndsRollouts) {
  const std::filesystem::path golden = std::filesystem::path(POPE_SOURCE_DIR) / "tests/golden";
  const SortedJson templates = SortedJson::parse(read_file(golden / "text_chat.json"))["templates"];
  const Kind kinds[] = {
      {"llama31", "<|eot_id|>", {"<|begin_of_text|>", "<|eot_id|>"}, "<|eot_id|>"},  // as Llama 3.1 Instruct
      {"gemma3", "<|im_end|>", {"<|im_end|>", "<end_of_turn>"}, "<end_of_turn>"},    // as Gemma 3
      {"none", "<|begin_of_text|>", {"<|begin_of_text|>"}, "<|im_end|>"},            // as Qwen base models
  };
  for (const Kind& kind : kinds) {
    SCOPED_TRACE(kind.chat_template);
    const std::string config = "{\"eos_token\": \"" + std::string(kind.eos) + "\"}";
    const auto tokenizer = make_hf_tokenizer(
        {read_file(golden / "text_chat/tokenizer.json"), config, templates[kind.chat_template]}, "golden");
    std::vector<int> of_model;
    for (const std::string& token : kind.of_model) of_model.push_back(*tokenizer->find(token));
    PromptConfig prompt;
    prompt.unguided = "{problem}";
    SftJob job;
    job.prompts = std::make_shared<PromptRenderer>(prompt, tokenizer);
    const std::vector<int> ends = job.prompts->end_tokens(of_model);
    job.end_token = ends.front();
    job.config.batch_size = 2;
    job.config.epochs = 60;
    job.optimizer.lr = 1e-2;
    job.problems = {test::problem("a", "one"), test::problem("b", "two")};
    Architecture architecture = test::tiny_architecture();
    architecture.vocab_size = tokenizer->size();
    architecture.context = 128;
    job.model = Model::random(architecture, 7);
    test::TempFolder folder("end_of_turn");
    RunDir run = test::open_run(folder / "run");
    sft(run, job);

    NativeEngine engine(job.model);
    const SamplingConfig greedy{.temperature = 0, .max_new_tokens = 20};
    const auto rollouts = engine.sample(greedy, 1, ends, {{.prompt = job.prompts->render("one")}});
    EXPECT_EQ(rollouts[0][0].finish, FinishReason::stop);
    EXPECT_EQ(tokenizer->decode(rollouts[0][0].tokens, false), "yes one" + std::string(kind.end));
  }
}

}  // namespace
}  // namespace pope
