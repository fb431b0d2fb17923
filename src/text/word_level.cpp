// A look-up per word.
#include "text/word_level.h"

#include "core/error.h"

namespace pope {
namespace {

class WordLevel : public TokenModel {
 public:
  explicit WordLevel(const TokenModelSource& source)
      : vocabulary_(source.vocabulary), special_ids_(source.special_ids) {
    unknown_ = vocabulary_->find(source.model.at("unk_token").get<std::string>());
  }

  void encode(const std::vector<std::string_view>& pieces, std::vector<int>& ids) const override {
    for (const std::string_view piece : pieces) {
      int id = vocabulary_->find(piece);
      if (id < 0 || special_ids_.contains(id)) id = unknown_;  // text never spells a special token
      if (id < 0) {
        throw Error("tokenize", "expected words of the vocabulary, got '" + std::string(piece) + "'",
                    "this tokenizer knows whole words only: check that problems and model belong together");
      }
      ids.push_back(id);
    }
  }

  std::string_view text(int id) const override {
    const auto& tokens = vocabulary_->tokens();
    return static_cast<std::size_t>(id) < tokens.size()
               ? std::string_view(tokens[static_cast<std::size_t>(id)])
               : "";
  }
  std::string_view joiner() const override { return " "; }

 private:
  std::shared_ptr<const Vocabulary> vocabulary_;
  std::unordered_set<int> special_ids_;
  int unknown_ = -1;
};

}  // namespace

std::unique_ptr<TokenModel> load_word_level(const TokenModelSource& source) {
  return std::make_unique<WordLevel>(source);
}

}  // namespace pope
