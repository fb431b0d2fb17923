// The vocabulary.
#include "text/token_model.h"

#include <algorithm>

#include "core/error.h"

namespace pope {

namespace {
constexpr std::int64_t kMaxIds =
    1 << 22;  // far above any vocabulary; keeps a damaged id from taking all memory
}

int id_from_json(const SortedJson& value, const std::string& token) {
  const bool fits = value.is_number_unsigned()
                        ? value.get<std::uint64_t>() < kMaxIds
                        : value.is_number_integer() && value.get<std::int64_t>() >= 0 &&
                              value.get<std::int64_t>() < kMaxIds;
  if (!fits) {
    throw Error("load tokenizer",
                "expected an id from 0 to " + std::to_string(kMaxIds - 1) + " for token '" + token +
                    "', got " + value.dump(-1, ' ', true, SortedJson::error_handler_t::replace),
                "tokenizer.json is damaged: fetch it again");
  }
  return value.get<int>();
}

Vocabulary::Vocabulary(const SortedJson& vocab) {
  if (!vocab.is_object()) {
    throw Error("load tokenizer",
                std::string("expected model.vocab to be an object, got ") + vocab.type_name(),
                "supported are BPE and WordLevel models, whose vocab maps tokens to ids");
  }
  int max_id = -1;
  // Ids may have gaps, but memory is not to grow with an id that the file merely names.
  const std::size_t limit = 8 * vocab.size() + 1024;
  for (const auto& [token, value] : vocab.items()) {
    const int id = id_from_json(value, token);
    max_id = std::max(max_id, id);
    if (static_cast<std::size_t>(id) < limit) continue;
    throw Error("load tokenizer",
                "expected ids about as many as the " + std::to_string(vocab.size()) + " tokens, got " +
                    std::to_string(id) + " for token '" + token + "'",
                "tokenizer.json is damaged: fetch it again");
  }
  tokens_.resize(static_cast<std::size_t>(max_id + 1));
  std::vector<bool> taken(tokens_.size());
  for (const auto& [token, value] : vocab.items()) {
    const auto id = value.get<std::size_t>();
    if (taken[id]) {
      throw Error("load tokenizer",
                  "expected one token for id " + std::to_string(id) + ", got '" + tokens_[id] + "' and '" +
                      token + "'",
                  "tokenizer.json is damaged: fetch it again");
    }
    taken[id] = true;
    tokens_[id] = token;
  }
  index_.reserve(tokens_.size());
  for (std::size_t id = 0; id < tokens_.size(); ++id) {
    if (taken[id]) index_.emplace(tokens_[id], static_cast<int>(id));
  }
}

int Vocabulary::find(std::string_view token) const {
  const auto found = index_.find(token);
  return found == index_.end() ? -1 : found->second;
}

}  // namespace pope
