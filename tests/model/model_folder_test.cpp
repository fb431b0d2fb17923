// Model folders as people have them: what is read although it is not as transformers saves it, and what a
// folder is called that cannot be read. The table of docs/models.md names these tests.
#include "model/model_folder.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <map>

#include "core/temp_dir.h"
#include "model/gguf_small.h"
#include "model/load.h"
#include "model/models.h"
#include "model/same_weights.h"

namespace pope {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

const char* const kPointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 269060552\n";

std::shared_ptr<const Tokenizer> words(int count) {
  std::vector<std::string> list;
  for (int i = 0; i < count; ++i) list.push_back("w" + std::to_string(i));
  return make_word_tokenizer(list, "w1");
}

std::string error_of_loading(const fs::path& path) {
  return error_of([&] { load_model(path, at::kFloat); });
}

// A folder with a model that loads, to be changed.
struct Folder {
  TempDir temp;
  fs::path path = temp / "model";
  std::shared_ptr<Model> model;

  explicit Folder(const std::string& family = "llama") {
    Architecture architecture = tiny_architecture(family);
    architecture.eos_tokens = {1};
    model = lively_model(architecture, at::kFloat);
    save_model(path, *model, *words(37));
  }
  NamedTensors tensors() const { return read_safetensors(path / "model.safetensors"); }
  void write(const NamedTensors& tensors) const { write_safetensors(path / "model.safetensors", tensors); }
  // Writes the tensors as two shards; the index lists what `listed` says of each name: "one", "two" or "".
  void write_shards(const NamedTensors& tensors, const std::map<std::string, std::string>& listed) const {
    std::map<std::string, NamedTensors> shards;
    Json map = Json::object();
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const std::string shard = i < 4 ? "one.safetensors" : "two.safetensors";
      shards[shard].push_back(tensors[i]);
      if (!listed.contains(tensors[i].first)) map[tensors[i].first] = shard;
    }
    for (const auto& [name, shard] : listed) {
      if (!shard.empty()) map[name] = shard;
    }
    for (const auto& [shard, of_shard] : shards) write_safetensors(path / shard, of_shard);
    write_file(path / "model.safetensors.index.json", dump({{"weight_map", map}}));
    fs::remove(path / "model.safetensors");
  }
  // What loading says on stderr; the model must be that of the beginning.
  std::string notes_of_loading() const {
    testing::internal::CaptureStderr();
    const LoadedModel loaded = load_model(path, at::kFloat);
    std::string notes = testing::internal::GetCapturedStderr();
    expect_same(*model, *loaded.model);
    return notes;
  }
};

NamedTensors without_prefix(NamedTensors tensors) {
  for (auto& [name, tensor] : tensors) {
    if (name.starts_with("model.")) name = name.substr(6);
  }
  return tensors;
}

NamedTensors with_prefix(const std::string& prefix, NamedTensors tensors) {
  for (auto& [name, tensor] : tensors) name = prefix + name;
  return tensors;
}

TEST(ModelFolder, NamesMayLackTheModelInFront) {
  for (const char* family : {"llama", "qwen3"}) {  // tied, and with an lm_head
    const Folder folder(family);
    const NamedTensors bare = without_prefix(folder.tensors());
    folder.write(bare);
    EXPECT_EQ(folder.notes_of_loading(), "");
    folder.write_shards(bare, {});
    EXPECT_EQ(folder.notes_of_loading(), "");
  }
}

TEST(ModelFolder, HeadsAndLayersThatTheModelDoesNotHaveAreIgnoredAndNamed) {
  const Folder folder;
  NamedTensors tensors = folder.tensors();
  for (const char* name : {"v_head.summary.weight", "score.weight", "model.layers.2.mlp.up_proj.weight",
                           "model.layers.2.mlp.gate_proj.weight", "model.layers.13.input_layernorm.weight"})
    tensors.emplace_back(name, at::ones({3}));
  folder.write(tensors);
  const std::string note =
      ": not part of the model, ignored: model.layers.13.*, model.layers.2.*, score.weight, "
      "v_head.summary.weight\n";
  EXPECT_EQ(folder.notes_of_loading(), "note: " + folder.path.string() + note);
  folder.write(without_prefix(tensors));
  EXPECT_THAT(folder.notes_of_loading(),
              HasSubstr("ignored: layers.13.*, layers.2.*, score.weight, v_head.summary.weight\n"));
}

