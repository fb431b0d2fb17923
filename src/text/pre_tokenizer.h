// Pre-tokenisation: cuts text into the pieces within which a model merges. Every kind is a list of splits by
// regular expression (PCRE2, Unicode, compiled to machine code). Safe to share by threads.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/token_model.h"

namespace pope {

// One split: the matches of a pattern, and what is between them, become pieces.
class Split {
 public:
  // `drop`: which parts are left out.
  enum class Drop { kNothing, kMatches, kRest };
  Split(const std::string& pattern, Drop drop);
  // Appends the pieces of `text` (valid UTF-8), in order; they point into it.
  void apply(std::string_view text, std::vector<std::string_view>& pieces) const;

 private:
  std::shared_ptr<const void> code_;  // pcre2_code
  Drop drop_;
};

class PreTokenizer {
 public:
  // The "pre_tokenizer" object of a tokenizer.json, or null. Error: an unsupported kind (lists the
  // supported).
  explicit PreTokenizer(const SortedJson& description);

  // Whether bytes are spelled by the 256 byte-level characters: what byte-level BPE needs.
  bool byte_level() const { return byte_level_; }
  // The pieces of `text`; they point into it, or into `storage` where a space had to be put in front.
  std::vector<std::string_view> split(std::string_view text, std::string& storage) const;

 private:
  void add(const SortedJson& description);
  std::vector<Split> splits_;
  bool byte_level_ = false, prefix_space_ = false;
};

}  // namespace pope
