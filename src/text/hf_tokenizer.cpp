// See hf_tokenizer.h. The order of the steps is that of Hugging Face tokenizers (AddedVocabulary, then the
// rest).
#include "text/hf_tokenizer.h"

#include <algorithm>

#include "core/error.h"
#include "core/json_depth.h"
#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/config_tokens.h"
#include "text/pre_tokenizer.h"
#include "text/space_marks.h"
#include "text/utf8.h"
#include "text/word_level.h"

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
              "supported are byte-level BPE (GPT-2, Llama 3, Qwen, SmolLM), SentencePiece's (Llama 2, "
              "Mistral, Gemma) and WordLevel");
}

// Whether a normalizer asks for NFC. Marks for spaces are read by read_space_marks.
bool normalizes_to_nfc(const SortedJson& description, bool marks) {
  if (description.is_null()) return false;
  const auto type = description.at("type").get<std::string>();
  if (type == "NFC") {
    if (marks) throw Error("load tokenizer", "expected one kind of normalizer, got NFC and Replace");
    return true;
  }
  if (marks && (type == "Replace" || type == "Prepend")) return false;
  if (type != "Sequence") {
    throw Error("load tokenizer",
                "expected normalizer null, NFC or a Replace of \" \" by \"\u2581\", got '" + type + "'",
                "this kind of tokenizer (BERT, T5, …) is not supported");
  }
  bool nfc = false;
  for (const SortedJson& part : description.at("normalizers")) nfc = normalizes_to_nfc(part, marks) || nfc;
  return nfc;
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
  std::string names;
  const auto is_default = [&](const SortedJson& name, const SortedJson& text) {
    names += (names.empty() ? "" : ", ") + name.dump(-1, ' ', true, SortedJson::error_handler_t::replace);
    return name == "default" && text.is_string();
  };
  if (value.is_object()) {
    for (const auto& [name, text] : value.items()) {
      if (is_default(name, text)) return text.get<std::string>();
    }
  } else if (value.is_array()) {
    for (const SortedJson& entry : value) {
      if (is_default(entry.at("name"), entry.at("template"))) return entry["template"].get<std::string>();
    }
  }
  throw Error(
      "load tokenizer",
      std::string("expected a chat_template in tokenizer_config.json that is a text, or has one with the "
                  "name default, got ") +
          value.type_name() + (names.empty() ? "" : " with the names " + names),
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
  std::vector<int> encode_behind(std::span<const int> before, std::string_view text) const override;
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
  std::string_view normal(std::string_view text, Behind behind, std::string& storage) const;
  Behind behind(std::span<const int> before) const;
  std::vector<AddedTokens::Part> split_chat(std::string_view part, std::size_t offset,
                                            const std::vector<bool>& given,
                                            std::string_view normalized) const;
  std::vector<int> encode_parts(std::string_view text, const std::vector<AddedTokens::Part>& parts,
                                bool parse_special, const std::vector<bool>* given, Behind before) const;

  TokenizerFiles files_;
  std::shared_ptr<const Vocabulary> vocabulary_;
  std::unordered_map<int, AddedToken> added_;  // by id
  std::unordered_map<std::string, int> added_ids_;
  std::unordered_set<int> special_ids_;
  std::unique_ptr<AddedTokens> raw_, normalized_;  // those found before and after normalisation
  // raw_, and the special ones of normalized_ as they are spelt, unless the normaliser puts marks for spaces.
  std::unique_ptr<AddedTokens> chat_;
  SpaceMarks marks_;
  bool nfc_;
  PreTokenizer pre_tokenizer_;
  std::unique_ptr<TokenModel> model_;
  bool strips_first_space_ = false;  // of a decoded text
  int size_ = 0;
  std::vector<int> prefix_;
  std::string bos_token_, eos_token_, chat_template_;
  std::vector<std::pair<std::string, std::string>> named_tokens_;
};

HfTokenizer::HfTokenizer(const SortedJson& description, const SortedJson& config, TokenizerFiles files)
    : files_(std::move(files)),
      vocabulary_(std::make_shared<const Vocabulary>(description.at("model").at("vocab"))),
      marks_(read_space_marks(description)),
      nfc_(normalizes_to_nfc(member_or_null(description, "normalizer"), marks_.any())),
      pre_tokenizer_(pre_tokenizer_beside(marks_, description)) {
  size_ = static_cast<int>(vocabulary_->tokens().size());
  read_added_tokens(with_config_tokens(member_or_null(description, "added_tokens"),
                                       Json::parse(files_.config_json), *vocabulary_));
  model_ = load_model({description["model"], vocabulary_, special_ids_});
  if (model_->joiner().empty() && (marks_.any() || !pre_tokenizer_.byte_level()) &&
      !(marks_.any() && description["model"].value("byte_fallback", false))) {
    throw Error(
        "load tokenizer",
        "expected BPE with a ByteLevel pre_tokenizer, or byte_fallback and a normalizer for spaces or a "
        "Metaspace pre_tokenizer",
        "this kind of tokenizer is not supported");
  }
  strips_first_space_ = marks_.any() && strips_first_space(description);
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
    token.normalized = entry.value("normalized", !token.special);
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
    if (marks_.any()) added_[token.id].content = without_space_marks(token.content);
    if (!token.normalized || (token.special && marks_.by != SpaceMarks::By::kNormalizer))
      chat.push_back(token);
    if (token.normalized) {
      std::string storage;
      token.content = std::string(normal(token.content, Behind::kNothing, storage));
      normalized.push_back(token);
    } else {
      raw.push_back(token);
    }
  }
  raw_ = std::make_unique<AddedTokens>(std::move(raw));
  normalized_ = std::make_unique<AddedTokens>(std::move(normalized));
  chat_ = std::make_unique<AddedTokens>(std::move(chat));
}

