// Model folders: save and load bit-exactly, shards, and what is missing or does not fit.
#include "model/load.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstring>
#include <optional>
#include <set>

#include "core/temp_dir.h"
#include "model/models.h"
#include "model/same_weights.h"

namespace pope {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::shared_ptr<const Tokenizer> words(int count) {
  std::vector<std::string> list;
  for (int i = 0; i < count; ++i) list.push_back("w" + std::to_string(i));
  return make_word_tokenizer(list, "w1");
}

std::shared_ptr<Model> random_model(const std::string& family) {
  Architecture architecture = tiny_architecture(family);
  architecture.eos_tokens = {1, 5};
  return lively_model(architecture, at::kFloat);
}

TEST(Load, SavedModelComesBackBitExact) {
  for (const char* family : {"llama", "qwen2", "qwen3"}) {
    const TempDir folder;
    const auto model = random_model(family);
    save_model(folder / "first", *model, *words(37));
    const LoadedModel loaded = load_model(folder / "first", at::kFloat);
    expect_same(*model, *loaded.model);
    EXPECT_EQ(loaded.model->architecture().eos_tokens, (std::vector{1, 5}));
    EXPECT_EQ(loaded.model->architecture().family, family);
    EXPECT_EQ(loaded.tokenizer->size(), 37);
    EXPECT_EQ(read_json(folder / "first/generation_config.json")["eos_token_id"], Json({1, 5}));

    save_model(folder / "second", *loaded.model, *loaded.tokenizer);
    EXPECT_EQ(read_file(folder / "second/model.safetensors"), read_file(folder / "first/model.safetensors"));
  }
}

TEST(Load, KeepsGenerationSettings) {
  const TempDir folder;
  save_model(folder / "first", *random_model("qwen3"), *words(37));
  write_file(folder / "first/generation_config.json",
             R"({"do_sample": true, "eos_token_id": [5, 6], "temperature": 0.7, "top_p": 0.8, "top_k": 20})");
  const LoadedModel loaded = load_model(folder / "first", at::kFloat);
  save_model(folder / "second", *loaded.model, *loaded.tokenizer);
  EXPECT_EQ(read_json(folder / "second/generation_config.json"),
            Json::parse(R"({"do_sample": true, "eos_token_id": [1, 5, 6], "temperature": 0.7, "top_p": 0.8,
                            "top_k": 20})"));
}

TEST(Load, SavesRoundedWeightsOnRequest) {
  const TempDir folder;
  const auto model = random_model("llama");
  save_model(folder.path(), *model, *words(37), true);
  EXPECT_EQ(read_json(folder / "config.json")["torch_dtype"], "bfloat16");
  EXPECT_EQ(read_json(folder / "config.json")["dtype"], "bfloat16");
  EXPECT_EQ(read_safetensors(folder / "model.safetensors", std::nullopt)[0].second.scalar_type(),
            at::kBFloat16);
  const LoadedModel loaded = load_model(folder.path(), at::kBFloat16);
  const auto &before = model->parameters()[2], &after = loaded.model->parameters()[2];
  EXPECT_TRUE(at::equal(after.master, before.master.to(at::kBFloat16).to(at::kFloat)));
  EXPECT_EQ(after.compute.scalar_type(), at::kBFloat16);
}

TEST(Load, AFrozenModelHoldsItsWeightsOnce) {
  const TempDir folder;
  save_model(folder.path(), *random_model("qwen3"), *words(37));
  const LoadedModel frozen = load_model(folder.path(), at::kBFloat16, Weights::frozen);
  const LoadedModel trainable = load_model(folder.path(), at::kBFloat16);
  for (std::size_t i = 0; i < frozen.model->parameters().size(); ++i) {
    const Parameter &once = frozen.model->parameters()[i], &twice = trainable.model->parameters()[i];
    EXPECT_TRUE(once.master.is_same(once.compute)) << once.name;
    EXPECT_EQ(twice.master.scalar_type(), at::kFloat) << once.name;
    EXPECT_TRUE(at::equal(once.compute, twice.compute)) << once.name;
  }
}

TEST(Load, LargeModelsAreSavedInShards) {
  const TempDir folder;
  const auto model = random_model("qwen2");
  save_model(folder.path(), *model, *words(37), false, 20'000);
  EXPECT_FALSE(fs::exists(folder / "model.safetensors"));
  const Json index = read_json(folder / "model.safetensors.index.json");
  std::set<std::string> files;
  for (const auto& [name, file] : index["weight_map"].items()) files.insert(file.get<std::string>());
  EXPECT_GT(files.size(), 2u);
  EXPECT_TRUE(files.contains(fmt::format("model-00001-of-{:05}.safetensors", files.size())));
  EXPECT_EQ(index["metadata"]["total_size"], 4 * model->architecture().parameters());
  for (const std::string& file : files) EXPECT_LT(fs::file_size(folder / file), 22'000u) << file;
  expect_same(*model, *load_model(folder.path(), at::kFloat).model);
}

// Splits model.safetensors of `folder` into two shards with an index.
Json shard(const fs::path& folder) {
  const NamedTensors all = read_safetensors(folder / "model.safetensors");
  const auto middle = all.begin() + 5;
  write_safetensors(folder / "one.safetensors", NamedTensors(all.begin(), middle));
  write_safetensors(folder / "two.safetensors", NamedTensors(middle, all.end()));
  Json map = Json::object();
  for (std::size_t i = 0; i < all.size(); ++i)
    map[all[i].first] = i < 5 ? "one.safetensors" : "two.safetensors";
  fs::remove(folder / "model.safetensors");
  return {{"metadata", {{"total_size", 1}}}, {"weight_map", map}};
}

TEST(Load, ReadsShards) {
  const TempDir folder;
  const auto model = random_model("qwen3");
  save_model(folder.path(), *model, *words(37));
  const Json index = shard(folder.path());
  const auto write_index = [&](const Json& value) {
    write_file(folder / "model.safetensors.index.json", dump(value));
  };
  const auto message = [&](const Json& value) {
    write_index(value);
    return error_of([&] { load_model(folder.path(), at::kFloat); });
  };
  write_index(index);
  expect_same(*model, *load_model(folder.path(), at::kFloat).model);

  Json changed = index;
  changed["weight_map"]["model.norm.weight"] = "one.safetensors";
  EXPECT_THAT(message(changed), HasSubstr("\"model.norm.weight\" is not in one.safetensors"));
  changed = index;
  changed["weight_map"].erase("model.norm.weight");
  EXPECT_THAT(message(changed), HasSubstr("\"model.norm.weight\" in two.safetensors is not listed"));
  changed = index;
  changed["weight_map"]["model.norm.weight"] = "../two.safetensors";
  EXPECT_THAT(message(changed), HasSubstr("name of a file in the folder"));
  changed["weight_map"]["model.norm.weight"] = 7;
  EXPECT_THAT(message(changed), HasSubstr("name of a file in the folder"));
  changed["weight_map"]["model.norm.weight"] = "three.safetensors";
  EXPECT_THAT(message(changed), HasSubstr("three.safetensors"));
  EXPECT_THAT(message(Json::object()), HasSubstr("weight_map"));
}

TEST(Load, EosTokensComeFromEveryPlace) {
  const TempDir folder;
  save_model(folder.path(), *random_model("llama"), *words(37));
  const auto eos = [&] { return load_model(folder.path(), at::kFloat).model->architecture().eos_tokens; };
  write_file(folder / "generation_config.json", R"({"eos_token_id": [5, 7]})");
  EXPECT_EQ(eos(), (std::vector{1, 5, 7}));
  write_file(folder / "generation_config.json", R"({"eos_token_id": 37})");
  EXPECT_THAT(error_of(eos), HasSubstr("eos_token_id"));
  fs::remove(folder / "generation_config.json");
  EXPECT_EQ(eos(), (std::vector{1, 5}));
  Json config = read_json(folder / "config.json");
  config.erase("eos_token_id");
  write_file(folder / "config.json", dump(config));
  EXPECT_EQ(eos(), (std::vector{1}));  // the tokenizer's "w1"
}

TEST(Load, ToleratesWhatOldCheckpointsCarry) {
  const TempDir folder;
  const auto model = random_model("llama");  // tied
  save_model(folder.path(), *model, *words(37));
  NamedTensors tensors = read_safetensors(folder / "model.safetensors");
  const at::Tensor embedding = model->parameters()[0].master.detach().clone();
  tensors.emplace_back("lm_head.weight", embedding);
  tensors.emplace_back("model.layers.0.self_attn.rotary_emb.inv_freq", at::zeros({4}));
  write_safetensors(folder / "model.safetensors", tensors);
  expect_same(*model, *load_model(folder.path(), at::kFloat).model);
  embedding[3][1] += 1;
  write_safetensors(folder / "model.safetensors", tensors);
  EXPECT_THAT(error_of([&] { load_model(folder.path(), at::kFloat); }), HasSubstr("tie_word_embeddings"));
}

TEST(Load, NamesWhatIsMissingOrWrong) {
  const TempDir folder;
  const auto message = [&](const fs::path& path) { return error_of([&] { load_model(path, at::kFloat); }); };
  EXPECT_THAT(message(folder / "nowhere"),
              HasSubstr("nowhere does not exist\n  hint: give a Hugging Face model directory"));
  EXPECT_THAT(message(folder.path()), HasSubstr("no config.json in it) nor a .gguf file\n  hint:"));
  write_file(folder / "notes.txt", "text");
  EXPECT_THAT(message(folder / "notes.txt"), HasSubstr("nor a .gguf file"));

  save_model(folder / "model", *random_model("llama"), *words(37));
  const fs::path model = folder / "model", weights = model / "model.safetensors";
  const NamedTensors tensors = read_safetensors(weights);
  fs::remove(weights);
  EXPECT_THAT(message(model), HasSubstr("found neither model.safetensors nor"));
  write_file(model / "pytorch_model.bin", "");
  EXPECT_THAT(message(model), HasSubstr("safe_serialization=True"));
  write_safetensors(weights, NamedTensors(tensors.begin() + 1, tensors.end()));
  EXPECT_THAT(message(model), HasSubstr(tensors[0].first));
  NamedTensors more = tensors;
  more.emplace_back("model.layers.0.extra.weight", at::zeros({2}));
  write_safetensors(weights, more);
  EXPECT_THAT(message(model), HasSubstr("model.layers.0.extra.weight"));
  NamedTensors misshapen = tensors;
  misshapen[0].second = at::zeros({3, 2});
  write_safetensors(weights, misshapen);
  EXPECT_THAT(message(model), HasSubstr(tensors[0].first));
  write_safetensors(weights, tensors);
  EXPECT_NO_THROW(load_model(model, at::kFloat));

  words(38)->save(model);
  EXPECT_THAT(message(model), HasSubstr("the tokenizer has 38 ids, the embedding only 37 rows"));
  fs::remove(model / "tokenizer.json");
  EXPECT_THAT(message(model), HasSubstr("tokenizer.json"));
  write_file(model / "config.json", "{\"model_type\": ");
  EXPECT_THAT(message(model), HasSubstr("config.json"));
}

}  // namespace
}  // namespace pope
