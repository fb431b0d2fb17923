// Pre-tokenisation: cuts text into the pieces within which a model merges. Every kind is a list of splits by
// regular expression: a scanner where the pattern has one, else PCRE2 with its own version of Unicode. Safe
// to share by threads.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/scanners.h"
#include "text/token_model.h"

namespace pope {

// kRegex never uses a scanner: the reference that the scanners are compared with.
enum class SplitEngine { kFastest, kRegex };

// One split: the matches of a pattern, and what is between them, become pieces.
class Split {
 public:
  // `drop`: which parts are left out.
  enum class Drop { kNothing, kMatches, kRest };
  Split(const std::string& pattern, Drop drop, SplitEngine engine);
  // Appends the pieces of `text` (valid UTF-8), in order; they point into it.
  void apply(std::string_view text, std::vector<std::string_view>& pieces) const;

 private:
  void apply_regex(std::string_view text, std::vector<std::string_view>& pieces) const;
  Scanner scanner_ = nullptr;
  std::shared_ptr<const void> code_;  // pcre2_code, where there is no scanner
  Drop drop_;
};

class PreTokenizer {
 public:
  // The "pre_tokenizer" object of a tokenizer.json, or null. Error: an unsupported kind (lists the
  // supported).
  explicit PreTokenizer(const SortedJson& description, SplitEngine engine = SplitEngine::kFastest);

  // Whether bytes are spelled by the 256 byte-level characters: what byte-level BPE needs.
  bool byte_level() const { return byte_level_; }
  // The pieces of `text`; they point into it, or into `storage` where a space had to be put in front, as it
  // is unless the text goes on behind another (`continues`).
  std::vector<std::string_view> split(std::string_view text, std::string& storage,
                                      bool continues = false) const;

 private:
  void add(const SortedJson& description);
  void add_split(const std::string& pattern, Split::Drop drop);
  SplitEngine engine_;
  std::vector<Split> splits_;
  bool byte_level_ = false, prefix_space_ = false;
};

}  // namespace pope
