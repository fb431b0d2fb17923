// Phrases are told by their first word and by what else they hold: names and words only, no values.
#include "verify/phrases.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "verify/words.h"

namespace pope {
namespace {

bool is_name_or_word(const Token& token) {
  return token.kind == TokenKind::name || token.kind == TokenKind::word;
}

bool quantifies(const Token& token) {
  constexpr std::array<std::string_view, 6> kStarts = {"for all",  "for any",  "for every",
                                                       "for each", "for some", "where "};
  if (token.is(TokenKind::name, "\\forall")) return true;
  if (token.kind != TokenKind::word) return false;
  const std::string_view text = token.text;
  return text == "for" || text == "where" ||
         std::any_of(kStarts.begin(), kStarts.end(),
                     [&](std::string_view start) { return text.starts_with(start); });
}

// "f(x) = 2x for all real x": the tail only says where it holds.
void drop_quantifier(std::vector<Token>& tokens) {
  const auto found = std::find_if(tokens.begin(), tokens.end(), quantifies);
  const auto harmless = [](const Token& t) { return is_name_or_word(t) || t.op("in") || t.op(","); };
  if (found != tokens.begin() && std::all_of(found, tokens.end(), harmless))
    tokens.erase(found, tokens.end());
}

// "The answer is 12", "Total: 12".
void drop_introduction(std::vector<Token>& tokens) {
  if (tokens.size() < 2 || tokens[0].kind != TokenKind::word) return;
  const std::string_view text = tokens[0].text;
  if (text.ends_with(':') || text.ends_with(" is")) tokens.erase(tokens.begin());
}

// "Area of ABC = 6", "Var(X) = 2". "not x = 6" is no name.
void join_worded_name(std::vector<Token>& tokens) {
  const auto equals = std::find_if(tokens.begin(), tokens.end(), [](const Token& t) { return t.op("="); });
  if (equals == tokens.end() || tokens[0].kind != TokenKind::word || !is_unit(tokens[0].text)) return;
  const auto part = [](const Token& t) {
    return is_name_or_word(t) || t.kind == TokenKind::open || t.kind == TokenKind::close;
  };
  if (std::all_of(tokens.begin(), equals, part)) tokens.erase(tokens.begin() + 1, equals);
}

}  // namespace

void drop_phrases(std::vector<Token>& tokens) {
  drop_quantifier(tokens);
  drop_introduction(tokens);
  join_worded_name(tokens);
}

}  // namespace pope