TEST(ModelFolder, AnIndexMayListTheHeadOfATiedModelAndShardsMayHoldStrayTensors) {
  const Folder folder;
  NamedTensors tensors = folder.tensors();
  tensors.emplace_back("stray.weight", at::ones({2}));
  folder.write_shards(tensors, {{"lm_head.weight", "two.safetensors"}, {"stray.weight", ""}});
  EXPECT_THAT(folder.notes_of_loading(), HasSubstr("not part of the model, ignored: stray.weight\n"));
}

// Gemma 3 1B and 270M: the id of an image token behind the last row of the embedding.
TEST(ModelFolder, ATokenizerMayHaveAddedTokensWithoutARow) {
  const TempDir folder;
  const auto tokenizer = load_tokenizer(fs::path(POPE_SOURCE_DIR) / "tests/golden/text_llama3");
  ASSERT_EQ(tokenizer->size(), 484);  // the last is <|im_end|>
  Architecture architecture = tiny_architecture();
  architecture.vocab_size = 483;
  architecture.eos_tokens = {481};
  save_model(folder.path(), *lively_model(architecture, at::kFloat), *tokenizer);
  const LoadedModel loaded = load_model(folder.path(), at::kFloat);
  EXPECT_EQ(loaded.model->architecture().vocab_size, 483);
  EXPECT_EQ(loaded.tokenizer->size(), 484);
  EXPECT_EQ(loaded.tokenizer->encode("The end <|im_start|>", true),
            tokenizer->encode("The end <|im_start|>", true));
  EXPECT_EQ(loaded.tokenizer->encode("<|im_end|>"), tokenizer->encode("<|im_end|>"));  // spelt, not the token
  EXPECT_THAT(
      error_of([&] { loaded.tokenizer->encode("The end <|im_end|>", true); }),
      HasSubstr("that the model has an embedding for, got '<|im_end|>', id 483 of 483 rows\n  hint:"));
  EXPECT_THAT(error_of([&] { loaded.tokenizer->encode_chat("<|im_end|>", std::vector<bool>(10)); }),
              HasSubstr("id 483 of 483 rows"));
  EXPECT_EQ(loaded.tokenizer->find("<|im_end|>"), std::nullopt);
  EXPECT_EQ(loaded.tokenizer->find("<|im_start|>"), 482);
  // A word of the vocabulary without a row is no added token: model and tokenizer do not belong together.
  architecture.vocab_size = 480;
  architecture.eos_tokens = {1};
  save_model(folder.path(), *lively_model(architecture, at::kFloat), *tokenizer);
  EXPECT_THAT(error_of_loading(folder.path()),
              HasSubstr("the tokenizer has 484 ids, the embedding only 480 rows"));
}

// small_model() with a tokenizer that can be used.
GgufWriter loadable_gguf() {
  GgufWriter file = small_model();
  file.set("tokenizer.ggml.merges", gguf_strings({}));
  return file;
}

// Its tensors dealt out to `count` files.
void write_split_gguf(const fs::path& folder, std::uint32_t count) {
  const GgufWriter whole = loadable_gguf();
  for (std::uint32_t part = 0; part < count; ++part) {
    GgufWriter file;
    if (part == 0) file = whole;
    file.tensors.clear();
    file.set("split.no", gguf_u32(part));
    file.set("split.count", gguf_u32(count));
    for (std::size_t i = part; i < whole.tensors.size(); i += count) file.tensors.push_back(whole.tensors[i]);
    write_file(folder / fmt::format("m-{:05}-of-{:05}.gguf", part + 1, count), file.bytes());
  }
}

