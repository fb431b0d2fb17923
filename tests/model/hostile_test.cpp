// Weight files and model folders made to break the reader: each is refused with a message that says how to go
// on. Beside the cases of safetensors_test, gguf_test and load_test; fuzz/ looks for more.
#include <gmock/gmock.h>

#include "core/file_size_limit.h"
#include "core/files.h"
#include "core/temp_dir.h"
#include "model/gguf.h"
#include "model/gguf_file.h"
#include "model/gguf_writer.h"
#include "model/load.h"
#include "model/models.h"

namespace pope {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

std::string repeated(const std::string& part, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += part;
  return text;
}

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::shared_ptr<const Tokenizer> words(int count) {
  std::vector<std::string> list;
  for (int i = 0; i < count; ++i) list.push_back("w" + std::to_string(i));
  return make_word_tokenizer(list, "w1");
}

// A folder with a model that loads, to be damaged.
struct Folder {
  TempDir temp;
  fs::path path = temp / "model";
  Folder() { save_model(path, *lively_model(tiny_architecture(), at::kFloat), *words(37)); }
  std::string error() const {
    return error_of([&] { load_model(path, at::kFloat); });
  }
};

// The inputs that the fuzzers start from.
TEST(Hostile, FuzzCorporaLoadOrAreRefused) {
  const auto corpus = [](const std::string& name) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(fs::path(POPE_SOURCE_DIR) / "fuzz/corpus" / name))
      files.push_back(entry.path());
    return files;
  };
  int loaded = 0, refused = 0;
  const auto attempt = [&](const auto& read) {
    try {
      read();
      ++loaded;
    } catch (const Error&) {
      ++refused;
    }
  };
  for (const auto& path : corpus("model_safetensors")) attempt([&] { read_safetensors(path); });
  EXPECT_EQ(loaded, 3);
  EXPECT_EQ(refused, 2);
  loaded = refused = 0;
  for (const auto& path : corpus("model_gguf")) {
    attempt([&] {
      const GgufModel gguf = read_gguf(path);
      make_bpe_tokenizer(gguf.tokenizer);
      Model(gguf.architecture, gguf.tensors);
    });
  }
  EXPECT_EQ(loaded, 3);
  EXPECT_EQ(refused, 2);
}

// Parsing nested JSON is safe; copying or printing it, as a message about it would, overflows the stack.
TEST(Hostile, NestedJsonIsRefusedEverywhere) {
  const std::string deep = repeated("[", 200'000) + repeated("]", 200'000);
  const TempDir folder;
  const std::string header = R"({"t": {"dtype": "F32", "shape": )" + deep + R"(, "data_offsets": [0, 0]}})";
  write_file(folder / "t", raw<std::uint64_t>(header.size()) + header);
  EXPECT_THAT(error_of([&] { read_safetensors(folder / "t"); }),
              HasSubstr("the header is not a JSON object\n  hint: the file is damaged"));
  for (const char* file : {"config.json", "generation_config.json"}) {
    const Folder model;
    write_file(model.path / file, R"({"model_type": "llama", "eos_token_id": )" + deep + "}");
    EXPECT_THAT(model.error(), AllOf(HasSubstr(file), HasSubstr("at most 200 levels of nesting"))) << file;
  }
  const Folder model;
  fs::remove(model.path / "model.safetensors");
  write_file(model.path / "model.safetensors.index.json", R"({"weight_map": )" + deep + "}");
  EXPECT_THAT(model.error(), HasSubstr("expected an object \"weight_map\"\n  hint:"));
}

TEST(Hostile, SafetensorsOfManyDimensions) {
  const TempDir folder;
  const std::string header =
      R"({"t": {"dtype": "F32", "shape": [)" + repeated("1,", 70) + R"(1], "data_offsets": [0, 4]}})";
  write_file(folder / "t", raw<std::uint64_t>(header.size()) + header + "1234");
  EXPECT_THAT(error_of([&] { read_safetensors(folder / "t", at::kBFloat16); }),
              HasSubstr("\"t\": expected at most 8 dimensions, got 71"));
}

TEST(Hostile, WrongDtypes) {
  const Folder model;
  NamedTensors tensors = read_safetensors(model.path / "model.safetensors");
  for (auto& [name, tensor] : tensors) {
    if (name == "model.norm.weight") tensor = tensor.to(at::kLong);
  }
  write_safetensors(model.path / "model.safetensors", tensors);
  EXPECT_THAT(model.error(),
              HasSubstr("expected model.norm.weight as f32, f16 or bf16, got Long\n  hint: the weights"));
  const std::string header = R"({"t": {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}})";
  write_file(model.path / "model.safetensors",
             raw<std::uint64_t>(header.size()) + header + std::string(8, '0'));
  EXPECT_THAT(model.error(), HasSubstr("dtype F64 is not supported (F32, F16, BF16 and I64 are)\n  hint: "));
}

