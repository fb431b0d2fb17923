// See hf_tokenizer.h. The order of the steps is that of Hugging Face tokenizers (AddedVocabulary, then the
// rest).
#include "text/hf_tokenizer.h"

#include <algorithm>

#include "core/error.h"
#include "core/json_depth.h"
#include "text/added_tokens.h"
#include "text/pre_tokenizer.h"
#include "text/utf8.h"

namespace pope {
namespace {

struct ModelKind {
  const char* type;
  std::unique_ptr<TokenModel> (*load)(const TokenModelSource&);
};
constexpr ModelKind kModelKinds[] = {
    {"BPE", load_bpe},
    {"WordLevel", load_word_level},
};

std::unique_ptr<TokenModel> load_model(const TokenModelSource& source) {
  // Old files leave the type out where there is only one it can be.
  const std::string type = source.model.value("type", source.model.contains("merges") ? "BPE" : "");
  std::string known;
  for (const ModelKind& kind : kModelKinds) {
    if (type == kind.type) return kind.load(source);
    known += (known.empty() ? "" : ", ") + std::string(kind.type);
  }
  throw Error("load tokenizer", "expected model type " + known + ", got '" + type + "'",
              "supported are byte-level BPE (GPT-2, Llama 3, Qwen, SmolLM), Gemma's and WordLevel");
}

enum class Normalizer { kNone, kNfc, kSpaceMarks };  // kSpaceMarks: "▁" for " " (Gemma)

Normalizer read_normalizer(const SortedJson& description) {
  if (description.is_null()) return Normalizer::kNone;
  const auto type = description.at("type").get<std::string>();
  if (type == "NFC") return Normalizer::kNfc;
  const SortedJson space = {{"String", " "}};
  if (type == "Replace" && description.at("pattern") == space && description.at("content") == "\u2581") {
    return Normalizer::kSpaceMarks;
  }
  if (type == "Sequence") {
    Normalizer found = Normalizer::kNone;
    for (const SortedJson& part : description.at("normalizers")) {
      const Normalizer one = read_normalizer(part);
      if (found != Normalizer::kNone && one != Normalizer::kNone && one != found)
        throw Error("load tokenizer", "expected one kind of normalizer, got NFC and Replace");
      if (one != Normalizer::kNone) found = one;
    }
    return found;
  }
  throw Error("load tokenizer",
              "expected normalizer null, NFC or a Replace of \" \" by \"\u2581\", got '" + type + "'",
              "this kind of tokenizer (Llama 2, BERT, …) is not supported");
}

// Once spaces are marked, Gemma's pre_tokenizer, a split at spaces, has nothing to split.
SortedJson used_pre_tokenizer(const SortedJson& description, Normalizer normalizer) {
  if (normalizer != Normalizer::kSpaceMarks || description.is_null()) return description;
  const SortedJson space = {{"String", " "}};
  if (description.at("type") == "Split" && description.at("pattern") == space) return SortedJson();
  throw Error("load tokenizer",
              "expected no pre_tokenizer but a Split at \" \" beside the normalizer Replace, got " +
                  description.dump(-1, ' ', true, SortedJson::error_handler_t::replace),
              "this kind of tokenizer is not supported");
}

SortedJson member_or_null(const SortedJson& object, const char* key) {
  return object.value(key, SortedJson());
}

// A token in tokenizer_config.json: "<eos>" or {"content": "<eos>"}.
std::string token_text(const SortedJson& value) {
  if (value.is_null()) return "";
  return value.is_object() ? value.at("content").get<std::string>() : value.get<std::string>();
}

// As transformers' special_tokens_map: what the config names as …_token, and extra tokens that it gives names
// to.
std::vector<std::pair<std::string, std::string>> named_tokens_of(const SortedJson& config) {
  std::vector<std::pair<std::string, std::string>> named;
  const auto add = [&](const std::string& name, const SortedJson& value) {
    if (value.is_string() || (value.is_object() && value.contains("content")))
      named.emplace_back(name, token_text(value));
  };
  for (const auto& [name, value] : config.items()) {
    if (name.ends_with("_token")) add(name, value);
  }
  for (const char* key : {"extra_special_tokens", "model_specific_special_tokens"}) {
    const SortedJson extra = member_or_null(config, key);
    if (!extra.is_object()) continue;
    for (const auto& [name, value] : extra.items()) add(name, value);
  }
  return named;
}

// One template, a list of {"name", "template"}, or an object of templates by name: of several "default"
// counts.
std::string template_text(const SortedJson& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.contains("default")) return value["default"].get<std::string>();
  if (value.is_array()) {
    for (const SortedJson& entry : value) {
      if (entry.at("name") == "default") return entry.at("template").get<std::string>();
    }
  }
  throw Error("load tokenizer",
              "expected a chat_template with the name default in tokenizer_config.json, got none",
              "name the one to use \"default\", or write it to chat_template.jinja");
}

// The ids that a post_processor puts in front of a single text. transformers goes by it alone: next to a
// tokenizer.json it ignores add_bos_token of tokenizer_config.json.
std::vector<int> prefix_of(const SortedJson& processor) {
  std::vector<int> ids;
  if (processor.is_null()) return ids;
  const auto type = processor.at("type").get<std::string>();
  if (type == "ByteLevel") return ids;
  if (type == "Sequence") {
    for (const SortedJson& part : processor.at("processors")) {
      if (part.at("type") == "Sequence")
        throw Error("load tokenizer", "expected no Sequence inside a Sequence");
      const std::vector<int> front = prefix_of(part);
      ids.insert(ids.begin(), front.begin(), front.end());
    }
    return ids;
  }
  if (type != "TemplateProcessing") {
    throw Error("load tokenizer",
                "expected post_processor ByteLevel or TemplateProcessing, got '" + type + "'",
                "this kind of tokenizer is not supported");
  }
  for (const SortedJson& piece : processor.at("single")) {
    if (!piece.contains("SpecialToken")) break;
    const auto token = piece["SpecialToken"].at("id").get<std::string>();
    for (const SortedJson& id : processor.at("special_tokens").at(token).at("ids")) {
      ids.push_back(id_from_json(id, token));
    }
  }
  return ids;
}

class HfTokenizer : public Tokenizer {
 public:
  HfTokenizer(const SortedJson& description, const SortedJson& config, TokenizerFiles files);

