// GGUF: every number format against the gguf package, meaning of metadata and tensor names, hostile files.
#include "model/gguf.h"

#include <gmock/gmock.h>

#include <fstream>

#include "core/files.h"
#include "core/temp_dir.h"
#include "model/dequantize.h"
#include "model/gguf_small.h"
#include "model/model.h"

namespace pope {
namespace {

using testing::HasSubstr;

std::string unhex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) bytes += char(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

TEST(Gguf, DequantisesAsTheReferenceDoes) {
  const Json goldens = read_json(POPE_SOURCE_DIR "/tests/golden/gguf_blocks.json");
  ASSERT_EQ(goldens.size(), 11U);
  for (const auto& [name, golden] : goldens.items()) {
    const GgufType* type = find_gguf_type(golden["id"].get<std::uint32_t>());
    ASSERT_NE(type, nullptr) << name;
    EXPECT_EQ(type->name, name);
    EXPECT_EQ(type->block, golden["block"].get<std::size_t>()) << name;
    const std::string bytes = unhex(golden["bytes"].get<std::string>());
    const auto values = golden["values"].get<std::vector<float>>();
    const std::size_t blocks = values.size() / type->block;
    ASSERT_EQ(bytes.size(), blocks * type->bytes) << name;
    std::vector<float> out(values.size());
    for (std::size_t i = 0; i < blocks; ++i) {
      type->block_to_float(reinterpret_cast<const std::uint8_t*>(bytes.data()) + i * type->bytes,
                           out.data() + i * type->block);
    }
    // The reference may round d·scale·q in another order: 4 units in the last place.
    for (std::size_t i = 0; i < values.size(); ++i) EXPECT_FLOAT_EQ(out[i], values[i]) << name << " " << i;
  }
  EXPECT_EQ(find_gguf_type(10), nullptr);  // Q2_K
  EXPECT_THAT(gguf_type_names(), HasSubstr("Q4_1"));
}

GgufModel read(const TempDir& folder, const GgufWriter& file) {
  write_file(folder / "model.gguf", file.bytes());
  return read_gguf(folder / "model.gguf");
}

at::Tensor tensor_of(const GgufModel& model, const std::string& name) {
  for (const auto& [candidate, tensor] : model.tensors) {
    if (candidate == name) return tensor;
  }
  ADD_FAILURE() << "no tensor " << name;
  return at::zeros({1, 1});
}

TEST(Gguf, ReadsArchitectureTokenizerAndNames) {
  const TempDir folder;
  GgufWriter file = small_model();
  const GgufModel model = read(folder, file);
  const Architecture& a = model.architecture;
  EXPECT_EQ(a.family, "llama");
  EXPECT_EQ(a.vocab_size, 3);
  EXPECT_EQ(a.width, 8);
  EXPECT_EQ(a.layers, 1);
  EXPECT_EQ(a.heads, 2);
  EXPECT_EQ(a.kv_heads, 1);
  EXPECT_EQ(a.head_width, 4);
  EXPECT_EQ(a.ffn_width, 5);
  EXPECT_EQ(a.context, 16);
  EXPECT_EQ(a.norm_eps, 1e-5);  // not 9.99999974737875e-06
  EXPECT_EQ(a.rope_theta, 500);
  EXPECT_TRUE(a.tied_embeddings);
  EXPECT_EQ(a.bos_token, -1);
  EXPECT_EQ(a.eos_tokens, std::vector{2});
  EXPECT_EQ(model.tokenizer.tokens, (std::vector<std::string>{"a", "b", "<end>"}));
  EXPECT_EQ(model.tokenizer.merges, std::vector<std::string>{"a b"});
  EXPECT_EQ(model.tokenizer.special_ids, std::vector{2});
  EXPECT_EQ(model.tokenizer.added_ids, std::vector{1});  // user-defined: not special
  EXPECT_EQ(model.tokenizer.bos_token, "");
  EXPECT_EQ(model.tokenizer.add_bos, std::nullopt);
  EXPECT_EQ(model.tokenizer.pre, "smollm");
  EXPECT_EQ(model.tokenizer.eos_token, "<end>");
  EXPECT_EQ(model.tokenizer.chat_template, "{{ messages }}");

  EXPECT_EQ(tensor_of(model, "model.embed_tokens.weight").sizes(), (at::IntArrayRef{3, 8}));
  EXPECT_EQ(tensor_of(model, "model.embed_tokens.weight")[1][2].item<float>(), 10);
  EXPECT_EQ(tensor_of(model, "model.norm.weight")[0].item<float>(), 24);
  EXPECT_EQ(tensor_of(model, "model.layers.0.mlp.down_proj.weight").sizes(), (at::IntArrayRef{8, 5}));
  EXPECT_EQ(model.tensors.size(), 11U);
  EXPECT_NO_THROW(Model(a, model.tensors));

  file.version = 2;
  file.alignment = 64;
  file.set("general.alignment", gguf_u32(64));
  file.set("tokenizer.ggml.eot_token_id", gguf_u32(1));
  file.set("tokenizer.ggml.bos_token_id", gguf_u32(0));
  file.set("tokenizer.ggml.add_bos_token", gguf_bool(true));
  file.tensors.push_back({"output.weight", {8, 3}, 0, floats(std::vector<float>(24, 7))});
  const GgufModel other = read(folder, file);
  EXPECT_FALSE(other.architecture.tied_embeddings);
  EXPECT_EQ(other.tokenizer.bos_token, "a");
  EXPECT_EQ(other.tokenizer.add_bos, true);
  EXPECT_EQ(other.architecture.eos_tokens, (std::vector{2, 1}));
  EXPECT_EQ(tensor_of(other, "lm_head.weight")[2][7].item<float>(), 7);
  EXPECT_EQ(tensor_of(other, "model.norm.weight")[0].item<float>(), 24);
}

// In the file, row 2i + j of a head is row i + 2j of Hugging Face's head of 4 rows.
TEST(Gguf, UndoesTheRotaryPermutationOfLlama) {
  const TempDir folder;
  GgufWriter file = small_model();
  file.tensors.push_back({"blk.0.attn_q.bias", {8}, 0, floats({0, 1, 2, 3, 4, 5, 6, 7})});
  const GgufModel model = read(folder, file);
  EXPECT_TRUE(model.architecture.attention_bias);
  const at::Tensor bias = tensor_of(model, "model.layers.0.self_attn.q_proj.bias");
  EXPECT_TRUE(at::equal(bias, at::tensor({0.F, 2.F, 1.F, 3.F, 4.F, 6.F, 5.F, 7.F})));
  // Values of attn_q begin at 24 + 3·8 = 48, attn_k at 48 + 64 = 112, attn_v at 112 + 32 = 144, rows are 8
  // apart.
  const auto first_column = [&](const char* name) { return tensor_of(model, name).select(1, 0); };
  EXPECT_TRUE(at::equal(first_column("model.layers.0.self_attn.q_proj.weight"),
                        at::tensor({48.F, 64.F, 56.F, 72.F, 80.F, 96.F, 88.F, 104.F})));
  EXPECT_TRUE(at::equal(first_column("model.layers.0.self_attn.k_proj.weight"),
                        at::tensor({112.F, 128.F, 120.F, 136.F})));
  EXPECT_TRUE(at::equal(first_column("model.layers.0.self_attn.v_proj.weight"),
                        at::tensor({144.F, 152.F, 160.F, 168.F})));
}

// Not write_file: thousands of synced files would take half a minute.
void put(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string message(const TempDir& folder, const std::string& bytes) {
  put(folder / "hostile.gguf", bytes);
  const std::string text = error_of([&] { read_gguf(folder / "hostile.gguf"); });
  EXPECT_THAT(text, HasSubstr("hostile.gguf"));
  return text;
}

TEST(Gguf, EveryTruncationIsAnError) {
  const TempDir folder;
  const std::string bytes = small_model().bytes();
  for (std::size_t size = 0; size < bytes.size(); size += size < 64 ? 1 : 37)
    message(folder, bytes.substr(0, size));
  message(folder, bytes.substr(0, bytes.size() - 1));
}

// Bits flipped anywhere may give another valid model or an Error, never anything else.
TEST(Gguf, DamagedBytesAreAnErrorAtWorst) {
  const TempDir folder;
  const std::string bytes = small_model().bytes();
  int refused = 0;
  for (std::size_t at = 0; at < 1600; at += 3) {
    std::string damaged = bytes;
    damaged[at] = char(damaged[at] ^ (1 << at % 8));
    put(folder / "damaged.gguf", damaged);
    try {
      const GgufModel model = read_gguf(folder / "damaged.gguf");
      Model(model.architecture, model.tensors);
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 150);
}

TEST(Gguf, RefusesHostileCounts) {
  const TempDir folder;
  const std::uint64_t huge = std::uint64_t(1) << 61;
  const std::string start = "GGUF" + raw<std::uint32_t>(3);
  EXPECT_THAT(message(folder, "ggml" + start), HasSubstr("not a GGUF file"));
  EXPECT_THAT(message(folder, "GGUF" + raw<std::uint32_t>(1) + std::string(64, '\0')),
              HasSubstr("version 2 or 3, got 1"));
  EXPECT_THAT(message(folder, start + raw(huge) + raw<std::uint64_t>(0)), HasSubstr("tensors do not fit"));
  EXPECT_THAT(message(folder, start + raw<std::uint64_t>(0) + raw(huge)),
              HasSubstr("metadata entries do not fit"));
  GgufWriter file;
  file.metadata = {{"k", raw<std::uint32_t>(9) + raw<std::uint32_t>(8) + raw(huge)}};
  EXPECT_THAT(message(folder, file.bytes()), HasSubstr("array elements do not fit"));
  // 64 elements of 4 bytes, of which about 100 bytes are there.
  file.metadata = {
      {"k", raw<std::uint32_t>(9) + raw<std::uint32_t>(4) + raw<std::uint64_t>(64) + std::string(100, '\0')}};
  EXPECT_THAT(message(folder, file.bytes()), HasSubstr("array elements do not fit"));
  file.metadata = {{"k", raw<std::uint32_t>(8) + raw(~std::uint64_t(0))}};
  EXPECT_THAT(message(folder, file.bytes()), HasSubstr("characters do not fit"));
  file.metadata = {{"k", raw<std::uint32_t>(77) + raw<std::uint64_t>(0)}};
  EXPECT_THAT(message(folder, file.bytes()), HasSubstr("type 77"));
  file.metadata = {
      {"k", raw<std::uint32_t>(9) + raw<std::uint32_t>(9) + raw<std::uint64_t>(1) + std::string(64, '\0')}};
  EXPECT_THAT(message(folder, file.bytes()), HasSubstr("plain value"));
  file.metadata = {{"k", gguf_u32(1)}, {"k", gguf_u32(1)}};
  EXPECT_THAT(message(folder, file.bytes()), HasSubstr("\"k\" stands twice"));
}

TEST(Gguf, RefusesHostileTensors) {
  const TempDir folder;
  const auto with = [&](const GgufWriter::Tensor& tensor, std::uint64_t alignment = 32) {
    GgufWriter file = small_model();
    file.set("general.alignment", gguf_u32(std::uint32_t(alignment)));
    file.tensors.push_back(tensor);
    return message(folder, file.bytes());
  };
  EXPECT_THAT(with({"t.weight", {1 << 20}, 0, ""}), HasSubstr("\"t.weight\" of 4194304 bytes"));
  EXPECT_THAT(with({"t.weight", {1ull << 40, 1ull << 40}, 0, ""}), HasSubstr("too large"));
  EXPECT_THAT(with({"t.weight", {0}, 0, ""}), HasSubstr("size 0"));
  EXPECT_THAT(with({"t.weight", {1, 1, 1, 1, 1}, 0, floats({1})}), HasSubstr("at most 4 dimensions"));
  EXPECT_THAT(with({"t.weight", {32}, 10, std::string(64, 'x')}),
              HasSubstr("number format Q2_K is not supported"));
  EXPECT_THAT(with({"t.weight", {33}, 2, std::string(64, 'x')}), HasSubstr("no whole blocks of Q4_0"));
  EXPECT_THAT(with({"output_norm.weight", {8}, 0, floats(std::vector<float>(8))}), HasSubstr("two tensors"));
  EXPECT_THAT(with({"blk.0.other.weight", {1}, 0, floats({1})}), HasSubstr("blk.0.other.weight"));
  EXPECT_THAT(with({"nonsense", {1}, 0, floats({1})}), HasSubstr("nonsense"));
  EXPECT_THAT(with({"blk.0.attn_q.bias", {6}, 0, floats(std::vector<float>(6))}), HasSubstr("2 × 4 rows"));
  EXPECT_THAT(with({"rope_freqs.weight", {2}, 0, floats({1, 3})}), HasSubstr("rope_freqs.weight"));
  EXPECT_THAT(with({"rope_freqs.weight", {1}, 0, floats({1})}), HasSubstr("rope_freqs.weight"));
  EXPECT_THAT(with({"t.weight", {1}, 0, floats({1})}, 24), HasSubstr("general.alignment, got 24"));
  EXPECT_THAT(with({"t.weight", {1}, 0, floats({1})}, 0), HasSubstr("general.alignment"));
}

TEST(Gguf, RefusesMetadataThatDoesNotFit) {
  const TempDir folder;
  const auto with = [&](const std::string& key, const std::string& value) {
    GgufWriter file = small_model();
    file.set(key, value);
    return message(folder, file.bytes());
  };
  EXPECT_THAT(with("general.architecture", gguf_string("gemma")), HasSubstr("known: llama, qwen2, qwen3"));
  EXPECT_THAT(with("llama.block_count", gguf_string("1")), HasSubstr("whole number in llama.block_count"));
  EXPECT_THAT(with("llama.block_count", gguf_u32(3000000000U)), HasSubstr("llama.block_count"));
  EXPECT_THAT(with("llama.block_count", gguf_u32(0)), HasSubstr("num_hidden_layers"));
  EXPECT_THAT(with("llama.attention.head_count", gguf_u32(0)), HasSubstr("num_attention_heads"));
  EXPECT_THAT(with("llama.rope.dimension_count", gguf_u32(2)), HasSubstr("rope.dimension_count"));
  EXPECT_THAT(with("llama.rope.scaling.type", gguf_string("yarn")),
              HasSubstr("rope.scaling.original_context_length"));
  EXPECT_THAT(with("llama.rope.scaling.type", gguf_string("ntk")), HasSubstr("rope.scaling.type \"ntk\""));
  EXPECT_THAT(with("llama.rope.scaling.type", gguf_string("longrope")), HasSubstr("known of phi3 alone"));
  EXPECT_THAT(with("llama.block_count", gguf_u32(5000)), HasSubstr("5000 is too many"));
  EXPECT_THAT(with("llama.expert_count", gguf_u32(8)), HasSubstr("expert_count"));
  EXPECT_THAT(with("tokenizer.ggml.model", gguf_string("t5")), HasSubstr("tokenizer.ggml.model \"t5\""));
  EXPECT_THAT(with("tokenizer.ggml.tokens", gguf_strings({"a", "b", "c", "d"})), HasSubstr("4 tokens"));
  EXPECT_THAT(with("tokenizer.ggml.token_type", gguf_i32s({1, 1})), HasSubstr("2 entries"));
  EXPECT_THAT(with("tokenizer.ggml.eos_token_id", gguf_u32(3)), HasSubstr("eos_token_id"));
  GgufWriter file = small_model();
  file.tensors.erase(file.tensors.begin());
  EXPECT_THAT(message(folder, file.bytes()), HasSubstr("token_embd.weight"));
  EXPECT_THAT(error_of([&] { read_gguf(folder / "nowhere.gguf"); }), HasSubstr("nowhere.gguf"));
  EXPECT_THAT(error_of([&] { read_gguf(folder.path()); }), HasSubstr("expected a file"));
}

}  // namespace
}  // namespace pope
