// See limited_tokenizer.h.
#include "text/limited_tokenizer.h"

#include "core/error.h"

namespace pope {
namespace {

class LimitedTokenizer : public Tokenizer {
 public:
  LimitedTokenizer(std::shared_ptr<const Tokenizer> tokenizer, int rows)
      : whole_(std::move(tokenizer)), rows_(rows) {}

  std::vector<int> encode(std::string_view text, bool parse_special) const override {
    return checked(whole_->encode(text, parse_special));
  }
  std::vector<int> encode_behind(std::span<const int> before, std::string_view text) const override {
    return checked(whole_->encode_behind(before, text));
  }
  std::vector<int> encode_chat(std::string_view text, const std::vector<bool>& given) const override {
    return checked(whole_->encode_chat(text, given));
  }
  std::string decode(std::span<const int> ids, bool skip_special) const override {
    return whole_->decode(ids, skip_special);
  }
  int size() const override { return whole_->size(); }
  std::optional<int> find(std::string_view token) const override {
    const std::optional<int> id = whole_->find(token);
    return id && *id < rows_ ? id : std::nullopt;  // the model can neither read nor write it
  }
  bool is_added(int id) const override { return whole_->is_added(id); }
  std::vector<int> prefix() const override { return checked(whole_->prefix()); }
  std::string bos_token() const override { return whole_->bos_token(); }
  std::string eos_token() const override { return whole_->eos_token(); }
  std::string chat_template() const override { return whole_->chat_template(); }
  std::vector<std::pair<std::string, std::string>> named_tokens() const override {
    return whole_->named_tokens();
  }
  void save(const std::filesystem::path& folder) const override { whole_->save(folder); }

 private:
  std::vector<int> checked(std::vector<int> ids) const {
    for (const int id : ids) {
      if (id < rows_) continue;
      throw Error("tokenize",
                  "expected tokens that the model has an embedding for, got '" +
                      whole_->decode(std::vector{id}, false) + "', id " + std::to_string(id) + " of " +
                      std::to_string(rows_) + " rows",
                  "take the token out of the problem or the chat template, or resize the model's embedding");
    }
    return ids;
  }
  std::shared_ptr<const Tokenizer> whole_;
  int rows_;
};

}  // namespace

std::shared_ptr<const Tokenizer> limit_ids(std::shared_ptr<const Tokenizer> tokenizer, int rows) {
  return std::make_shared<const LimitedTokenizer>(std::move(tokenizer), rows);
}

}  // namespace pope
