// See overlap.h.
#include "evaluate/overlap.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>

#include "text/steps.h"

namespace pope {
namespace {

using Words = std::vector<std::string>;

bool is_word_byte(unsigned char c) {
  return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::set<Words> ngrams(const Words& words, std::size_t n) {
  std::set<Words> found;
  for (std::size_t i = 0; i + n <= words.size(); ++i) {
    const auto first = words.begin() + static_cast<std::ptrdiff_t>(i);
    found.emplace(first, first + static_cast<std::ptrdiff_t>(n));
  }
  return found;
}

double similarity(const Words& a, const Words& b) {
  if (a.empty() || b.empty()) return 0;
  std::map<std::string, int> left;
  for (const std::string& word : a) ++left[word];
  int shared = 0;
  for (const std::string& word : b) {
    const auto found = left.find(word);
    if (found == left.end() || found->second == 0) continue;
    --found->second;
    ++shared;
  }
  return 2.0 * shared / static_cast<double>(a.size() + b.size());
}

// The words of each step that has any.
std::vector<Words> steps_of(std::string_view text, const std::string& boundary) {
  std::vector<Words> steps;
  std::size_t begin = 0;
  for (const std::size_t end : step_ends(text, boundary)) {
    Words words = overlap_words(text.substr(begin, end - begin));
    if (!words.empty()) steps.push_back(std::move(words));
    begin = end;
  }
  return steps;
}

// Length of the longest common subsequence, a row of the table at a time.
std::size_t common_steps(const std::vector<Words>& a, const std::vector<Words>& b, double similar) {
  std::vector<std::size_t> row(b.size() + 1, 0);
  for (const Words& step : a) {
    std::size_t diagonal = 0;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = similarity(step, b[j]) >= similar ? diagonal + 1 : std::max(row[j], above);
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace

std::vector<std::string> overlap_words(std::string_view text) {
  Words words;
  bool inside = false;
  for (const char c : text) {
    const bool word = is_word_byte(static_cast<unsigned char>(c));
    if (word && !inside) words.emplace_back();
    if (word) words.back() += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    inside = word;
  }
  return words;
}

double step_similarity(std::string_view a, std::string_view b) {
  return similarity(overlap_words(a), overlap_words(b));
}

Overlap overlap(const OverlapConfig& config, std::string_view guidance, std::string_view completion) {
  const Words given = overlap_words(guidance);
  if (given.empty()) return {};
  const std::size_t n = std::min<std::size_t>(static_cast<std::size_t>(config.ngram), given.size());
  const std::set<Words> wanted = ngrams(given, n), had = ngrams(overlap_words(completion), n);
  const auto found =
      std::count_if(wanted.begin(), wanted.end(), [&](const Words& w) { return had.contains(w); });
  const std::vector<Words> steps = steps_of(guidance, config.boundary);
  return {static_cast<double>(found) / static_cast<double>(wanted.size()),
          static_cast<double>(common_steps(steps, steps_of(completion, config.boundary), config.similar)) /
              static_cast<double>(steps.size())};
}

}  // namespace pope
