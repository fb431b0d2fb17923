// Where tokenizers come from: a model directory, GGUF metadata, or a list of words. The last two are put into
// the form of the first, so that there is one way in and save() writes what transformers loads.
#include "text/tokenizer.h"

#include <map>

#include "core/error.h"
#include "core/git_lfs.h"
#include "core/json_depth.h"
#include "text/hf_tokenizer.h"
#include "text/scanners.h"
#include "text/score_merges.h"

namespace pope {
namespace {

SortedJson byte_level(bool use_regex) {
  return {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", false}, {"use_regex", use_regex}};
}

SortedJson split_then_bytes(const char* pattern) {
  const SortedJson split = {
      {"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
  return {{"type", "Sequence"}, {"pretokenizers", SortedJson::array({split, byte_level(false)})}};
}

SortedJson digits_then_bytes() {
  const SortedJson digits = {{"type", "Digits"}, {"individual_digits", true}};
  return {{"type", "Sequence"}, {"pretokenizers", SortedJson::array({digits, byte_level(true)})}};
}

// What a GGUF file only names: the pre-tokeniser, and what else the family does.
struct GgufKind {
  const char* pre;
  SortedJson (*pre_tokenizer)();
  bool nfc = false, ignore_merges = false, add_bos = false;
};
const GgufKind kGgufKinds[] = {
    {"gpt-2", [] { return byte_level(true); }},
    {"smollm", digits_then_bytes},
    {"qwen2", [] { return split_then_bytes(kQwen2Pattern); }, true},
    {"llama-bpe", [] { return split_then_bytes(kLlama3Pattern); }, false, true, true},
    {"refact", digits_then_bytes},                                   // Granite
    {"smaug-bpe", [] { return split_then_bytes(kLlama3Pattern); }},  // SmolLM3
    {"dbrx", [] { return split_then_bytes(kLlama3Pattern); }},       // OLMo-2, Phi-4
};

const GgufKind& find_gguf_kind(const std::string& pre) {
  std::string known;
  for (const GgufKind& kind : kGgufKinds) {
    if (pre == kind.pre) return kind;
    known += (known.empty() ? "" : ", ") + std::string(kind.pre);
  }
  throw Error("load tokenizer", "expected tokenizer.ggml.pre to be one of " + known + ", got '" + pre + "'",
              "use the Hugging Face directory of this model instead of its GGUF file");
}

SortedJson added_token(int id, const std::string& content, bool special) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", special}};
}

// The post_processor that puts one token in front of a text.
SortedJson put_in_front(int id, const std::string& token) {
  const auto sequence = [](const char* name, int type) {
    return SortedJson{{"Sequence", {{"id", name}, {"type_id", type}}}};
  };
  const SortedJson first = {{"SpecialToken", {{"id", token}, {"type_id", 0}}}};
  return {
      {"type", "TemplateProcessing"},
      {"single", SortedJson::array({first, sequence("A", 0)})},
      {"pair", SortedJson::array({first, sequence("A", 0), sequence("B", 1)})},
      {"special_tokens",
       {{token, {{"id", token}, {"ids", SortedJson::array({id})}, {"tokens", SortedJson::array({token})}}}}}};
}

// One line of JSON. Error when a token is no UTF-8, which JSON cannot hold.
std::string json_text(const SortedJson& value) {
  try {
    return value.dump();
  } catch (const SortedJson::type_error&) {
    throw Error("load tokenizer", "expected tokens in UTF-8, got other bytes",
                "the file is damaged: fetch it again");
  }
}

std::string config_text(const std::string& bos_token, const std::string& eos_token,
                        const std::string& chat_template) {
  SortedJson config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                       {"clean_up_tokenization_spaces", false}};
  if (!bos_token.empty()) config["bos_token"] = bos_token;
  if (!eos_token.empty()) config["eos_token"] = eos_token;
  if (!chat_template.empty()) config["chat_template"] = chat_template;
  return json_text(config);
}

SortedJson vocab_of(const std::vector<std::string>& tokens) {
  SortedJson vocab = SortedJson::object();
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if (vocab.emplace(tokens[id], id).second) continue;
    throw Error("load tokenizer", "expected different tokens, got '" + tokens[id] + "' twice");
  }
  return vocab;
}

// "model" of a tokenizer.json, but for its vocabulary.
SortedJson bpe_model(SortedJson merges, bool byte_fallback, bool ignore_merges, const std::string& unknown) {
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", unknown.empty() ? SortedJson() : SortedJson(unknown)},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", byte_fallback},
          {"byte_fallback", byte_fallback},
          {"ignore_merges", ignore_merges},
          {"merges", std::move(merges)}};
}

SortedJson byte_level_parts(const BpeParts& parts, const GgufKind& kind) {
  return {{"normalizer", kind.nfc ? SortedJson{{"type", "NFC"}} : SortedJson()},
          {"pre_tokenizer", kind.pre_tokenizer()},
          {"decoder", byte_level(false)},
          {"model", bpe_model(parts.merges, false, kind.ignore_merges, "")}};
}

