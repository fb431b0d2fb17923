// Normalised text and exact numbers, searched for in normalised text.
#include "verify/mentions.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "core/chars.h"
#include "verify/normalize.h"
#include "verify/number.h"

namespace pope {
namespace {

Normal slice(const Normal& in, std::size_t begin, std::size_t end) {
  Normal out;
  out.text = in.text.substr(begin, end - begin);
  out.gap.assign(in.gap.begin() + static_cast<std::ptrdiff_t>(begin),
                 in.gap.begin() + static_cast<std::ptrdiff_t>(end));
  out.gap.push_back(true);
  return out;
}

// A whole answer as a number. A space between digits separates nothing ("1 000"), one after a comma does
// ("32, 349").
std::optional<Number> number_of(const Normal& in) {
  Normal tight = in;
  for (std::size_t i = 1; i < in.text.size(); ++i) tight.gap[i] = in.gap[i] && in.text[i - 1] == ',';
  NumberReader reader(tight, 0);
  const std::optional<Number> value = reader.number();
  return value && reader.at_end() ? value : std::nullopt;
}

// "x=5" → "5" when the left side only names something: a lone "=", no sum before it, no digit at its start.
std::optional<Normal> right_side(const Normal& in) {
  const std::size_t equals = in.text.find('=');
  if (equals == std::string::npos || equals == 0 || in.text.find('=', equals + 1) != std::string::npos)
    return std::nullopt;
  if (is_digit(in.text[0]) || in.text.substr(0, equals).find_first_of("+-*<>!") != std::string::npos)
    return std::nullopt;
  return slice(in, equals + 1, in.text.size());
}

bool mentions_number(const Normal& text, const Number& answer) {
  const auto matches = [&](std::size_t at, const Number& value) {
    Number signed_value = value;
    signed_value.negative = value.negative || (answer.negative && at > 0 && text.text[at - 1] == '-');
    return equal(signed_value, answer);
  };
  for (std::size_t at = 0; at < text.text.size();) {
    NumberReader reader(text, at);
    const char c = text.text[at];
    const std::optional<Number> value = c == '-' || c == '+' ? std::nullopt : reader.number();
    if (!value) {
      ++at;
      continue;
    }
    if (matches(at, *value)) return true;
    NumberReader first(text, at);  // of "48/2" the 48 counts too, and next the 2; of \frac both
    if (const std::optional<Decimal> top = first.decimal()) {
      if (matches(at, Number{false, *top})) return true;
      at = first.at();
    } else {
      ++at;
    }
  }
  return false;
}

bool mentions_text(const Normal& text, const std::string& answer) {
  for (std::size_t at = text.text.find(answer); at != std::string::npos;
       at = text.text.find(answer, at + 1)) {
    const std::size_t end = at + answer.size();
    const bool starts = at == 0 || text.gap[at] || !is_alnum(text.text[at - 1]) || !is_alnum(answer.front());
    const bool ends =
        end == text.text.size() || text.gap[end] || !is_alnum(text.text[end]) || !is_alnum(answer.back());
    if (starts && ends) return true;
  }
  return false;
}

}  // namespace

bool mentions_answer(std::string_view text, std::string_view answer) {
  const Normal where = normalize(text);
  Normal what = normalize(answer);
  if (std::optional<Normal> value = right_side(what)) what = std::move(*value);
  if (what.text.empty()) return false;
  if (const std::optional<Number> number = number_of(what)) return mentions_number(where, *number);
  return mentions_text(where, what.text);
}

}  // namespace pope
