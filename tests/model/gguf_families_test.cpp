// GGUF files of every family that is read: the tiny models of transformers, written as llama.cpp's converter
// does (names and keys: tests/golden/make_gguf_goldens.py), are the same models as in their own directories.
#include <gmock/gmock.h>

#include "core/temp_dir.h"
#include "model/families.h"
#include "model/gguf.h"
#include "model/gguf_small.h"
#include "model/load.h"
#include "model/models.h"

namespace pope {
namespace {

using testing::HasSubstr;

const std::filesystem::path kGolden = POPE_SOURCE_DIR "/tests/golden";

// What a GGUF file does not say of a model.
void forget(Architecture& a) {
  if (a.family == "mistral") {
    a.family = "llama";
    a.rope_scaling.truncate = true;
  }
  if (!a.traits().window_has_rope && a.family != "phi3") {
    a.window = 0;
    a.windowed.clear();
  }
  if (a.gemma()) a.query_scalar = a.head_width;
  if (a.family == "qwen3_moe") a.sparse.assign(std::size_t(a.layers), true);  // it has no dense layers
  if (a.family == "smollm3") a.without_rope.clear();  // every fourth has none, and there are three
}

std::string encoded(const Json& value) {
  if (value.is_string()) return gguf_string(value.get<std::string>());
  if (value.is_array()) return gguf_bools(value.get<std::vector<bool>>());
  return value.is_number_integer() ? gguf_u32(value.get<std::uint32_t>()) : gguf_f32(value.get<float>());
}

std::string bytes_of(const at::Tensor& tensor) {
  const at::Tensor values = tensor.to(at::kFloat).contiguous();
  return {static_cast<const char*>(values.data_ptr()), values.nbytes()};
}

std::vector<std::uint64_t> sizes_of(const at::Tensor& tensor) {
  return {tensor.sizes().rbegin(), tensor.sizes().rend()};
}

// Neighbouring rows are rotated together.
at::Tensor reordered(const at::Tensor& rows, std::int64_t heads) {
  return rows.reshape({heads, 2, rows.size(0) / heads / 2, -1}).transpose(1, 2).reshape(rows.sizes());
}

// What the converter makes of a weight.
at::Tensor converted(const Json& name, const std::map<std::string, at::Tensor>& weights,
                     const Architecture& a) {
  if (name.is_array()) {
    std::vector<at::Tensor> experts;
    for (const Json& one : name) experts.push_back(weights.at(one));
    return at::stack(experts);
  }
  const auto text = name.get<std::string>();
  const at::Tensor& weight = weights.at(text);
  const bool reorders = a.family == "llama" || a.family == "smollm3" || a.family == "granite";
  if (reorders && text.find(".q_proj.") != std::string::npos) return reordered(weight, a.heads);
  if (reorders && text.find(".k_proj.") != std::string::npos) return reordered(weight, a.kv_heads);
  return a.gemma() && text.ends_with("norm.weight") ? weight + 1 : weight;
}

GgufWriter written(const Json& golden, const Architecture& a,
                   const std::map<std::string, at::Tensor>& weights) {
  GgufWriter file = small_model();
  file.metadata.clear();
  file.tensors.clear();
  file.set("general.architecture", gguf_string(golden["architecture"]));
  for (const auto& [key, value] : golden["metadata"].items()) file.set(key, encoded(value));
  std::vector<std::string> tokens;
  for (int i = 0; i < a.vocab_size; ++i) tokens.push_back("w" + std::to_string(i));
  file.set("tokenizer.ggml.model", gguf_string("gpt2"));
  file.set("tokenizer.ggml.tokens", gguf_strings(tokens));
  file.set("tokenizer.ggml.token_type", gguf_i32s(std::vector<std::int32_t>(tokens.size(), 1)));
  file.set("tokenizer.ggml.merges", gguf_strings({}));
  file.set("tokenizer.ggml.bos_token_id", gguf_u32(1));
  file.set("tokenizer.ggml.eos_token_id", gguf_u32(2));
  const auto add = [&](const std::string& name, const at::Tensor& tensor) {
    file.tensors.push_back({name, sizes_of(tensor), 0, bytes_of(tensor)});
  };
  for (const auto& [name, from] : golden["tensors"].items()) add(name, converted(from, weights, a));
  if (a.family == "phi3") {
    const auto factors = [&](const char* key) {
      return at::tensor(a.rope_scaling.source.at(key).get<std::vector<double>>());
    };
    add("rope_factors_short.weight", factors("short_factor"));
    add("rope_factors_long.weight", factors("long_factor"));
  }
  return file;
}

class GgufFamilies : public testing::TestWithParam<const char*> {};

TEST_P(GgufFamilies, AFileIsTheModelOfItsDirectory) {
  const Json golden = read_json(kGolden / "gguf_models.json")[GetParam()];
  const LoadedModel loaded = load_model(kGolden / "models" / GetParam(), at::kFloat);
  Architecture architecture = loaded.model->architecture();
  forget(architecture);
  const bool same = architecture.sparse == loaded.model->architecture().sparse;
  const auto original = same ? loaded.model : lively_model(architecture, at::kFloat);
  std::map<std::string, at::Tensor> weights;
  NamedTensors own;
  for (const Parameter& parameter : original->parameters()) {
    weights[parameter.name] = parameter.master.detach();
    own.emplace_back(parameter.name, parameter.master.detach());
  }
  const std::string bytes = written(golden, architecture, weights).bytes();
  GgufModel gguf = read_gguf({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, "test");
  EXPECT_EQ(gguf.tensors.size(), weights.size());
  for (const auto& [name, tensor] : gguf.tensors) {
    ASSERT_TRUE(weights.contains(name)) << name;
    EXPECT_TRUE(at::equal(tensor, weights[name])) << name;
  }
  EXPECT_EQ(gguf.architecture.family, architecture.family);
  EXPECT_EQ(gguf.architecture.context, architecture.context);
  EXPECT_EQ(gguf.architecture.windowed, architecture.windowed);
  EXPECT_EQ(gguf.architecture.bos_token, 1);
  EXPECT_EQ(gguf.architecture.eos_tokens, std::vector{2});
  EXPECT_EQ(gguf.architecture.rope_scaling.attention_factor, architecture.rope_scaling.attention_factor);
  const Model model(gguf.architecture, gguf.tensors), reference(architecture, own);
  const at::Tensor tokens = random_tokens(2, std::min(architecture.context, 40), 61, 5);
  EXPECT_TRUE(at::equal(hidden_of(model, tokens), hidden_of(reference, tokens)));
  // What is saved is a directory of the same model.
  const Architecture again = architecture_from_json(to_json(gguf.architecture));
  EXPECT_TRUE(at::equal(hidden_of(Model(again, gguf.tensors), tokens), hidden_of(reference, tokens)));
}

INSTANTIATE_TEST_SUITE_P(Models, GgufFamilies,
                         testing::Values("llama_bias", "mistral", "qwen2_yarn", "qwen3", "qwen3_moe",
                                         "gemma3", "smollm3", "olmo2", "olmo3", "phi3", "granite"));

// A file of a family with the sizes of the small model, and its embedding alone.
GgufWriter head_of(const std::string& family, int layers) {
  GgufWriter file = small_model();
  for (auto& [key, value] : file.metadata)
    if (key.starts_with("llama.")) key = family + key.substr(5);
  file.set("general.architecture", gguf_string(family));
  file.set(family + ".block_count", gguf_u32(std::uint32_t(layers)));
  file.tensors.resize(1);
  return file;
}

GgufModel read(const GgufWriter& file) {
  const std::string bytes = file.bytes();
  return read_gguf({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, "test");
}

TEST(GgufConfig, WhatFilesDoNotSayIsWhatLlamaCppTakes) {
  EXPECT_EQ(read(head_of("smollm3", 5)).architecture.without_rope,
            (std::vector{false, false, false, true, false}));

  GgufWriter gemma = head_of("gemma3", 7);
  gemma.set("gemma3.attention.sliding_window", gguf_u32(4));
  const Architecture a = read(gemma).architecture;
  EXPECT_EQ(a.windowed, (std::vector{true, true, true, true, true, false, true}));
  EXPECT_EQ(a.window_rope_theta, 10000);
  EXPECT_EQ(a.rope_theta, 500);
  EXPECT_EQ(a.query_scalar, 4);
  gemma.set("gemma3.attention.key_length", gguf_u32(6));
  EXPECT_EQ(read(gemma).architecture.query_scalar, 6);
  gemma.set("gemma3.block_count", gguf_u32(62));
  EXPECT_EQ(read(gemma).architecture.query_scalar, 4);  // that of 27B: the width of the model by its heads

  GgufWriter olmo = head_of("olmo2", 4);
  EXPECT_EQ(read(olmo).architecture.family, "olmo2");
  olmo.set("olmo2.attention.sliding_window", gguf_u32(4));
  EXPECT_EQ(read(olmo).architecture.family, "olmo3");
  EXPECT_EQ(read(olmo).architecture.windowed, (std::vector{true, true, true, false}));
}

TEST(GgufConfig, RefusesWhatDoesNotFit) {
  const auto message = [](GgufWriter file, const std::string& key, const std::string& value) {
    file.set(key, value);
    return error_of([&] { read(file); });
  };
  GgufWriter gemma = head_of("gemma3", 2);
  EXPECT_THAT(error_of([&] { read(gemma); }), HasSubstr("gemma3.attention.sliding_window"));
  gemma.set("gemma3.attention.sliding_window", gguf_u32(4));
  EXPECT_THAT(message(gemma, "gemma3.attention.sliding_window_pattern", gguf_bools({true})),
              HasSubstr("expected 2 entries, got 1"));
  EXPECT_THAT(message(gemma, "gemma3.attention.sliding_window_pattern", gguf_u32(0)),
              HasSubstr("a positive period"));
  EXPECT_THAT(message(gemma, "gemma3.final_logit_softcapping", gguf_f32(30)),
              HasSubstr("final_logit_softcapping"));
  EXPECT_THAT(error_of([] { read(head_of("granite", 1)); }), HasSubstr("granite.attention.scale"));
  GgufWriter experts = head_of("qwen3moe", 1);
  experts.set("qwen3moe.expert_count", gguf_u32(4));
  experts.set("qwen3moe.expert_used_count", gguf_u32(2));
  experts.set("qwen3moe.expert_feed_forward_length", gguf_u32(3));
  EXPECT_EQ(read(experts).architecture.experts, 4);
  experts.tensors.push_back({"blk.0.ffn_up_exps.weight", {8, 3, 2}, 0, floats(std::vector<float>(48))});
  EXPECT_THAT(error_of([&] { read(experts); }), HasSubstr("expected 4 experts"));
  GgufWriter llama = small_model();
  llama.tensors.push_back({"blk.0.ffn_up_exps.weight", {8, 3, 2}, 0, floats(std::vector<float>(48))});
  EXPECT_THAT(error_of([&] { read(llama); }), HasSubstr("is not part of a llama model"));
}

// SentencePiece vocabularies, whose merges follow from scores.
TEST(GgufPieces, GiveTheIdsOfTransformers) {
  const Json goldens = read_json(kGolden / "gguf_pieces.json");
  ASSERT_EQ(goldens["rows"].size(), 3U);
  for (const Json& row : goldens["rows"]) {
    const auto family = row["architecture"].get<std::string>();
    SCOPED_TRACE(family);
    const auto tokens = row["tokens"].get<std::vector<std::string>>();
    GgufWriter file = head_of(family, 1);
    if (family == "gemma3") file.set("gemma3.attention.sliding_window", gguf_u32(4));
    file.set("tokenizer.ggml.model", gguf_string("llama"));
    file.set("tokenizer.ggml.tokens", gguf_strings(tokens));
    file.set("tokenizer.ggml.scores", gguf_f32s(row["scores"].get<std::vector<float>>()));
    file.set("tokenizer.ggml.token_type", gguf_i32s(row["types"].get<std::vector<std::int32_t>>()));
    std::erase_if(file.metadata, [](const auto& entry) { return entry.first == "tokenizer.ggml.merges"; });
    file.set("tokenizer.ggml.bos_token_id", gguf_u32(2));
    file.tensors = {
        {"token_embd.weight", {8, tokens.size()}, 0, floats(std::vector<float>(8 * tokens.size()))}};
    const auto tokenizer = make_bpe_tokenizer(read(file).tokenizer);
    EXPECT_EQ(tokenizer->prefix(), std::vector{2});
    for (std::size_t i = 0; i < row["ids"].size(); ++i) {
      const auto text = goldens["texts"][i].get<std::string>();
      const auto ids = row["ids"][i].get<std::vector<int>>();
      EXPECT_EQ(tokenizer->encode(text, true), ids) << dump(goldens["texts"][i]);
      if (text.find('<') != std::string::npos) continue;
      EXPECT_EQ(tokenizer->encode(text), ids) << dump(goldens["texts"][i]);
      if (!text.starts_with(' ')) {
        EXPECT_EQ(tokenizer->decode(ids), text) << dump(goldens["texts"][i]);
      }
    }
    const TempDir folder;
    tokenizer->save(folder.path());
    EXPECT_EQ(load_tokenizer(folder.path())->encode("a  the end"), tokenizer->encode("a  the end"));
    file.set("tokenizer.ggml.scores", gguf_f32s({1, 2}));
    EXPECT_THAT(error_of([&] { read(file); }), HasSubstr("2 entries in tokenizer.ggml.scores"));
  }
}

TEST(GgufPieces, MarksFollowTheFile) {
  const Json goldens = read_json(kGolden / "gguf_pieces.json");
  const Json& row = goldens["rows"][0];
  BpeParts parts{.tokens = row["tokens"].get<std::vector<std::string>>(),
                 .scores = row["scores"].get<std::vector<double>>(),
                 .marks = BpeParts::Marks::kNowhere};
  const std::vector<int> bare = make_bpe_tokenizer(parts)->encode("the");
  parts.marks = BpeParts::Marks::kStart;
  EXPECT_EQ(make_bpe_tokenizer(parts)->encode("the").size(), bare.size() + 1);
  GgufWriter file = small_model();
  file.set("tokenizer.ggml.model", gguf_string("llama"));
  file.set("tokenizer.ggml.add_space_prefix", gguf_bool(false));
  EXPECT_EQ(read(file).tokenizer.marks, BpeParts::Marks::kNowhere);
  file.set("tokenizer.ggml.add_space_prefix", gguf_bool(true));
  EXPECT_EQ(read(file).tokenizer.marks, BpeParts::Marks::kStart);
}

}  // namespace
}  // namespace pope
