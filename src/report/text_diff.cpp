// The dynamic programme over what is left between a common beginning and a common end.
#include "report/text_diff.h"

#include <algorithm>
#include <cstdint>

namespace pope {
namespace {

using Words = std::vector<std::string_view>;
using Kind = DiffPart::Kind;

constexpr std::size_t kMostCells = 4'000'000;  // of the table of lengths: 16 MB

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

Words words_of(std::string_view text) {
  Words words;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = begin;
    while (end < text.size() && !is_space(text[end])) ++end;
    while (end < text.size() && is_space(text[end])) ++end;
    words.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

// Joins neighbours of one kind; within a change what was removed moves before what was added.
class Parts {
 public:
  void add(Kind kind, std::string_view word) {
    if (kind == Kind::same) flush();
    (kind == Kind::same ? same_ : kind == Kind::removed ? removed_ : added_) += word;
  }
  std::vector<DiffPart> take() {
    flush();
    push(Kind::same, same_);
    return std::move(parts_);
  }

 private:
  void flush() {
    if (removed_.empty() && added_.empty()) return;
    push(Kind::same, same_);
    push(Kind::removed, removed_);
    push(Kind::added, added_);
  }
  void push(Kind kind, std::string& text) {
    if (!text.empty()) parts_.push_back({kind, std::move(text)});
    text.clear();
  }
  std::vector<DiffPart> parts_;
  std::string same_, removed_, added_;
};

void add_changed(Parts& parts, const Words& a, const Words& b) {
  const std::size_t n = a.size(), m = b.size();
  std::size_t i = 0, j = 0;
  if (n > 0 && m > 0 && (n + 1) * (m + 1) <= kMostCells) {
    // length[i, j]: of the longest common subsequence of a from i on and b from j on.
    std::vector<std::uint32_t> length((n + 1) * (m + 1));
    const auto at = [&](std::size_t x, std::size_t y) -> std::uint32_t& { return length[x * (m + 1) + y]; };
    for (std::size_t x = n; x-- > 0;) {
      for (std::size_t y = m; y-- > 0;)
        at(x, y) = a[x] == b[y] ? at(x + 1, y + 1) + 1 : std::max(at(x + 1, y), at(x, y + 1));
    }
    while (i < n && j < m) {
      if (a[i] == b[j]) {
        parts.add(Kind::same, a[i++]);
        ++j;
      } else if (at(i + 1, j) >= at(i, j + 1)) {
        parts.add(Kind::removed, a[i++]);
      } else {
        parts.add(Kind::added, b[j++]);
      }
    }
  }
  while (i < n) parts.add(Kind::removed, a[i++]);
  while (j < m) parts.add(Kind::added, b[j++]);
}

}  // namespace

std::vector<DiffPart> text_diff(std::string_view before, std::string_view after) {
  const Words a = words_of(before), b = words_of(after);
  const std::size_t most = std::min(a.size(), b.size());
  std::size_t head = 0, tail = 0;
  while (head < most && a[head] == b[head]) ++head;
  while (tail < most - head && a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) ++tail;
  Parts parts;
  for (std::size_t i = 0; i < head; ++i) parts.add(Kind::same, a[i]);
  const auto middle = [&](const Words& words) {
    return Words(words.begin() + static_cast<std::ptrdiff_t>(head),
                 words.end() - static_cast<std::ptrdiff_t>(tail));
  };
  add_changed(parts, middle(a), middle(b));
  for (std::size_t i = a.size() - tail; i < a.size(); ++i) parts.add(Kind::same, a[i]);
  return parts.take();
}

}  // namespace pope