TEST(ModelFolder, OfASplitGgufAnyPartOpensAll) {
  const TempDir folder;
  write_file(folder / "whole.gguf", loadable_gguf().bytes());
  const LoadedModel whole = load_model(folder / "whole.gguf", at::kFloat);
  write_split_gguf(folder.path(), 3);
  for (const char* part : {"m-00001-of-00003.gguf", "m-00002-of-00003.gguf", "m-00003-of-00003.gguf"})
    expect_same(*whole.model, *load_model(folder / part, at::kFloat).model);

  fs::copy_file(folder / "m-00002-of-00003.gguf", folder / "alone.gguf");
  EXPECT_THAT(error_of_loading(folder / "alone.gguf"),
              HasSubstr("alone.gguf: is part 2 of 3 of a split model\n  hint: give the parts the names"));
  fs::rename(folder / "alone.gguf", folder / "m-00003-of-00003.gguf");
  EXPECT_THAT(error_of_loading(folder / "m-00001-of-00003.gguf"),
              HasSubstr("m-00003-of-00003.gguf: is part 2 of 3 of a split model"));
  fs::remove(folder / "m-00003-of-00003.gguf");
  EXPECT_THAT(
      error_of_loading(folder / "m-00002-of-00003.gguf"),
      HasSubstr("is part 2 of 3: m-00003-of-00003.gguf is missing\n  hint: put all parts into one folder"));
}

TEST(ModelFolder, TheOnlyGgufModelOfAFolderIsOpened) {
  const TempDir folder;
  write_file(folder / "README.md", "text");
  write_split_gguf(folder.path(), 2);
  testing::internal::CaptureStderr();
  EXPECT_EQ(load_model(folder.path(), at::kFloat).model->architecture().width, 8);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("m-00001-of-00002.gguf\n"));
  write_file(folder / "a.Q8_0.gguf", small_model().bytes());
  EXPECT_THAT(
      error_of_loading(folder.path()),
      HasSubstr("holds several GGUF models\n  hint: give one of them: a.Q8_0.gguf, m-00001-of-00002.gguf"));
}

TEST(ModelFolder, SafetensorsGoBeforeGguf) {
  const Folder folder;
  write_file(folder.path / "model.gguf", small_model().bytes());
  EXPECT_EQ(folder.notes_of_loading(), "");
}

TEST(ModelFolder, OfAHubCacheTheSnapshotOfMainIsOpened) {
  const Folder folder;
  const fs::path root = folder.temp / "models--org--tiny";
  fs::create_directories(root / "blobs");
  fs::create_directories(root / "snapshots");
  EXPECT_THAT(error_of_loading(root),
              HasSubstr("cache without a snapshot\n  hint: its download did not begin"));
  fs::copy(folder.path, root / "snapshots/aaaa");
  EXPECT_EQ(find_model(root), root / "snapshots/aaaa");  // the only one
  fs::create_directories(root / "snapshots/bbbb");
  EXPECT_THAT(error_of_loading(root),
              HasSubstr("names no snapshot\n  hint: give one of its snapshots: aaaa, bbbb"));
  write_file(root / "refs/main", "aaaa\n");
  expect_same(*folder.model, *load_model(root, at::kFloat).model);
  write_file(root / "refs/main", "bbbb");
  EXPECT_THAT(error_of_loading(root), HasSubstr("snapshots/bbbb is neither a model directory"));
  // The cache itself, and any other folder of models.
  EXPECT_THAT(error_of_loading(folder.temp.path()),
              HasSubstr("nor a .gguf file\n  hint: give a model inside it: model, models--org--tiny"));
}

TEST(ModelFolder, OfARunTheModelThatItLeftIsOpened) {
  const Folder folder;
  const fs::path run = folder.temp / "runs/pope";
  write_file(run / "environment.json", "{}");
  write_file(run / "config.yaml", "");
  EXPECT_THAT(error_of_loading(run), HasSubstr("is a run directory without a model\n  hint: "));
  fs::create_directories(run / "checkpoints/step-000004.pope-tmp");
  for (const char* name : {"step-000002", "step-000003"}) fs::copy(folder.path, run / "checkpoints" / name);
  EXPECT_THAT(error_of_loading(run),
              HasSubstr("has no model yet\n  hint: let the run end, or give its newest checkpoint: " +
                        (run / "checkpoints/step-000003").string()));
  fs::copy(folder.path, run / "model");
  EXPECT_EQ(find_model(run), run / "model");
  expect_same(*folder.model, *load_model(run, at::kFloat).model);
}

struct Named {
  std::vector<std::string> files;
  std::string what, hint;
};