std::string_view HfTokenizer::normal(std::string_view text, Behind behind, std::string& storage) const {
  if (nfc_) return nfc(text, storage);
  if (marks_.by == SpaceMarks::By::kNormalizer) return storage = marks_.normalized(text, behind);
  return text;
}

std::vector<int> HfTokenizer::encode(std::string_view text, bool parse_special) const {
  std::string storage;
  const std::string_view valid = valid_utf8(text, storage);
  return encode_parts(valid, raw_->split(valid, parse_special), parse_special, nullptr, Behind::kNothing);
}

// The BOS token that tokenizer.json puts in front of a text is no part of it.
Behind HfTokenizer::behind(std::span<const int> before) const {
  if (before.empty() || std::equal(before.begin(), before.end(), prefix_.begin(), prefix_.end()))
    return Behind::kNothing;
  const auto added = added_.find(before.back());
  if (added == added_.end()) return Behind::kText;
  // The normalizer sees a token that is found behind it as text.
  const bool seen = added->second.normalized && marks_.by == SpaceMarks::By::kNormalizer;
  return seen ? Behind::kText : Behind::kToken;
}

std::vector<int> HfTokenizer::encode_behind(std::span<const int> before, std::string_view text) const {
  std::string storage;
  const std::string_view valid = valid_utf8(text, storage);
  return encode_parts(valid, raw_->split(valid, false), false, nullptr, behind(before));
}

std::vector<int> HfTokenizer::encode_chat(std::string_view text, const std::vector<bool>& given) const {
  return encode_parts(text, chat_->split(text, true, &given), false, &given, Behind::kNothing);
}

// Splits `part`, which begins at `offset` of a chat, once it is normalised. Special tokens are looked for
// only where the normaliser changes how they are spelt, since chat_ has the others. Marks, of three bytes,
// are never given: a space at the end of what a user says is no part of the token that the template puts
// behind it.
std::vector<AddedTokens::Part> HfTokenizer::split_chat(std::string_view part, std::size_t offset,
                                                       const std::vector<bool>& given,
                                                       std::string_view normalized) const {
  if (marks_.by != SpaceMarks::By::kNormalizer) return normalized_->split(normalized, false);
  std::vector<bool> given_normalized(normalized.size() - with_space_marks(part).size(), false);
  for (std::size_t i = 0; i < part.size(); ++i) {
    const bool space = part[i] == ' ';
    given_normalized.insert(given_normalized.end(), space ? 3 : 1, !space && given[offset + i]);
  }
  return normalized_->split(normalized, true, &given_normalized);
}

// `parts`: the text, split at tokens that are found before normalisation. `given`: of a chat, else null.
// `before`: what the text stands behind.
std::vector<int> HfTokenizer::encode_parts(std::string_view text, const std::vector<AddedTokens::Part>& parts,
                                           bool parse_special, const std::vector<bool>* given,
                                           Behind before) const {
  const bool metaspace = marks_.by == SpaceMarks::By::kMetaspace;
  std::string storage, marked, prefix_storage;
  std::vector<int> ids;
  for (const AddedTokens::Part& outer : parts) {
    if (outer.id >= 0) {
      ids.push_back(outer.id);
      continue;
    }
    const bool first = outer.text.data() == text.data();
    const std::string_view normalized = normal(outer.text, first ? before : Behind::kToken, storage);
    const auto offset = static_cast<std::size_t>(outer.text.data() - text.data());
    const std::vector<AddedTokens::Part> inner = given != nullptr
                                                     ? split_chat(outer.text, offset, *given, normalized)
                                                     : normalized_->split(normalized, parse_special);
    for (const AddedTokens::Part& part : inner) {
      if (part.id >= 0) {
        ids.push_back(part.id);
        continue;
      }
      const Behind stands = first && part.text.data() == normalized.data() ? before : Behind::kToken;
      std::string_view piece = part.text;
      if (metaspace) piece = marked = marks_.pre_tokenized(piece, stands);
      model_->encode(pre_tokenizer_.split(piece, prefix_storage, stands == Behind::kText), ids);
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
  if (strips_first_space_ && text.starts_with(' ')) text.erase(0, 1);
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
    SortedJson description = SortedJson::parse(files.tokenizer_json);
    part = "tokenizer_config.json";
    const SortedJson config = SortedJson::parse(files.config_json);
    part = "tokenizer.json or tokenizer_config.json";
    description = with_class_marks(std::move(description), config, files.model_type);
    return std::make_shared<const HfTokenizer>(description, config, std::move(files));
  } catch (const SortedJson::exception& error) {
    throw Error("load tokenizer",
                "expected a Hugging Face tokenizer in " + where + ", got a damaged or other " + part + ": " +
                    error.what(),
                "fetch the file again, or write it anew with transformers' save_pretrained");
  }
}

}  // namespace pope
