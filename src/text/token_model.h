// Inside of a tokenizer: the vocabulary, and the model that turns pre-tokenised pieces into ids.
// A new model is a file with a loader (bpe.h), and one line in the table in hf_tokenizer.cpp.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace pope {

// Keys sorted. (An ordered_json looks keys up one by one: quadratic in a vocabulary.)
using SortedJson = nlohmann::json;

class Vocabulary {
 public:
  // The "vocab" object of a tokenizer.json. Error: an id that is no integer, negative, huge, or given twice.
  explicit Vocabulary(const SortedJson& vocab);
  Vocabulary(const Vocabulary&) = delete;  // index_ points into tokens_
  Vocabulary& operator=(const Vocabulary&) = delete;

  int find(std::string_view token) const;                             // -1 = none
  const std::vector<std::string>& tokens() const { return tokens_; }  // by id; "" where there is none

 private:
  std::vector<std::string> tokens_;
  std::unordered_map<std::string_view, int> index_;
};

// Reads an id, checked to be an integer in [0, 2^22).
int id_from_json(const SortedJson& value, const std::string& token);

class TokenModel {
 public:
  virtual ~TokenModel() = default;
  // Appends the ids of each piece.
  virtual void encode(const std::vector<std::string_view>& pieces, std::vector<int>& ids) const = 0;
  // The text that an id stands for; "" for an id without one.
  virtual std::string_view text(int id) const = 0;
  // What stands between two tokens in decoded text.
  virtual std::string_view joiner() const = 0;
};

// What a loader gets: the "model" object, its vocabulary, and the ids that plain text must never yield.
struct TokenModelSource {
  const SortedJson& model;
  std::shared_ptr<const Vocabulary> vocabulary;
  const std::unordered_set<int>& special_ids;
};

}  // namespace pope
