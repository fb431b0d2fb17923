// Supervised fine-tuning: what is a target, how examples are drawn, a loss that falls, resuming bit for bit.
#include "learn/sft.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "data/prompt.h"
#include "learn/sft_data.h"
#include "learn/signal.h"
#include "learn/tiny.h"

namespace pope {
namespace {

using testing::ElementsAre;

std::vector<Problem> examples() {
  std::vector<Problem> problems;
  const std::vector<std::string> statements = {"one", "two two", "three", "red", "blue one", "red red"};
  const std::vector<std::string> solutions = {"yes one", "no", "yes yes three", "no red", "yes", "blue blue"};
  for (std::size_t i = 0; i < statements.size(); ++i) {
    problems.push_back(test::problem(statements[i], statements[i]));
    problems.back().solution = solutions[i];
  }
  return problems;
}

TEST(SftExamples, PromptAndTarget) {
  std::vector<Problem> problems = {test::problem("a", "one two", "red")};
  problems[0].solution = "no three";
  SftExamples unsaid({}, problems, *test::tiny_prompts(), -1, 1 << 20);
  SftExamples said({.target = "{solution} {answer}"}, problems, *test::tiny_prompts(), 0, 1 << 20);
  EXPECT_THAT(unsaid.draw(0, 1, 1)[0].prompt, ElementsAre(3, 4, 8, 6));  // one two hint red
  EXPECT_THAT(unsaid.draw(0, 1, 1)[0].completion, ElementsAre(2, 5));
  EXPECT_THAT(said.draw(0, 1, 1)[0].completion, ElementsAre(2, 5, 1, 0));  // the answer, the end
  problems[0].guidance->instruction = "silent";
  SftExamples silent({}, problems, *test::tiny_prompts(), 0, 1 << 20);
  EXPECT_THAT(silent.draw(0, 1, 1)[0].prompt, ElementsAre(3, 4, 6));
}

// As in the whole text, where no mark for a space stands behind the line break. Demonstrations likewise.
TEST(SftExamples, TargetsGoOnWherePromptsEnd) {
  const auto tokenizer = load_tokenizer(std::filesystem::path(POPE_SOURCE_DIR) / "tests/golden/text_llama2");
  PromptConfig config;
  config.chat_template = "plain";
  config.unguided = "{problem}\n";
  const PromptRenderer prompts(config, tokenizer);
  std::vector<Problem> problems = {test::problem("a", "the fox")};
  problems[0].solution = "the end";
  SftExamples data({}, problems, prompts, -1, 1 << 20);
  const Sequence example = data.draw(0, 1, 1)[0];
  EXPECT_EQ(example.prompt, tokenizer->encode("the fox\n"));
  std::vector<int> ids = example.prompt;
  ids.insert(ids.end(), example.completion.begin(), example.completion.end());
  EXPECT_EQ(ids, tokenizer->encode("the fox\nthe end"));

  ObjectiveConfig objective;
  objective.kind = "luffy";
  Group group;
  group.prompt = std::make_shared<const Prompt>(make_prompt(prompts, problems[0], /*show_guidance=*/false));
  group.rollouts.emplace_back().rollout = {.tokens = {5}, .logprobs = {-1.0F}};
  set_signal({.objective = objective, .prompts = prompts, .max_tokens = 64}, group);
  ASSERT_EQ(group.sequences.size(), 2u);
  EXPECT_EQ(group.sequences[1].completion, example.completion);
}

TEST(SftExamples, CountsWhatItLeavesOut) {
  std::vector<Problem> problems = examples();
  problems[1].solution = "";
  const SftExamples some({.max_tokens = 4}, problems, *test::tiny_prompts(), 0, 1 << 20);
  EXPECT_EQ(some.without_solution(), 1);
  EXPECT_EQ(some.too_long(), 2);  // "three" and "red red", five tokens each with the end
  EXPECT_EQ(some.size(), 3);
  EXPECT_EQ(SftExamples({}, problems, *test::tiny_prompts(), 0, /*context=*/4).too_long(), 2);
  EXPECT_THROW(SftExamples({.max_tokens = 2}, problems, *test::tiny_prompts(), 0, 1 << 20), Error);
}

// Every epoch holds every example once, in another order; a batch may span two epochs.
TEST(SftExamples, EpochsArePermutations) {
  SftExamples data({}, examples(), *test::tiny_prompts(), 0, 1 << 20);
  const std::vector<Sequence> two = data.draw(0, 12, 5);
  const auto prompts = [&](int begin) {
    std::vector<std::vector<int>> all;
    for (int i = begin; i < begin + 6; ++i) all.push_back(two[i].prompt);
    return all;
  };
  EXPECT_NE(prompts(0), prompts(6));
  EXPECT_THAT(prompts(6), testing::UnorderedElementsAreArray(prompts(0)));
  EXPECT_EQ(data.draw(4, 9, 5)[3].prompt, two[7].prompt);
}

struct World {
  World() {
    job.config.batch_size = 4;
    job.config.epochs = 100;
    job.config.save_every = 50;
    job.config.micro_batch_tokens = 12;
    job.optimizer.lr = 1e-2;
    job.optimizer.schedule = "cosine";
    job.problems = examples();
    job.model = Model::random(test::tiny_architecture(), 7);
    job.prompts = test::tiny_prompts();
    job.end_token = 0;
  }
  Json train(const std::filesystem::path& path) {
    RunDir run = test::open_run(path);
    return sft(run, job);
  }
  SftJob job;
};

TEST(Sft, FirstLossByHandThenItFalls) {
  test::TempFolder folder("sft");
  World world;
  SftExamples data(world.job.config, world.job.problems, *world.job.prompts, 0, 1 << 20);
  double sum = 0, tokens = 0;
  for (const Sequence& s : data.draw(0, 4, world.job.seed)) {
    std::vector<std::int64_t> all(s.prompt.begin(), s.prompt.end());
    all.insert(all.end(), s.completion.begin(), s.completion.end());
    const at::Tensor hidden =
        world.job.model->forward_hidden(at::tensor(all, at::kLong), Packing::equal(1, std::ssize(all)));
    const at::Tensor logprobs = at::log_softmax(world.job.model->logits(hidden), -1);
    for (std::size_t j = 0; j < s.completion.size(); ++j) {
      sum -= logprobs[s.prompt.size() + j - 1][s.completion[j]].item<double>();
    }
    tokens += static_cast<double>(s.completion.size());
  }
  const Json result = world.train(folder / "run");
  const std::vector<Json> rows = test::metrics_of(folder / "run");
  ASSERT_EQ(rows.size(), 150u);  // 100 · 6 / 4
  EXPECT_NEAR(rows[0]["loss"].get<double>(), sum / tokens, 1e-5);
  EXPECT_EQ(rows[0]["tokens"], tokens);
  EXPECT_NEAR(rows[0]["lr"].get<double>(), 1e-2, 1e-12);
  EXPECT_GT(rows[0]["loss"].get<double>(), 2.0);  // about log 9
  EXPECT_LT(rows[149]["loss"].get<double>(), 0.3);
  EXPECT_EQ(result["examples"], 6);
  EXPECT_EQ(result["steps"], 150);
  EXPECT_TRUE(std::filesystem::exists(folder / "run/model/model.safetensors"));
}

TEST(Sft, LastBatchMayBeSmaller) {
  test::TempFolder folder("sft_part");
  World world;
  world.job.config.epochs = 1.5;  // 9 examples: 4, 4, 1
  EXPECT_EQ(world.train(folder / "run")["steps"], 3);
}

TEST(Sft, StoppedAndResumedIsTheUnbrokenRun) {
  test::TempFolder folder("sft_resume");
  World unbroken;
  unbroken.job.config.epochs = 8;  // 12 steps
  unbroken.job.config.save_every = 5;
  unbroken.train(folder / "unbroken");

  World broken;
  broken.job.config.epochs = 8;
  broken.job.config.keep = 9;
  broken.job.config.save_every = 5;
  broken.train(folder / "broken");
  // As after a kill in step 7: but for rows beyond it, which go too; the newest checkpoint is that of step 5.
  for (const char* name : {"checkpoints/step-000010", "checkpoints/step-000012", "model"}) {
    ASSERT_GT(std::filesystem::remove_all(folder / "broken" / name), 0u);
  }
  World resumed;
  resumed.job.config.epochs = 8;
  resumed.job.config.save_every = 5;
  resumed.job.model = Model::random(test::tiny_architecture(), 99);  // what it held is not to matter
  resumed.train(folder / "broken");

  EXPECT_EQ(test::metrics_of(folder / "unbroken").size(), 12u);
  test::expect_same_run(folder / "unbroken", folder / "broken");
}

TEST(Sft, RefusesImpossibleSettings) {
  test::TempFolder folder("sft_refuse");
  World no_batch, too_warm;
  no_batch.job.config.batch_size = 0;
  EXPECT_THROW(no_batch.train(folder / "run"), Error);
  too_warm.job.config.epochs = 1;
  too_warm.job.optimizer.warmup = 1000;  // steps; there are a few
  EXPECT_THROW(too_warm.train(folder / "run"), Error);
}

TEST(Sft, NanStops) {
  test::TempFolder folder("sft_nan");
  World world;
  {
    const at::Tensor weight = world.job.model->parameters()[1].master.detach();
    weight[0] = std::nanf("");
  }
  EXPECT_THROW(world.train(folder / "run"), Error);
  EXPECT_FALSE(std::filesystem::exists(folder / "run/model"));
}

}  // namespace
}  // namespace pope
