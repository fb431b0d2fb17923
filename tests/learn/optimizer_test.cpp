// The optimiser against torch.optim.AdamW (golden/make_learn_goldens.py), its clipping, schedules and sums.
#include "learn/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "core/error.h"
#include "learn/batch.h"
#include "learn/tiny.h"
#include "model/copy_model.h"
#include "model/safetensors.h"

namespace pope {
namespace {

Parameter& parameter(Model& model, const std::string& name) {
  for (Parameter& p : model.parameters()) {
    if (p.name == name) return p;
  }
  throw Error("test", "no parameter " + name);
}

// One value everywhere.
void set_gradients(Model& model, double value) {
  for (Parameter& p : model.parameters()) p.compute.mutable_grad() = at::full_like(p.compute, value).detach();
}

at::Tensor tensor_of(const Json& values, at::IntArrayRef shape) {
  return at::tensor(values.get<std::vector<float>>(), at::kFloat).view(shape);
}

// ema ← 0.75·ema + 0.25·model after each step, in f32 also where the compute type is bf16.
TEST(Optimizer, TheMovingAverageFollows) {
  for (const at::ScalarType compute : {at::kFloat, at::kBFloat16}) {
    const std::shared_ptr<Model> model = Model::random(test::tiny_architecture(), 3, compute),
                                 ema = copy_of(*model);
    Optimizer optimizer({.lr = 0.1, .ema_decay = 0.75}, *model, single_process(), ema);
    std::vector<at::Tensor> expected = test::masters_of(*model);
    for (int t = 0; t < 3; ++t) {
      set_gradients(*model, 0.5);
      optimizer.accumulate();
      optimizer.step(0.1);
      for (std::size_t i = 0; i < expected.size(); ++i)
        expected[i] = 0.75 * expected[i] + 0.25 * model->parameters()[i].master.detach();
    }
    EXPECT_LT(test::largest_difference(test::masters_of(*ema), expected), 1e-6);
    EXPECT_GT(test::largest_difference(test::masters_of(*ema), test::masters_of(*model)), 0.05);
    const Parameter& last = ema->parameters().back();
    EXPECT_TRUE(at::equal(last.compute.detach(), last.master.detach().to(compute)));
    EXPECT_EQ(ema->version, 3);
    const NamedTensors state = optimizer.state();
    EXPECT_EQ(state.back().first, "ema." + last.name);
    EXPECT_TRUE(state.back().second.is_same(last.master));
  }
}

TEST(Optimizer, MatchesTorchAdamW) {
  const Json golden =
      Json::parse(read_file(std::filesystem::path(POPE_SOURCE_DIR) / "tests/golden/learn_adamw.json"));
  const Json& set = golden["settings"];
  Architecture a = test::tiny_architecture();
  a.vocab_size = 5;
  a.width = 4;
  const std::shared_ptr<Model> model = Model::random(a, 3);
  Parameter& matrix = parameter(*model, "model.embed_tokens.weight");
  Parameter& norm = parameter(*model, "model.norm.weight");
  matrix.master.set_data(tensor_of(golden["initial"]["matrix"], {5, 4}));
  norm.master.set_data(tensor_of(golden["initial"]["norm"], {4}));
  const OptimizerConfig config{.beta1 = set["beta1"],
                               .beta2 = set["beta2"],
                               .eps = set["eps"],
                               .weight_decay = set["weight_decay"],
                               .clip_norm = set["clip_norm"]};
  Optimizer optimizer(config, *model);
  for (std::size_t t = 0; t < golden["steps"].size(); ++t) {
    const Json& step = golden["steps"][t];
    matrix.compute.mutable_grad() = tensor_of(step["gradients"]["matrix"], {5, 4});
    norm.compute.mutable_grad() = tensor_of(step["gradients"]["norm"], {4});
    optimizer.accumulate();
    const double reported = optimizer.step(set["lr"][t].get<double>());
    EXPECT_NEAR(reported, step["norm"].get<double>(), 1e-6 * reported);
    // fp32, three steps: a few units in the last place of values below 1
    EXPECT_LT((matrix.master - tensor_of(step["weights"]["matrix"], {5, 4})).abs().max().item<double>(),
              5e-7);
    EXPECT_LT((norm.master - tensor_of(step["weights"]["norm"], {4})).abs().max().item<double>(), 5e-7);
  }
  EXPECT_EQ(optimizer.steps_taken(), 3);
  EXPECT_EQ(model->version, 3);
}

class WholeSteps : public testing::TestWithParam<const char*> {};

// Loss, gradient, clipping, AdamW and publishing, twice, through what training calls. fp32 sums in another
// order, as in parity_test.cpp; eps = 1e-2 divides them by no less. A weight moves by 1e-2 or so in a step.
TEST_P(WholeSteps, LeaveTheWeightsOfTransformersAndTorch) {
  const std::filesystem::path folder = std::filesystem::path(POPE_SOURCE_DIR) / "tests/golden";
  const Json golden = Json::parse(read_file(folder / "learn_steps.json"));
  const Json& set = golden["settings"];
  const auto tokens = Json::parse(read_file(folder / "models" / GetParam() / "golden.json"))["tokens"]
                          .get<std::vector<int>>();
  const std::shared_ptr<Model> model = load_model(folder / "models" / GetParam(), at::kFloat).model;
  Optimizer optimizer({.beta1 = set["beta1"],
                       .beta2 = set["beta2"],
                       .eps = set["eps"],
                       .weight_decay = set["weight_decay"],
                       .clip_norm = set["clip_norm"]},
                      *model);
  const Sequence sequence{{tokens.front()}, {tokens.begin() + 1, tokens.end()}};
  for (std::size_t t = 0; t < golden["models"][GetParam()].size(); ++t) {
    const Json& step = golden["models"][GetParam()][t];
    const MicroBatch micro = micro_batches({sequence}, 100)[0];
    const at::Tensor rows = model->forward_hidden(micro.tokens, micro.packing).index_select(0, micro.rows);
    const at::Tensor loss =
        -token_logprobs(rows, model->output_embedding(), micro.targets, /*temperature=*/1.0).logprobs.mean();
    EXPECT_NEAR(loss.item<double>(), step["loss"].get<double>(), 2e-5) << t;
    loss.backward();
    optimizer.accumulate();
    const double norm = step["norm"];
    EXPECT_NEAR(optimizer.step(set["lr"][t].get<double>()), norm, 2e-5 * norm) << t;
    ASSERT_EQ(model->parameters().size(), step["weights"].size());
    for (const Parameter& p : model->parameters()) {
      const Json& probe = step["weights"][p.name];
      for (std::size_t i = 0; i < probe["at"].size(); ++i) {
        const float value = p.master.reshape(-1)[probe["at"][i].get<std::int64_t>()].item<float>();
        EXPECT_NEAR(value, probe["values"][i].get<float>(), 1e-5)
            << "step " << t << " " << p.name << " " << i;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Families, WholeSteps,
                         testing::Values("llama_tied", "llama_bias", "llama_scaled", "qwen2", "qwen3",
                                         "gemma3"),
                         [](const auto& info) { return std::string(info.param); });

// A and B as torch.optim.AdamW leaves them after PEFT's gradient (golden/make_lora_goldens.py).
TEST(Optimizer, StepsALoraAdapterAsTorchStepsPefts) {
  const std::filesystem::path folder = std::filesystem::path(POPE_SOURCE_DIR) / "tests/golden/lora_qwen2";
  const Json golden = read_json(folder / "golden.json");
  const Json& set = golden["adamw"];
  const std::shared_ptr<Model> model =
      load_model(folder / "../models/qwen2", at::kFloat, Weights::frozen).model;
  model->add_lora({.rank = golden["rank"], .alpha = golden["alpha"]}, "base", 1);
  Optimizer optimizer({.beta1 = set["betas"][0],
                       .beta2 = set["betas"][1],
                       .eps = set["eps"],
                       .weight_decay = set["weight_decay"],
                       .clip_norm = 0},
                      *model);
  std::map<std::string, at::Tensor> values;
  for (const auto& [name, tensor] : read_safetensors(folder / "adapter_model.safetensors"))
    values[name] = tensor;
  for (Parameter& p : model->trainable()) {
    p.master.set_data(values.at(p.name));
    const auto gradient = golden["gradients"][p.name].get<std::vector<float>>();
    p.compute.mutable_grad() = at::tensor(gradient).view(p.master.sizes());
  }
  optimizer.step(set["lr"]);
  for (const Parameter& p : model->trainable()) {
    const auto expected = golden["stepped"][p.name].get<std::vector<float>>();
    for (std::size_t i = 0; i < expected.size(); ++i)
      EXPECT_NEAR(p.master.flatten()[std::int64_t(i)].item<float>(), expected[i], 1e-6) << p.name << " " << i;
  }
}

// The first step of Adam moves every weight by lr·g/(|g| + eps) = lr·sign(g), whatever the size of g.
TEST(Optimizer, FirstStepByHand) {
  const std::shared_ptr<Model> model = Model::random(test::tiny_architecture(), 3);
  const std::vector<at::Tensor> before = test::masters_of(*model);
  Optimizer optimizer({.clip_norm = 0}, *model);
  set_gradients(*model, -0.25);
  optimizer.accumulate();
  const double norm = optimizer.step(0.01);
  EXPECT_NEAR(norm, 0.25 * std::sqrt(static_cast<double>(model->architecture().parameters())), 1e-4);
  for (std::size_t i = 0; i < before.size(); ++i) {
    const at::Tensor moved = model->parameters()[i].master - before[i];
    EXPECT_LT((moved - 0.01).abs().max().item<double>(), 2e-7) << model->parameters()[i].name;
    EXPECT_FALSE(model->parameters()[i].compute.grad().defined());
  }
}

TEST(Optimizer, DecaysMatricesOnly) {
  const std::shared_ptr<Model> model = Model::random(test::tiny_architecture(), 3);
  const std::vector<at::Tensor> before = test::masters_of(*model);
  Optimizer optimizer({.weight_decay = 0.5}, *model);
  set_gradients(*model, 0.0);
  optimizer.step(0.1);
  for (std::size_t i = 0; i < before.size(); ++i) {
    const double factor = before[i].dim() >= 2 ? 1 - 0.1 * 0.5 : 1.0;
    EXPECT_LT((model->parameters()[i].master - before[i] * factor).abs().max().item<double>(), 1e-7);
  }
}

// A norm of 4 at a bound of 1 is the same step as the gradient divided by 4, but for torch's 1e-6 in the
// divisor.
TEST(Optimizer, ClipsTheGlobalNorm) {
  const auto moments_after = [](double gradient, double clip_norm) {
    const std::shared_ptr<Model> model = Model::random(test::tiny_architecture(), 3);
    Optimizer optimizer({.clip_norm = clip_norm}, *model);
    set_gradients(*model, gradient);
    const double norm = optimizer.step(0.01);
    std::vector<at::Tensor> moments;
    for (auto& [name, tensor] : optimizer.state()) moments.push_back(tensor);
    return std::pair(norm, moments);
  };
  const double unit = 1 / std::sqrt(static_cast<double>(test::tiny_architecture().parameters()));
  const auto [norm_clipped, clipped] = moments_after(4 * unit, 1.0);
  const auto [norm_plain, plain] = moments_after(unit, 0.0);
  const auto [norm_small, small] = moments_after(unit, 2.0);  // below the bound: untouched
  EXPECT_NEAR(norm_clipped, 4, 1e-5);
  EXPECT_NEAR(norm_plain, 1, 1e-5);
  EXPECT_LT(test::largest_difference(clipped, plain), 1e-6 * unit);  // moments are 0.1·unit
  EXPECT_EQ(test::largest_difference(small, plain), 0);
  EXPECT_NEAR(plain[0].max().item<double>(), 0.1 * unit, 1e-7);  // exp_avg = (1 − beta1)·g
}

TEST(Optimizer, NormThatIsNotFiniteChangesNothing) {
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    const std::shared_ptr<Model> model = Model::random(test::tiny_architecture(), 3);
    const std::vector<at::Tensor> before = test::masters_of(*model);
    Optimizer optimizer({}, *model);
    set_gradients(*model, 1.0);
    model->parameters()[1].compute.mutable_grad()[0] = bad;
    EXPECT_FALSE(std::isfinite(optimizer.step(0.01)));
    EXPECT_EQ(test::largest_difference(test::masters_of(*model), before), 0);
    EXPECT_EQ(optimizer.steps_taken(), 0);
    EXPECT_EQ(model->version, 0);
  }
}

// 256 + 1 is not a bf16 number: sums kept in bf16 would lose every small term.
TEST(Optimizer, SumsBf16GradientsInFp32) {
  const std::shared_ptr<Model> model = Model::random(test::tiny_architecture(), 3, at::kBFloat16);
  Optimizer optimizer({.clip_norm = 0}, *model);
  for (const double value : {256.0, 1.0, 1.0, 1.0}) {
    set_gradients(*model, value);
    optimizer.accumulate();
    EXPECT_FALSE(model->parameters()[0].compute.grad().defined());
  }
  const double norm = optimizer.step(0.01);
  const double root = std::sqrt(static_cast<double>(model->architecture().parameters()));
  EXPECT_NEAR(norm / root, 259.0, 1e-3);
  for (const Parameter& p : model->parameters()) {  // published
    EXPECT_TRUE(at::equal(p.master.to(at::kBFloat16), p.compute)) << p.name;
  }
}

TEST(Optimizer, StateRoundTrip) {
  const std::shared_ptr<Model> one = Model::random(test::tiny_architecture(), 3);
  const std::shared_ptr<Model> two = Model::random(test::tiny_architecture(), 3);
  Optimizer first({}, *one), second({}, *two);
  set_gradients(*one, 0.3);
  first.step(0.01);
  for (std::size_t i = 0; i < two->parameters().size(); ++i) {
    const Parameter& p = one->parameters()[i];
    two->parameters()[i].master.set_data(p.master.detach().clone());
  }
  const NamedTensors saved = first.state(), places = second.state();
  for (std::size_t i = 0; i < saved.size(); ++i) places[i].second.copy_(saved[i].second);
  second.resume_at(first.steps_taken());
  for (auto& [model, optimizer] : {std::pair(one.get(), &first), std::pair(two.get(), &second)}) {
    set_gradients(*model, -0.7);
    optimizer->step(0.02);
  }
  EXPECT_EQ(test::largest_difference(test::masters_of(*one), test::masters_of(*two)), 0);
}

TEST(LearningRate, Schedules) {
  const OptimizerConfig constant{.lr = 2.0};
  EXPECT_EQ(learning_rate(constant, 0, 10), 2.0);
  EXPECT_EQ(learning_rate(constant, 9, 10), 2.0);

  const OptimizerConfig warm{.lr = 2.0, .warmup = 4};
  EXPECT_DOUBLE_EQ(learning_rate(warm, 0, 10), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(warm, 2, 10), 1.5);
  EXPECT_DOUBLE_EQ(learning_rate(warm, 4, 10), 2.0);

  const OptimizerConfig linear{.lr = 2.0, .schedule = "linear", .warmup = 0.2};  // 2 of 10 steps
  EXPECT_DOUBLE_EQ(learning_rate(linear, 0, 10), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate(linear, 2, 10), 2.0);
  EXPECT_DOUBLE_EQ(learning_rate(linear, 6, 10), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate(linear, 9, 10), 0.25);

  const OptimizerConfig cosine{.lr = 2.0, .schedule = "cosine"};
  EXPECT_DOUBLE_EQ(learning_rate(cosine, 0, 12), 2.0);
  EXPECT_NEAR(learning_rate(cosine, 4, 12), 1.5, 1e-12);  // 2·(1 + cos 60°)/2
  EXPECT_NEAR(learning_rate(cosine, 6, 12), 1.0, 1e-12);
  EXPECT_THROW(learning_rate({.schedule = "step"}, 0, 1), Error);
}

TEST(Optimizer, RefusesImpossibleSettings) {
  const std::shared_ptr<Model> model = Model::random(test::tiny_architecture(), 3);
  EXPECT_THROW(Optimizer({.lr = -1}, *model), Error);
  EXPECT_THROW(Optimizer({.beta2 = 1}, *model), Error);
  EXPECT_THROW(Optimizer({.schedule = "wave"}, *model), Error);
}

}  // namespace
}  // namespace pope