TEST(Hostile, Shards) {
  const Folder model;
  const NamedTensors tensors = read_safetensors(model.path / "model.safetensors");
  fs::rename(model.path / "model.safetensors", model.path / "one.safetensors");
  const fs::path index = model.path / "model.safetensors.index.json";
  Json map = Json::object();
  for (const auto& [name, tensor] : tensors) map[name] = "one.safetensors";
  const auto error_with = [&](const std::string& shard) {
    Json changed = map;
    changed["model.norm.weight"] = shard;
    write_file(index, dump({{"weight_map", changed}}));
    return model.error();
  };
  for (const char* shard : {"/etc/passwd", "../model/one.safetensors", "sub/one.safetensors", "", "./"})
    EXPECT_THAT(error_with(shard), HasSubstr("\"model.norm.weight\": expected the name of a file")) << shard;
  EXPECT_THAT(error_with(".."), HasSubstr("expected a file"));
  EXPECT_THAT(error_with("two.safetensors"),
              HasSubstr("two.safetensors is missing\n  hint: the folder is incomplete or damaged"));
  // A tensor in two shards: it is listed for one of them only.
  const auto& last = tensors.back();
  write_safetensors(model.path / "two.safetensors", {last});
  map[last.first] = "two.safetensors";
  write_file(index, dump({{"weight_map", map}}));
  EXPECT_THAT(model.error(),
              HasSubstr("\"" + last.first + "\" in one.safetensors is not listed for it\n  hint:"));
  // Keys are looked up by name: in linear time these would take minutes.
  std::string many = R"({"weight_map": {"a": "one.safetensors")";
  for (int i = 0; i < 300'000; ++i) many += ",\"" + std::to_string(i) + R"(":"one.safetensors")";
  write_file(index, many + "}}");
  EXPECT_THAT(model.error(), HasSubstr("in one.safetensors is not listed for it"));
}

TEST(Hostile, ConfigOfAnotherArchitecture) {
  const Folder model;
  Json config = read_json(model.path / "config.json");
  const auto error_with = [&](const char* key, const Json& value) {
    Json changed = config;
    changed[key] = value;
    write_file(model.path / "config.json", dump(changed));
    return model.error();
  };
  EXPECT_THAT(error_with("model_type", "gpt_neox"),
              HasSubstr("unknown \"model_type\": \"gpt_neox\"\n  hint: known: llama, qwen2, qwen3"));
  EXPECT_THAT(error_with("model_type", nullptr), HasSubstr("unknown \"model_type\": null\n  hint:"));
  EXPECT_THAT(error_with("num_hidden_layers", 2'000'000'000), HasSubstr("num_hidden_layers"));
  EXPECT_THAT(error_with("num_hidden_layers", 3), HasSubstr("model.layers.2.input_layernorm.weight"));
  EXPECT_THAT(error_with("vocab_size", 1 << 24),
              HasSubstr("model.embed_tokens.weight with shape [16777216,24]"));
  EXPECT_THAT(error_with("vocab_size", 36),
              HasSubstr("37 ids, the embedding only 36 rows\n  hint: model and tokenizer do not belong"));
}

// One layer's worth of metadata is not needed: the container is refused before it is read.
TEST(Hostile, GgufTensorsThatShareBytes) {
  GgufWriter file;
  file.tensors = {{"first", {8}, 0, std::string(32, '1')}, {"second", {8}, 0, std::string(32, '2')}};
  const std::string good = file.bytes();
  ASSERT_EQ(parse_gguf(bytes_of(good), "good").tensors.size(), 2U);
  std::string shared = good;
  // The offset stands 6 + 4 + 8 + 4 bytes behind the beginning of "second": name, rank, size, type.
  const std::size_t offset = good.find("second") + 22;
  ASSERT_EQ(good[offset], 32);
  shared[offset] = 0;
  EXPECT_THAT(error_of([&] { parse_gguf(bytes_of(shared), "shared.gguf"); }),
              AllOf(HasSubstr("shared.gguf"), HasSubstr("\"first\""), HasSubstr("\"second\""),
                    HasSubstr("overlap\n  hint: the file is damaged")));
  file.tensors[0] = {"first", {16}, 0, std::string(32, '1')};  // reaches 32 bytes into the second
  EXPECT_THAT(error_of([&] { parse_gguf(bytes_of(file.bytes()), "f"); }),
              HasSubstr("\"first\" and \"second\" overlap"));
}

TEST(Hostile, GgufTextThatIsNotUtf8) {
  GgufWriter file;
  file.set("general.alignment", gguf_string("\xff\xfe"));
  EXPECT_THAT(error_of([&] { parse_gguf(bytes_of(file.bytes()), "f"); }),
              HasSubstr("expected a power of two up to 2^20 in general.alignment, got string\n  hint:"));
  EXPECT_THAT(error_of([] { make_bpe_tokenizer({.tokens = {"\xff"}, .pre = "smollm"}); }),
              HasSubstr("expected tokens in UTF-8"));
}

TEST(Hostile, FullDiskLeavesNoHalfModel) {
  EXPECT_THAT(error_of([] {
                write_safetensors("/dev/full", {{"t", at::zeros({2})}});
              }),
              HasSubstr("No space left on device\n  hint: free some space, or write to another disk"));
  // A disk that is full half-way: the folder that was there stays whole.
  const Folder model;
  const std::string before = read_file(model.path / "model.safetensors");
  const auto other = lively_model(tiny_architecture(), at::kFloat, 8);
  const std::string message = error_of([&] {
    const FileSizeLimit limit(before.size() / 2);
    write_folder(model.path, [&](const fs::path& folder) { save_model(folder, *other, *words(37)); });
  });
  EXPECT_THAT(message, AllOf(HasSubstr("model.safetensors: cannot be written: File too large"),
                             HasSubstr("\n  hint: a limit on the size of files is set (ulimit -f)")));
  EXPECT_EQ(read_file(model.path / "model.safetensors"), before);
  EXPECT_FALSE(fs::exists(model.path.string() + ".pope-tmp"));
}

}  // namespace
}  // namespace pope
