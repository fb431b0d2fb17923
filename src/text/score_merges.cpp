// See score_merges.h.
#include "text/score_merges.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>

#include "core/chars.h"

namespace pope {
namespace {

struct Merge {
  double score;
  std::size_t left_size, right_size;  // in characters
  int left, right;
};

}  // namespace

SortedJson merges_of_scores(const std::vector<std::string>& tokens, const std::vector<double>& scores,
                            const std::unordered_set<int>& special_ids) {
  std::unordered_map<std::string_view, int> ids;
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (!special_ids.contains(static_cast<int>(i))) ids.emplace(tokens[i], static_cast<int>(i));
  std::vector<Merge> merges;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (special_ids.contains(static_cast<int>(i))) continue;
    const std::string_view token = tokens[i];
    const auto starts = static_cast<std::size_t>(
        std::count_if(token.begin(), token.end(), [](char c) { return !continues_character(c); }));
    const std::size_t first = merges.size();
    std::size_t characters = 0;
    for (std::size_t at = 1; at < token.size(); ++at) {
      if (continues_character(token[at])) continue;
      ++characters;
      const auto left = ids.find(token.substr(0, at)), right = ids.find(token.substr(at));
      if (left != ids.end() && right != ids.end())
        merges.push_back({scores[i], characters, starts - characters, left->second, right->second});
    }
    std::sort(
        merges.begin() + static_cast<std::ptrdiff_t>(first), merges.end(),
        [](const Merge& a, const Merge& b) { return std::tie(a.left, a.right) < std::tie(b.left, b.right); });
  }
  std::stable_sort(merges.begin(), merges.end(), [](const Merge& a, const Merge& b) {
    return std::tie(a.score, a.left_size, a.right_size) > std::tie(b.score, b.left_size, b.right_size);
  });
  SortedJson list = SortedJson::array();
  for (const Merge& merge : merges) {
    list.push_back(
        {tokens[static_cast<std::size_t>(merge.left)], tokens[static_cast<std::size_t>(merge.right)]});
  }
  return list;
}

}  // namespace pope
