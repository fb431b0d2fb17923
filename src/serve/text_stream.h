// The text of tokens as they come: whole characters, up to the first of some texts that end it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace pope {

class TextStream {
 public:
  TextStream(std::shared_ptr<const Tokenizer> tokenizer,
             std::shared_ptr<const std::vector<std::string>> stops);

  // The text that can be shown now: without what may be part of a character or the beginning of a stop text.
  std::string add(int token);
  // What was held back, once no token comes any more.
  std::string finish();
  // The stop text that has come. What was shown ends before it, and nothing else is.
  const std::optional<std::string>& stopped() const { return stopped_; }

 private:
  std::string take(const std::string& fresh);

  std::shared_ptr<const Tokenizer> tokenizer_;
  const std::shared_ptr<const std::vector<std::string>> stops_;
  // Texts of tokens are not independent (a first one may lose its space), so a few earlier ones are decoded
  // again.
  std::vector<int> ids_;
  std::size_t from_ = 0, shown_ = 0;  // ids_[from_ … shown_) is the context of what comes behind
  std::string held_;
  std::optional<std::string> stopped_;
};

// How many bytes at the end of `text` are the beginning of a character that is not whole.
std::size_t unfinished_bytes(std::string_view text);

}  // namespace pope