// Each with and without config.json and tokenizer beside it.
TEST(ModelFolder, KindsThatCannotBeReadAreNamed) {
  const Named kinds[] = {
      {{"adapter_config.json", "adapter_model.bin"},
       "holds a LoRA adapter of org/base, not a whole model",
       "from_pretrained('org/base'), '"},
      {{"adapter_model.bin"}, "holds a LoRA adapter of its base model", "merge_and_unload()"},
      {{"model_world_size_2_rank_0.pt", "optim_world_size_2_rank_0.pt", "pytorch_model.bin"},
       "holds the FSDP shards of a training run",
       "python -m verl.model_merger merge --backend fsdp --local_dir "},
      {{"__0_0.distcp", ".metadata"}, "a distributed checkpoint of PyTorch", "accelerate merge-weights "},
      {{"pytorch_model_fsdp_0/x"}, "a distributed checkpoint of PyTorch", "accelerate merge-weights "},
      {{"zero_to_fp32.py", "latest", "global_step10/mp_rank_00_model_states.pt"},
       "holds ZeRO shards of DeepSpeed",
       "python zero_to_fp32.py "},
      {{"bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt"},
       "holds ZeRO shards of DeepSpeed",
       "zero_to_fp32.py "},
      {{"pytorch_model.bin"}, "are pickled (pytorch_model*.bin)", "safe_serialization=True"},
      {{"pytorch_model-00001-of-00002.bin", "pytorch_model.bin.index.json"},
       "are pickled (pytorch_model*.bin)",
       "safe_serialization=True"},
      {{"consolidated.safetensors", "params.json"},
       "Mistral's own format",
       "fetch its model*.safetensors and their index"},
      {{"consolidated.00.pth", "params.json"}, "Meta's own format", "fetch the model's Hugging Face form"},
      {{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"},
       "holds shards without their index",
       "fetch model.safetensors.index.json"},
      {{"tf_model.h5"}, "TensorFlow or Flax", "fetch model.safetensors"},
  };
  for (const Named& kind : kinds) {
    for (const bool with_config : {false, true}) {
      SCOPED_TRACE(kind.files[0]);
      const Folder folder;
      fs::remove(folder.path / "model.safetensors");
      if (!with_config) fs::remove(folder.path / "config.json");
      for (const std::string& file : kind.files)
        write_file(folder.path / file,
                   file == "adapter_config.json" ? R"({"base_model_name_or_path": "org/base"})" : "x");
      EXPECT_THAT(error_of_loading(folder.path),
                  AllOf(HasSubstr(folder.path.string()), HasSubstr(kind.what), HasSubstr("\n  hint: "),
                        HasSubstr(kind.hint), testing::Not(HasSubstr("{"))));
    }
  }
}

// What a training run leaves beside whole weights does not matter; an adapter would change them.
TEST(ModelFolder, WholeWeightsAreReadWhateverElseIsThere) {
  const Folder folder;
  for (const char* file :
       {"pytorch_model.bin", "zero_to_fp32.py", "consolidated.safetensors", "optimizer.pt"})
    write_file(folder.path / file, kPointer);
  EXPECT_EQ(folder.notes_of_loading(), "");
  write_file(folder.path / "adapter_config.json", R"({"base_model_name_or_path": null})");
  EXPECT_THAT(error_of_loading(folder.path),
              HasSubstr("if these weights are merged already, remove adapter_*"));
}

TEST(ModelFolder, GitLfsPointersAreNamed) {
  for (const char* name : {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
                           "chat_template.jinja", "model.safetensors", "model.safetensors.index.json"}) {
    const Folder folder;
    if (std::string(name) == "model.safetensors.index.json") fs::remove(folder.path / "model.safetensors");
    write_file(folder.path / name, kPointer);
    EXPECT_THAT(
        error_of_loading(folder.path),
        AllOf(HasSubstr((folder.path / name).string() + " is a git-lfs pointer"), HasSubstr("git lfs pull")));
  }
  const TempDir folder;
  write_file(folder / "model.gguf", kPointer);
  EXPECT_THAT(error_of_loading(folder / "model.gguf"),
              AllOf(HasSubstr("model.gguf is a git-lfs pointer"), HasSubstr("git lfs pull")));
}

TEST(ModelFolder, NamesWithAnotherPrefixAreShown) {
  const std::pair<const char*, const char*> cases[] = {
      {"_orig_mod.",
       "has what torch.compile puts in front\n  hint: save the model inside: compiled._orig_mod."},
      {"module.",
       "has what DistributedDataParallel puts in front\n  hint: save the model inside: wrapped.module."},
      {"base_model.model.",
       "has what PEFT puts in front\n  hint: merge its adapter first: peft_model.merge_and_unload()"},
      {"pretrained_model.",
       "has what TRL's value head puts in front\n  hint: save the model inside: wrapped.pretrained_"},
      {"language_model.",
       "has what a model of images and texts puts in front\n  hint: only text models are read"},
      {"other.",
       "expected a tensor named model.embed_tokens.weight, found none; there is "
       "other.model.embed_tokens.weight"},
  };
  for (const auto& [prefix, message] : cases) {
    const Folder folder;
    folder.write(with_prefix(prefix, folder.tensors()));
    const std::string error = error_of_loading(folder.path);
    EXPECT_THAT(error,
                AllOf(HasSubstr(std::string(prefix) + "model.embed_tokens.weight"), HasSubstr(message)));
    if (std::string(prefix) != "other.") {
      EXPECT_THAT(error, HasSubstr("or take \"" + std::string(prefix) + "\" off the names"));
    }
  }
  const Folder folder;
  folder.write(with_prefix("model.language_model.", without_prefix(folder.tensors())));
  EXPECT_THAT(error_of_loading(folder.path),
              HasSubstr("model.language_model.embed_tokens.weight has what a model of images"));
  folder.write({{"transformer.wte.weight", at::ones({2})}});
  EXPECT_THAT(error_of_loading(folder.path), HasSubstr("found none; the first is transformer.wte.weight"));
}

TEST(ModelFolder, TensorsThatZero3LeftEmptyAreNamed) {
  const Folder folder;
  NamedTensors tensors = folder.tensors();
  for (auto& [name, tensor] : tensors) tensor = at::empty({0});
  folder.write(tensors);
  EXPECT_THAT(
      error_of_loading(folder.path),
      AllOf(HasSubstr("has shape [0]: the model was saved while ZeRO-3"), HasSubstr("zero_to_fp32.py")));
}

TEST(ModelFolder, QuantisedFormatsAreNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"quant_method": "fp8", "weight_block_size": [128, 128]})", "FP8"},
      {R"({"quant_method": "gptq", "bits": 4})", "GPTQ"},
      {R"({"quant_method": "awq", "bits": 4})", "AWQ"},
      {R"({"quant_method": "bitsandbytes", "load_in_4bit": true})", "bitsandbytes"},
      {R"({"quant_method": "mxfp4"})", "MXFP4"},
      {R"({"quant_method": "compressed-tensors"})", "compressed-tensors"},
      {R"({"group_size": 64, "bits": 4})", "MLX"},
  };
  const Folder folder;
  const Json config = read_json(folder.path / "config.json");
  const auto error_with = [&](const char* section) {
    Json changed = config;
    changed["quantization_config"] = Json::parse(section);
    write_file(folder.path / "config.json", dump(changed));
    return error_of_loading(folder.path);
  };
  for (const auto& [section, name] : cases) {
    EXPECT_THAT(error_with(section), HasSubstr(folder.path.string() + " holds weights quantised as " + name +
                                               ", which are not read\n  hint: "));
  }
  EXPECT_THAT(error_with(R"({"quant_method": "hqq"})"),
              HasSubstr(R"(holds quantised weights (quantization_config {"quant_method":"hqq"}))"));
  EXPECT_THAT(error_with("7"), HasSubstr("holds quantised weights (quantization_config 7)"));
}

TEST(ModelFolder, GgufFormatsThatAreNotReadAreNamed) {
  const std::pair<std::uint32_t, const char*> cases[] = {{10, "Q2_K"},   {11, "Q3_K"},   {16, "IQ2_XXS"},
                                                         {20, "IQ4_NL"}, {23, "IQ4_XS"}, {39, "MXFP4"},
                                                         {4711, "4711"}};
  const TempDir folder;
  for (const auto& [type, name] : cases) {
    GgufWriter file = small_model();
    file.tensors[3].type = type;
    write_file(folder / "model.gguf", file.bytes());
    EXPECT_THAT(
        error_of_loading(folder / "model.gguf"),
        HasSubstr("number format " + std::string(name) + " is not supported\n  hint: supported: F32"));
  }
}

}  // namespace
}  // namespace pope
