// See text_stream.h.
#include "serve/text_stream.h"

#include <algorithm>
#include <span>

#include "core/chars.h"

namespace pope {

std::size_t unfinished_bytes(std::string_view text) {
  std::size_t behind = 0;  // bytes that continue a character
  while (behind < std::min<std::size_t>(3, text.size()) &&
         continues_character(text[text.size() - 1 - behind]))
    ++behind;
  if (behind == text.size()) return 0;
  const auto first = static_cast<unsigned char>(text[text.size() - 1 - behind]);
  const std::size_t needed = first >= 0xF0 && first < 0xF8 ? 3 : first >= 0xE0 ? 2 : first >= 0xC2 ? 1 : 0;
  return first < 0xF8 && behind < needed ? behind + 1 : 0;
}

TextStream::TextStream(std::shared_ptr<const Tokenizer> tokenizer,
                       std::shared_ptr<const std::vector<std::string>> stops)
    : tokenizer_(std::move(tokenizer)), stops_(std::move(stops)) {}

std::string TextStream::add(int token) {
  ids_.push_back(token);
  const std::span<const int> ids(ids_);
  const std::string before = tokenizer_->decode(ids.subspan(from_, shown_ - from_));
  const std::string now = tokenizer_->decode(ids.subspan(from_));
  if (now.size() <= before.size() || unfinished_bytes(now) > 0) return "";
  from_ = shown_;
  shown_ = ids_.size();
  return take(now.substr(before.size()));
}

std::string TextStream::finish() {
  const std::span<const int> ids(ids_);
  const std::string before = tokenizer_->decode(ids.subspan(from_, shown_ - from_));
  const std::string now = tokenizer_->decode(ids.subspan(from_));
  shown_ = ids_.size();
  std::string text = take(now.size() > before.size() ? now.substr(before.size()) : "");
  if (!stopped_) text += held_;
  held_.clear();
  return text;
}

std::string TextStream::take(const std::string& fresh) {
  if (stopped_) return "";
  held_ += fresh;
  std::size_t first = std::string::npos;
  for (const std::string& stop : *stops_) {
    const std::size_t at = held_.find(stop);
    if (at >= first) continue;
    first = at;
    stopped_ = stop;
  }
  std::size_t shown = std::min(first, held_.size());
  if (!stopped_) {
    std::size_t kept = 0;  // the longest end that a stop text may begin with
    for (const std::string& stop : *stops_) {
      for (std::size_t n = std::min(stop.size() - 1, held_.size()); n > kept; --n) {
        if (held_.compare(held_.size() - n, n, stop, 0, n) == 0) kept = n;
      }
    }
    shown -= kept;
  }
  std::string text = held_.substr(0, shown);
  held_.erase(0, shown);
  return text;
}

}  // namespace pope