  std::vector<int> encode(std::string_view text, bool parse_special) const override;
  std::vector<int> encode_chat(std::string_view text, const std::vector<bool>& given) const override;
  std::string decode(std::span<const int> ids, bool skip_special) const override;
  int size() const override { return size_; }
  std::optional<int> find(std::string_view token) const override;
  bool is_added(int id) const override { return added_.contains(id); }
  std::vector<int> prefix() const override { return prefix_; }
  std::string bos_token() const override { return bos_token_; }
  std::string eos_token() const override { return eos_token_; }
  std::string chat_template() const override { return chat_template_; }
  std::vector<std::pair<std::string, std::string>> named_tokens() const override { return named_tokens_; }
  void save(const std::filesystem::path& folder) const override;

 private:
  void read_added_tokens(const SortedJson& list);
  std::string_view normal(std::string_view text, std::string& storage) const;
  std::vector<int> encode_parts(const std::vector<AddedTokens::Part>& parts, bool parse_special) const;

  TokenizerFiles files_;
  std::shared_ptr<const Vocabulary> vocabulary_;
  std::unordered_map<int, AddedToken> added_;  // by id
  std::unordered_map<std::string, int> added_ids_;
  std::unordered_set<int> special_ids_;
  std::unique_ptr<AddedTokens> raw_, normalized_;  // those found before and after normalisation
  std::unique_ptr<AddedTokens> chat_;  // raw_, and the special ones of normalized_ as they are spelt
  Normalizer normalizer_;
  PreTokenizer pre_tokenizer_;
  std::unique_ptr<TokenModel> model_;
  int size_ = 0;
  std::vector<int> prefix_;
  std::string bos_token_, eos_token_, chat_template_;
  std::vector<std::pair<std::string, std::string>> named_tokens_;
};

HfTokenizer::HfTokenizer(const SortedJson& description, const SortedJson& config, TokenizerFiles files)
    : files_(std::move(files)),
      vocabulary_(std::make_shared<const Vocabulary>(description.at("model").at("vocab"))),
      normalizer_(read_normalizer(member_or_null(description, "normalizer"))),
      pre_tokenizer_(used_pre_tokenizer(member_or_null(description, "pre_tokenizer"), normalizer_)) {
  size_ = static_cast<int>(vocabulary_->tokens().size());
  read_added_tokens(member_or_null(description, "added_tokens"));
  model_ = load_model({description["model"], vocabulary_, special_ids_});
  const bool marks = normalizer_ == Normalizer::kSpaceMarks;
  if (model_->joiner().empty() && (marks || !pre_tokenizer_.byte_level()) &&
      !(marks && description["model"].value("byte_fallback", false))) {
    throw Error("load tokenizer",
                "expected BPE with a ByteLevel pre_tokenizer, or byte_fallback and a normalizer for spaces",
                "SentencePiece-style BPE of Llama 2 is not supported");
  }
  prefix_ = prefix_of(member_or_null(description, "post_processor"));
  for (const int id : prefix_) {
    if (id < size_) continue;
    throw Error(
        "load tokenizer",
        "expected the post_processor's ids below " + std::to_string(size_) + ", got " + std::to_string(id),
        "tokenizer.json is damaged: fetch it again");
  }
  bos_token_ = token_text(member_or_null(config, "bos_token"));
  eos_token_ = token_text(member_or_null(config, "eos_token"));
  named_tokens_ = named_tokens_of(config);
  chat_template_ =
      files_.chat_jinja.empty() ? template_text(member_or_null(config, "chat_template")) : files_.chat_jinja;
}

void HfTokenizer::read_added_tokens(const SortedJson& list) {
  std::vector<AddedToken> raw, normalized, chat;
  for (const SortedJson& entry : list) {
    AddedToken token;
    token.content = entry.at("content").get<std::string>();
    token.id = id_from_json(entry.at("id"), token.content);
    token.special = entry.value("special", false);
    token.lstrip = entry.value("lstrip", false);
    token.rstrip = entry.value("rstrip", false);
    token.single_word = entry.value("single_word", false);
    const int known = vocabulary_->find(token.content);
    if (known >= 0 && known != token.id) {
      throw Error("load tokenizer",
                  "expected added token '" + token.content + "' to have its id of the vocabulary, " +
                      std::to_string(known) + ", got " + std::to_string(token.id),
                  "tokenizer.json is damaged: fetch it again");
    }
    size_ = std::max(size_, token.id + 1);
    if (token.special) special_ids_.insert(token.id);
    added_ids_[token.content] = token.id;
    added_[token.id] = token;
    if (normalizer_ == Normalizer::kSpaceMarks) added_[token.id].content = without_space_marks(token.content);
    const bool is_normalized = entry.value("normalized", !token.special);
    if (token.special || !is_normalized) chat.push_back(token);
    if (is_normalized) {
      std::string storage;
      token.content = std::string(normal(token.content, storage));
      normalized.push_back(token);
    } else {
      raw.push_back(token);
    }
  }
  raw_ = std::make_unique<AddedTokens>(std::move(raw));
  normalized_ = std::make_unique<AddedTokens>(std::move(normalized));
  chat_ = std::make_unique<AddedTokens>(std::move(chat));
}

std::string_view HfTokenizer::normal(std::string_view text, std::string& storage) const {
  if (normalizer_ == Normalizer::kNfc) return nfc(text, storage);
  if (normalizer_ == Normalizer::kSpaceMarks) return storage = with_space_marks(text);
  return text;
}

std::vector<int> HfTokenizer::encode(std::string_view text, bool parse_special) const {
  std::string storage;
  const std::string_view valid = valid_utf8(text, storage);
  return encode_parts(raw_->split(valid, parse_special), parse_special);
}

std::vector<int> HfTokenizer::encode_chat(std::string_view text, const std::vector<bool>& given) const {
  return encode_parts(chat_->split(text, true, &given), false);
}

// `parts`: the text, split at tokens that are found before normalisation.
std::vector<int> HfTokenizer::encode_parts(const std::vector<AddedTokens::Part>& parts,
                                           bool parse_special) const {
  std::string storage, prefix_storage;
  std::vector<int> ids;
  for (const AddedTokens::Part& outer : parts) {
    if (outer.id >= 0) {
      ids.push_back(outer.id);
      continue;
    }
    for (const AddedTokens::Part& part : normalized_->split(normal(outer.text, storage), parse_special)) {
      if (part.id >= 0) {
        ids.push_back(part.id);
      } else {
        model_->encode(pre_tokenizer_.split(part.text, prefix_storage), ids);
      }
    }
  }
  return ids;
}

std::string HfTokenizer::decode(std::span<const int> ids, bool skip_special) const {
  std::string text;
  bool first = true;
  for (const int id : ids) {
    const auto added = added_.find(id);
    if (skip_special && added != added_.end() && added->second.special) continue;
    const std::string_view token =
        added != added_.end() ? std::string_view(added->second.content) : model_->text(id);
    if (token.empty()) continue;  // ids beyond the vocabulary: a model's padded rows
    if (!first) text += model_->joiner();
    text += token;
    first = false;
  }
  return text;
}

std::optional<int> HfTokenizer::find(std::string_view token) const {
  if (const auto added = added_ids_.find(std::string(token)); added != added_ids_.end()) return added->second;
  const int id = vocabulary_->find(token);
  return id < 0 ? std::nullopt : std::optional<int>(id);
}

void HfTokenizer::save(const std::filesystem::path& folder) const {
  std::filesystem::create_directories(folder);
  write_file(folder / "tokenizer.json", files_.tokenizer_json);
  write_file(folder / "tokenizer_config.json", files_.config_json);
  if (!files_.chat_jinja.empty()) write_file(folder / "chat_template.jinja", files_.chat_jinja);
}

}  // namespace

std::shared_ptr<const Tokenizer> make_hf_tokenizer(TokenizerFiles files, const std::string& where) {
  for (const auto& [name, text] :
       {std::pair<const char*, const std::string&>{"tokenizer.json", files.tokenizer_json},
        {"tokenizer_config.json", files.config_json}}) {
    if (!nested_too_deep(text)) continue;
    throw Error("load tokenizer",
                "expected at most " + std::to_string(kMaxJsonLevels) + " levels of nesting in " + name +
                    " of " + where + ", got more",
                "the file is damaged: fetch it again");
  }
  std::string part = "tokenizer.json";
  try {
    const SortedJson description = SortedJson::parse(files.tokenizer_json);
    part = "tokenizer_config.json";
    const SortedJson config = SortedJson::parse(files.config_json);
    part = "tokenizer.json or tokenizer_config.json";
    return std::make_shared<const HfTokenizer>(description, config, std::move(files));
  } catch (const SortedJson::exception& error) {
    throw Error("load tokenizer",
                "expected a Hugging Face tokenizer in " + where + ", got a damaged or other " + part + ": " +
                    error.what(),
                "fetch the file again, or write it anew with transformers' save_pretrained");
  }
}

}  // namespace pope