SortedJson sentence_piece_parts(const BpeParts& parts) {
  constexpr const char* kMark = "\u2581";
  using Marks = BpeParts::Marks;
  const auto sequence = [](const char* list, SortedJson of) {
    return SortedJson{{"type", "Sequence"}, {list, std::move(of)}};
  };
  SortedJson replace = {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", kMark}};
  const SortedJson prepend = {{"type", "Prepend"}, {"prepend", kMark}};
  const SortedJson metaspace = {
      {"type", "Metaspace"}, {"replacement", kMark}, {"prepend_scheme", "first"}, {"split", false}};
  SortedJson decoders =
      SortedJson::array({{{"type", "Replace"}, {"pattern", {{"String", kMark}}}, {"content", " "}},
                         {{"type", "ByteFallback"}},
                         {{"type", "Fuse"}}});
  if (parts.marks != Marks::kNowhere)
    decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  SortedJson merges = parts.merges;
  if (parts.merges.empty()) {
    if (parts.scores.size() != parts.tokens.size()) {
      throw Error("load tokenizer", "expected a score for each of " + std::to_string(parts.tokens.size()) +
                                        " tokens, got " + std::to_string(parts.scores.size()));
    }
    merges =
        merges_of_scores(parts.tokens, parts.scores, {parts.special_ids.begin(), parts.special_ids.end()});
  }
  return {{"normalizer", parts.marks == Marks::kStart   ? SortedJson()
                         : parts.marks == Marks::kParts ? sequence("normalizers", {prepend, replace})
                                                        : std::move(replace)},
          {"pre_tokenizer", parts.marks == Marks::kStart ? metaspace : SortedJson()},
          {"decoder", sequence("decoders", std::move(decoders))},
          {"model", bpe_model(std::move(merges), true, false, parts.unknown_token)}};
}

std::string text_file(const std::filesystem::path& path) {
  return std::filesystem::exists(path) ? read_file(path) : std::string();
}

// "" where there is no config.json, or one that says nothing.
std::string model_type_in(const std::filesystem::path& folder) {
  const std::string text = text_file(folder / "config.json");
  if (nested_too_deep(text)) return "";
  const SortedJson config = SortedJson::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto found = config.is_object() ? config.find("model_type") : config.end();
  return found != config.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

std::shared_ptr<const Tokenizer> load_tokenizer(const std::filesystem::path& folder) {
  if (!std::filesystem::exists(folder / "tokenizer.json")) {
    throw Error("load tokenizer", "expected a file tokenizer.json in " + folder.string() + ", got none",
                "name a Hugging Face model directory; older kinds (tokenizer.model, vocab.json) become one "
                "by loading "
                "them in transformers and calling save_pretrained");
  }
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"})
    refuse_git_lfs_pointer(folder / name, "load tokenizer");
  TokenizerFiles files{read_file(folder / "tokenizer.json"), text_file(folder / "tokenizer_config.json"),
                       text_file(folder / "chat_template.jinja"), model_type_in(folder)};
  if (files.config_json.empty()) files.config_json = config_text("", "", "");
  return make_hf_tokenizer(std::move(files), folder.string());
}

std::shared_ptr<const Tokenizer> make_bpe_tokenizer(const BpeParts& parts) {
  std::map<int, bool> added_ids;  // → whether special; tokenizers wants them in order
  for (const int id : parts.added_ids) added_ids[id] = false;
  for (const int id : parts.special_ids) added_ids[id] = true;
  SortedJson added = SortedJson::array();
  for (const auto& [id, special] : added_ids) {
    if (id < 0 || static_cast<std::size_t>(id) >= parts.tokens.size()) {
      throw Error("load tokenizer", "expected ids of added tokens below " +
                                        std::to_string(parts.tokens.size()) + ", got " + std::to_string(id));
    }
    added.push_back(added_token(id, parts.tokens[static_cast<std::size_t>(id)], special));
  }
  SortedJson vocab = vocab_of(parts.tokens);
  bool adds_bos = true;  // as llama.cpp takes a SentencePiece vocabulary that does not say it
  SortedJson description = {{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}};
  if (parts.marks == BpeParts::Marks::kNone) {
    const GgufKind& kind = find_gguf_kind(parts.pre);
    adds_bos = kind.add_bos;
    description.update(byte_level_parts(parts, kind));
  } else {
    description.update(sentence_piece_parts(parts));
  }
  SortedJson post_processor;
  if (parts.add_bos.value_or(adds_bos) && vocab.contains(parts.bos_token)) {
    post_processor = put_in_front(vocab[parts.bos_token].get<int>(), parts.bos_token);
  }
  description["added_tokens"] = std::move(added);
  description["post_processor"] = std::move(post_processor);
  description["model"]["vocab"] = std::move(vocab);
  return make_hf_tokenizer(
      {json_text(description), config_text(parts.bos_token, parts.eos_token, parts.chat_template), ""},
      "GGUF metadata");
}

std::shared_ptr<const Tokenizer> make_word_tokenizer(const std::vector<std::string>& words,
                                                     const std::string& eos_token) {
  SortedJson vocab = vocab_of(words);
  if (!vocab.contains(eos_token)) {
    throw Error("make tokenizer", "expected the end token '" + eos_token + "' among the words, got none");
  }
  const SortedJson description = {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", SortedJson::array({added_token(vocab[eos_token].get<int>(), eos_token, true)})},
      {"normalizer", nullptr},
      {"pre_tokenizer", {{"type", "WhitespaceSplit"}}},
      {"post_processor", nullptr},
      {"decoder", nullptr},
      {"model", {{"type", "WordLevel"}, {"vocab", std::move(vocab)}, {"unk_token", "<unk>"}}}};
  return make_hf_tokenizer({json_text(description), config_text("", eos_token, ""), ""}, "a list of words");
}

}  // namespace pope
