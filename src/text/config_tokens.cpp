// See config_tokens.h.
#include "text/config_tokens.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <vector>

namespace pope {
namespace {

const Json& member(const Json& object, const char* key) {
  static const Json null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

// A token as "<eos>" or {"content": "<eos>", …}. A JSON exception: anything else.
SortedJson token_of(const Json& value, bool special) {
  if (!value.is_object())
    return {{"content", value.get<std::string>()}, {"normalized", false}, {"special", special}};
  SortedJson token = value;
  token["content"] = token.at("content").get<std::string>();
  if (!token.contains("normalized")) token["normalized"] = !token.value("special", false);
  token["special"] = special || token.value("special", false);
  return token;
}

class TokenList {
 public:
  TokenList(const SortedJson& added, const Vocabulary& vocabulary) : vocabulary_(vocabulary) {
    next_id_ = static_cast<int>(vocabulary.tokens().size());
    for (const SortedJson& token : added) {
      index_[token.at("content").get<std::string>()] = list_.size();
      list_.push_back(token);
      next_id_ = std::max(next_id_, id_from_json(token.at("id"), token["content"].get<std::string>()) + 1);
    }
  }

  bool has(const SortedJson& token) const { return index_.contains(token["content"].get<std::string>()); }
  void add(SortedJson token) {
    const auto content = token["content"].get<std::string>();
    if (content.empty()) return;
    if (const auto found = index_.find(content); found != index_.end()) {
      SortedJson& old = list_[found->second];
      token["id"] = old["id"];
      if (old.value("special", false)) token["special"] = true;  // once special, always special
      old = std::move(token);
      return;
    }
    const int known = vocabulary_.find(content);
    token["id"] = known >= 0 ? known : next_id_++;
    index_[content] = list_.size();
    list_.push_back(std::move(token));
  }
  SortedJson take() { return std::move(list_); }

 private:
  const Vocabulary& vocabulary_;
  SortedJson list_ = SortedJson::array();
  std::map<std::string, std::size_t> index_;  // by content
  int next_id_ = 0;
};

// Tokens with a name, in the order in which transformers adds them.
std::vector<SortedJson> named_tokens(const Json& config) {
  std::vector<SortedJson> tokens;
  const auto add = [&](const Json& value) {
    if (!value.is_null()) tokens.push_back(token_of(value, true));
  };
  const std::vector<std::string> standard = {"bos_token", "eos_token", "unk_token", "sep_token",
                                             "pad_token", "cls_token", "mask_token"};
  for (const std::string& name : standard) add(member(config, name.c_str()));
  for (const auto& [name, value] : config.items()) {
    const bool is_token = value.is_string() || (value.is_object() && value.contains("content"));
    const bool is_standard = std::find(standard.begin(), standard.end(), name) != standard.end();
    if (name.ends_with("_token") && is_token && !is_standard) add(value);
  }
  for (const char* key : {"model_specific_special_tokens", "extra_special_tokens"}) {
    if (!member(config, key).is_object()) continue;
    for (const auto& [name, value] : config[key].items()) add(value);
  }
  return tokens;
}

}  // namespace

SortedJson with_config_tokens(const SortedJson& added, const Json& config, const Vocabulary& vocabulary) {
  TokenList list(added, vocabulary);
  const std::vector<SortedJson> named = named_tokens(config);
  const auto is_named = [&](const SortedJson& token) {
    return std::any_of(named.begin(), named.end(),
                       [&](const SortedJson& one) { return one["content"] == token["content"]; });
  };
  std::map<long, SortedJson> described;
  if (const Json& decoder = member(config, "added_tokens_decoder"); decoder.is_object()) {
    for (const auto& [id, value] : decoder.items()) {
      SortedJson token = token_of(value, false);
      if (is_named(token)) token["special"] = true;
      described[std::strtol(id.c_str(), nullptr, 10)] = std::move(token);
    }
  }
  for (auto& [id, token] : described) list.add(std::move(token));
  for (const SortedJson& token : named) {
    if (!list.has(token)) list.add(token);
  }
  const Json& extra = member(config, "extra_special_tokens");
  const bool has_list = extra.is_array() && !extra.empty();
  const Json& unnamed = has_list ? extra : member(config, "additional_special_tokens");
  if (unnamed.is_array()) {
    for (const Json& value : unnamed) {
      const SortedJson token = token_of(value, value.is_string());
      if (!list.has(token)) list.add(token);
    }
  }
  return list.take();
}

}  // namespace pope
