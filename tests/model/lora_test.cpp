// LoRA: against the plain product with merged weights, and against PEFT (tests/golden/make_lora_goldens.py).
#include "model/lora.h"

#include <c10/core/GradMode.h>
#include <gmock/gmock.h>

#include "core/error.h"
#include "core/temp_dir.h"
#include "model/adapter_folder.h"
#include "model/load.h"
#include "model/model_folder.h"
#include "model/models.h"

namespace pope {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const fs::path kGolden = POPE_SOURCE_DIR "/tests/golden/lora_qwen2";

// B is zero at first: an adapter that does something needs other values.
void make_lively(Model& model) {
  const c10::NoGradGuard no_grad;
  for (Parameter& parameter : model.trainable()) {
    RngStream rng(3, {key_of(parameter.name)});
    for (std::int64_t i = 0; i < parameter.master.numel(); ++i)
      parameter.master.data_ptr<float>()[i] = float(0.3 * rng.normal());
  }
}

// A and B by the weight that they stand beside.
std::map<std::string, LoraPair> pairs_of(const Model& model) {
  std::map<std::string, LoraPair> pairs;
  for (const Parameter& weight : model.parameters()) {
    for (const Parameter& parameter : model.trainable()) {
      if (parameter.name == lora_name(weight.name, "A")) pairs[weight.name].a = parameter.master;
      if (parameter.name == lora_name(weight.name, "B")) pairs[weight.name].b = parameter.master;
    }
  }
  return pairs;
}

std::shared_ptr<Model> merged_model(const Model& model, double scale) {
  NamedTensors weights;
  const auto pairs = pairs_of(model);
  for (const Parameter& parameter : model.parameters()) {
    const auto pair = pairs.find(parameter.name);
    weights.emplace_back(parameter.name, pair == pairs.end()
                                             ? parameter.compute.detach().clone()
                                             : merged(parameter.compute.detach(), pair->second, scale));
  }
  return std::make_shared<Model>(model.architecture(), std::move(weights), model.compute_type());
}

// Some number that depends on all hidden states and logits.
at::Tensor loss_of(const Model& model, const at::Tensor& tokens) {
  const at::Tensor hidden = hidden_of(model, tokens).flatten(0, 1);
  return token_logprobs(hidden, model.output_embedding(), tokens.flatten(), 1.0).logprobs.sum();
}

double distance(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>() / std::max(1.0, b.abs().max().item<double>());
}

class LoraOf : public testing::TestWithParam<const char*> {};

// With W' = W + sBA the chain rule gives dA = s Bᵀ dW', dB = s dW' Aᵀ.
TEST_P(LoraOf, ComputesAndLearnsAsMergedWeights) {
  const std::int64_t rank = 3;
  const auto model = lively_model(tiny_architecture(GetParam()), at::kFloat);
  model->add_lora({.rank = int(rank), .alpha = 6}, "base", 1);
  make_lively(*model);
  const auto reference = merged_model(*model, 2.0);
  const at::Tensor tokens = random_tokens(2, 9, model->architecture().vocab_size, 5);
  loss_of(*reference, tokens).backward();
  std::map<std::string, at::Tensor> gradients;
  for (const Parameter& parameter : reference->parameters())
    gradients[parameter.name] = parameter.compute.grad();
  for (const bool recompute : {false, true}) {
    model->activation_checkpointing = recompute;
    EXPECT_LT(distance(hidden_of(*model, tokens), hidden_of(*reference, tokens)), 2e-5);
    loss_of(*model, tokens).backward();
    const auto pairs = pairs_of(*model);
    EXPECT_FALSE(pairs.empty());
    for (const auto& [name, pair] : pairs) {
      const at::Tensor& weight = gradients.at(name);
      EXPECT_LT(distance(pair.a.grad(), 2 * pair.b.detach().t().mm(weight)), 1e-4) << name;
      EXPECT_LT(distance(pair.b.grad(), 2 * weight.mm(pair.a.detach().t())), 1e-4) << name;
    }
    for (const Parameter& parameter : model->parameters())
      EXPECT_FALSE(parameter.compute.grad().defined()) << parameter.name;
    for (Parameter& parameter : model->trainable()) parameter.compute.mutable_grad() = at::Tensor();
  }
}

TEST_P(LoraOf, DecodesAsItTrains) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const auto model = lively_model(tiny_architecture(GetParam()), type);
    model->add_lora({.rank = 2, .alpha = 2}, "base", 1);
    make_lively(*model);
    const at::Tensor tokens = random_tokens(2, 9, model->architecture().vocab_size, 5);
    const c10::NoGradGuard no_grad;
    const at::Tensor whole = hidden_of(*model, tokens).to(at::kFloat);
    KvCache cache(model->architecture(), 2, 9, type);
    for (std::int64_t t = 0; t < 9; ++t) {
      const at::Tensor step = model->decode(tokens.narrow(1, t, 1), at::full({2}, t, at::kLong), cache);
      EXPECT_LT(distance(step.squeeze(1).to(at::kFloat), whole.select(1, t)),
                type == at::kFloat ? 2e-5 : 0.05)
          << "position " << t;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Families, LoraOf, testing::ValuesIn(kFamilies));

TEST(Lora, StartsAsTheModelThatItIsBeside) {
  const auto model = lively_model(tiny_architecture(), at::kFloat);
  const at::Tensor tokens = random_tokens(1, 5, 37, 5), before = hidden_of(*model, tokens).detach();
  model->add_lora({.rank = 2}, "base", 1);
  EXPECT_TRUE(at::equal(hidden_of(*model, tokens), before));
  for (const auto& [name, pair] : pairs_of(*model)) {
    EXPECT_EQ(pair.b.abs().max().item<float>(), 0) << name;
    const double bound = 1 / std::sqrt(double(pair.a.size(1)));
    EXPECT_LE(pair.a.abs().max().item<double>(), bound) << name;
    EXPECT_GT(pair.a.abs().max().item<double>(), bound / 2) << name;
  }
}

TEST(Lora, TargetsChooseTheLayers) {
  const auto model = lively_model(tiny_architecture(), at::kFloat);
  model->add_lora({.rank = 2, .targets = {"v_proj", "down_proj"}}, "base", 1);
  EXPECT_EQ(model->trainable().size(), 2u * 2 * 2);
  make_lively(*model);
  const at::Tensor tokens = random_tokens(2, 9, 37, 5);
  EXPECT_LT(distance(hidden_of(*model, tokens), hidden_of(*merged_model(*model, 16), tokens)), 2e-5);
  EXPECT_THAT(
      [] { lively_model(tiny_architecture(), at::kFloat)->add_lora({.rank = 2, .targets = {"x"}}, "", 1); },
      testing::ThrowsMessage<Error>(HasSubstr("no linear layer 'x'")));
}

std::vector<std::int64_t> golden_tokens(const Json& golden) {
  return golden["tokens"].get<std::vector<std::int64_t>>();
}

void expect_logits(const Model& model, const Json& golden) {
  const at::Tensor tokens = at::tensor(golden_tokens(golden), at::kLong).unsqueeze(0);
  const at::Tensor logits = at::linear(hidden_of(model, tokens)[0], model.output_embedding());
  const auto expected = golden["logits"].get<std::vector<std::vector<float>>>();
  for (std::size_t t = 0; t < expected.size(); ++t)
    EXPECT_LT((logits[std::int64_t(t)] - at::tensor(expected[t])).abs().max().item<float>(), 1e-4) << t;
}

TEST(Lora, LogitsAndGradientsAreThoseOfPeft) {
  const Json golden = read_json(kGolden / "golden.json");
  const LoadedModel loaded = load_model(base_of_adapter(kGolden), at::kFloat, Weights::frozen);
  Model& model = *loaded.model;
  model.add_lora({.rank = golden["rank"], .alpha = golden["alpha"]}, "base", 1);
  std::map<std::string, at::Tensor> values;
  for (const auto& [name, tensor] : read_safetensors(kGolden / kAdapterWeights)) values[name] = tensor;
  ASSERT_EQ(values.size(), model.trainable().size());
  {
    const c10::NoGradGuard no_grad;
    for (Parameter& parameter : model.trainable()) parameter.master.copy_(values.at(parameter.name));
  }
  expect_logits(model, golden);
  const at::Tensor tokens = at::tensor(golden_tokens(golden), at::kLong).unsqueeze(0);
  const std::int64_t last = tokens.size(1) - 1;
  const at::Tensor logits = at::linear(hidden_of(model, tokens)[0], model.output_embedding());
  const at::Tensor nll =
      -logits.narrow(0, 0, last).log_softmax(-1).gather(1, tokens[0].narrow(0, 1, last).unsqueeze(1)).mean();
  EXPECT_NEAR(nll.item<float>(), golden["nll"].get<float>(), 1e-5);
  nll.backward();
  for (const Parameter& parameter : model.trainable()) {
    const at::Tensor expected = at::tensor(golden["gradients"][parameter.name].get<std::vector<float>>());
    EXPECT_LT((parameter.compute.grad().flatten() - expected).abs().max().item<double>(),
              2e-5 * std::max(1.0, expected.norm().item<double>()))
        << parameter.name;
  }
}

TEST(Lora, PeftsAdapterIsMergedAsItIsLoaded) {
  const LoadedModel loaded = load_model(kGolden, at::kFloat);
  EXPECT_FALSE(loaded.model->lora());
  expect_logits(*loaded.model, read_json(kGolden / "golden.json"));
}

// Saved, it is an adapter of the model that it was trained on; loaded, a model without one.
TEST(Lora, IsSavedAsAnAdapter) {
  const TempDir folder;
  const fs::path base = folder / "base", adapter = folder / "adapter";
  const LoadedModel loaded = load_model(base_of_adapter(kGolden), at::kFloat);
  fs::create_directories(base);
  save_model(base, *loaded.model, *loaded.tokenizer);
  loaded.model->add_lora({.rank = 3, .alpha = 6, .targets = {"o_proj", "gate_proj"}}, base, 1);
  make_lively(*loaded.model);
  fs::create_directories(adapter);
  save_model(adapter, *loaded.model, *loaded.tokenizer);
  EXPECT_TRUE(is_adapter(adapter));
  EXPECT_EQ(base_of_adapter(adapter), base);
  const Json config = read_json(adapter / kAdapterConfig);
  EXPECT_EQ(config["target_modules"], (Json{"gate_proj", "o_proj"}));
  EXPECT_EQ(config["r"], 3);
  EXPECT_EQ(config["lora_alpha"], 6);
  const at::Tensor tokens = random_tokens(1, 8, 61, 5);
  const LoadedModel read = load_model(adapter, at::kFloat);
  EXPECT_LT(distance(hidden_of(*read.model, tokens), hidden_of(*loaded.model, tokens)), 2e-5);
  EXPECT_EQ(load_head(adapter).eos_tokens, load_head(base).eos_tokens);
}

class BadAdapter : public testing::Test {
 protected:
  BadAdapter() { fs::copy(kGolden, path_, fs::copy_options::recursive); }
  void set(const char* key, const Json& value) const {
    Json config = read_json(path_ / kAdapterConfig);
    config["base_model_name_or_path"] = (kGolden / "../models/qwen2").string();
    config[key] = value;
    write_file(path_ / kAdapterConfig, dump(config));
  }
  std::string error() const {
    try {
      load_model(path_, at::kFloat);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  TempDir folder_;
  fs::path path_ = folder_ / "adapter";
};

TEST_F(BadAdapter, OfABaseThatIsNotHere) {
  set("base_model_name_or_path", "Qwen/Qwen3-4B");
  EXPECT_THAT(error(), testing::AllOf(HasSubstr("LoRA adapter of Qwen/Qwen3-4B, which is no file or folder"),
                                      HasSubstr("base_model_name_or_path of")));
}
TEST_F(BadAdapter, OfAnotherModel) {
  set("base_model_name_or_path", (kGolden / "../models/qwen3").string());
  EXPECT_THAT(error(), HasSubstr("do not fit it"));
}
TEST_F(BadAdapter, OfAnotherKind) {
  set("use_dora", true);
  EXPECT_THAT(error(), HasSubstr("\"use_dora\" is set"));
  set("use_dora", false);
  EXPECT_EQ(error(), "");
  set("init_lora_weights", "pissa");
  EXPECT_THAT(error(), HasSubstr("\"init_lora_weights\" is \"pissa\""));
  set("init_lora_weights", true);
  set("bias", "all");
  EXPECT_THAT(error(), HasSubstr("\"bias\" is not"));
  set("bias", "none");
  set("peft_type", "IA3");
  EXPECT_THAT(error(), HasSubstr("expected \"peft_type\": \"LORA\""));
}
TEST_F(BadAdapter, OfItself) {
  set("base_model_name_or_path", path_.string());
  EXPECT_THAT(error(), HasSubstr("is an adapter of another adapter"));
}
TEST_F(BadAdapter, Damaged) {
  set("r", 4);
  NamedTensors tensors = read_safetensors(path_ / kAdapterWeights);
  tensors.pop_back();
  write_safetensors(path_ / kAdapterWeights, tensors);
  EXPECT_THAT(error(), HasSubstr("do not fit it"));
  tensors.emplace_back("base_model.model.lm_head.weight", at::zeros({61, 48}));
  write_safetensors(path_ / kAdapterWeights, tensors);
  EXPECT_THAT(error(), HasSubstr("is no A or B of a linear layer"));
}

}  // namespace
}  // namespace pope
