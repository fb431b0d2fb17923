// See added_tokens.h.
#include "text/added_tokens.h"

#include <algorithm>

#include "core/chars.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace pope {
namespace {

bool is_space(char32_t c) { return char_class(c) == CharClass::kSpace; }

bool ends_with_word(std::string_view text) {
  if (text.empty()) return false;
  std::size_t at = character_start(text, text.size() - 1);
  return is_word(next_code_point(text, at));
}

bool starts_with_word(std::string_view text) {
  std::size_t at = 0;
  return !text.empty() && is_word(next_code_point(text, at));
}

std::size_t start_of_trailing_space(std::string_view text, std::size_t lowest) {
  std::size_t at = text.size();
  while (at > lowest) {
    const std::size_t start = character_start(text, at - 1);
    std::size_t behind = start;
    if (!is_space(next_code_point(text, behind))) break;
    at = start;
  }
  return at;
}

std::size_t end_of_leading_space(std::string_view text, std::size_t from) {
  while (from < text.size()) {
    std::size_t behind = from;
    if (!is_space(next_code_point(text, behind))) break;
    from = behind;
  }
  return from;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::erase_if(tokens_, [](const AddedToken& token) { return token.content.empty(); });
  std::stable_sort(tokens_.begin(), tokens_.end(), [](const AddedToken& a, const AddedToken& b) {
    return a.content.size() > b.content.size();
  });
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    by_first_byte_[static_cast<unsigned char>(tokens_[i].content[0])].push_back(i);
  }
}

const AddedToken* AddedTokens::longest_at(std::string_view text, std::size_t at) const {
  for (const std::size_t index : by_first_byte_[static_cast<unsigned char>(text[at])]) {
    if (text.substr(at).starts_with(tokens_[index].content)) return &tokens_[index];
  }
  return nullptr;
}

std::vector<AddedTokens::Part> AddedTokens::split(std::string_view text, bool parse_special,
                                                  const std::vector<bool>* given) const {
  const auto given_bytes = [&](std::size_t begin, std::size_t end) {
    const auto from = [&](std::size_t i) { return given->begin() + static_cast<std::ptrdiff_t>(i); };
    return given == nullptr ? 0 : static_cast<std::size_t>(std::count(from(begin), from(end), true));
  };
  std::vector<Part> parts;
  std::size_t done = 0;
  const auto add_text = [&](std::size_t to) {
    if (to > done) parts.push_back({text.substr(done, to - done), -1});
  };
  for (std::size_t at = 0; at < text.size();) {
    const AddedToken* token = longest_at(text, at);
    if (token == nullptr) {
      ++at;
      continue;
    }
    std::size_t start = at, end = at + token->content.size();
    at = end;
    if (token->special && !parse_special) continue;
    if (const std::size_t bytes = given_bytes(start, end); token->special && bytes > 0) {
      if (bytes < end - start) at = start + 1;  // another may begin in the part that is not given
      continue;
    }
    if (token->single_word && (ends_with_word(text.substr(0, start)) || starts_with_word(text.substr(end)))) {
      continue;
    }
    if (token->lstrip) start = start_of_trailing_space(text.substr(0, start), done);
    if (token->rstrip) end = end_of_leading_space(text, end);
    add_text(start);
    parts.push_back({text.substr(start, end - start), token->id});
    done = end;  // the search goes on behind the token itself, as in Hugging Face's
  }
  add_text(text.size());
  return parts;
}

}  // namespace pope
