// Added tokens: whole strings ("<|im_end|>", "<think>") that have an id of their own and are found in text
// before anything else is done to it. Leftmost, then longest match, as in Hugging Face tokenizers.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace pope {

struct AddedToken {
  std::string content;
  int id = 0;
  bool special = false;                 // only parsed where the caller trusts the text
  bool lstrip = false, rstrip = false;  // takes the white space on that side with it
  bool single_word = false;             // only where no word character (\w) stands beside it
  bool normalized = false;              // found behind the normaliser, as that spells it
};

class AddedTokens {
 public:
  // A part of the text: an added token, or (id < 0) text in between.
  struct Part {
    std::string_view text;
    int id;
  };

  explicit AddedTokens(std::vector<AddedToken> tokens);
  // The parts of `text`, which point into it. Special tokens are text unless `parse_special`, and where a
  // byte of them is given (one entry for each byte; null: none is).
  std::vector<Part> split(std::string_view text, bool parse_special,
                          const std::vector<bool>* given = nullptr) const;

 private:
  const AddedToken* longest_at(std::string_view text, std::size_t at) const;
  std::vector<AddedToken> tokens_;                           // longest first
  std::array<std::vector<std::size_t>, 256> by_first_byte_;  // indices into tokens_, longest first
};

}  // namespace pope
