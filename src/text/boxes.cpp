// See boxes.h.
#include "text/boxes.h"

#include <algorithm>
#include <vector>

#include "core/chars.h"

namespace pope {

std::optional<std::string_view> find_boxed(std::string_view text, BareBox bare) {
  struct Open {
    std::size_t depth, start;
  };
  std::vector<Open> boxes;  // boxes that are not closed yet
  std::optional<std::string_view> found;
  std::size_t depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{') {
      ++depth;
    } else if (text[i] == '}' && depth > 0) {
      --depth;
      if (!boxes.empty() && boxes.back().depth == depth) {
        found = text.substr(boxes.back().start, i - boxes.back().start);
        boxes.pop_back();
      }
    } else if (text[i] == '\\' && i + 1 < text.size()) {
      std::size_t end = i + 1;
      while (end < text.size() && is_letter(text[end])) ++end;
      const std::string_view name = text.substr(i + 1, end - i - 1);
      i = std::max(end - 1, i + 1);  // an escaped brace is no brace
      if (name != "boxed" && name != "fbox") continue;
      const std::size_t start = std::min(text.find_first_not_of(' ', end), text.size());
      if (start == text.size()) continue;
      if (text[start] == '{') {
        boxes.push_back({depth++, start + 1});
        i = start;
      } else if (bare == BareBox::yes && start > end) {
        i = std::min(text.find_first_of("$\n", start), text.size());
        found = trim(text.substr(start, i - start));
      }
    }
  }
  return found;
}

std::optional<std::string_view> only_box(std::string_view text) {
  const std::size_t open = text.find('{');
  if (open == std::string_view::npos || !text.ends_with('}')) return std::nullopt;
  const std::string_view command = text.substr(0, open);
  if (command != "\\boxed" && command != "\\fbox") return std::nullopt;
  const std::optional<std::string_view> inside = find_boxed(text);
  const bool whole =
      inside && inside->data() == text.data() + open + 1 && inside->size() == text.size() - open - 2;
  return whole ? inside : std::nullopt;
}

}  // namespace pope
