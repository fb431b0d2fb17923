// Tokenizers: text ↔ token ids. Implementations: BPE, byte-level or SentencePiece's, and WordLevel, read from
// a Hugging Face tokenizer.json; BPE from GGUF metadata. Immutable after loading, so safe to share
// by threads.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/files.h"

namespace pope {

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // Ids of `text`. With `parse_special` false, text that spells a special token ("<|im_end|>") is plain text:
  // what a problem statement says can never become a control token. Nothing is added in front or behind.
  // Bytes that are no UTF-8 count as U+FFFD. Error: a word that a WordLevel vocabulary lacks.
  virtual std::vector<int> encode(std::string_view text, bool parse_special = false) const = 0;
  // Ids of `text` where it goes on behind `before`, ids of a prompt: as they are where both are encoded as
  // one text, if none of its tokens reaches over the joint. Behind text no mark for a space stands in front.
  virtual std::vector<int> encode_behind(std::span<const int> /*before*/, std::string_view text) const {
    return encode(text);  // of a tokenizer that puts nothing in front
  }
  // Ids of a rendered chat. Special tokens are parsed where the template wrote them; where a byte of one is
  // given by a user it is plain text. `text` is valid UTF-8; `given` has an entry for each byte.
  virtual std::vector<int> encode_chat(std::string_view text, const std::vector<bool>& /*given*/) const {
    return encode(text);  // of a tokenizer without special tokens
  }
  // Text of `ids`; special tokens are left out when `skip_special`. Bytes that are no UTF-8 stay as they are;
  // ids without a token (a model's padded rows) are nothing.
  virtual std::string decode(std::span<const int> ids, bool skip_special = true) const = 0;

  virtual int size() const = 0;  // number of ids, added tokens included: max id + 1
  virtual std::optional<int> find(std::string_view token) const = 0;  // id of one token by its spelling
  // Whether an id is an added token: a whole string found in text before anything else, such as "<|im_end|>".
  virtual bool is_added(int /*id*/) const { return false; }

  // The ids that stand in front of a text by itself: the BOS token, where the post_processor of
  // tokenizer.json (or tokenizer.ggml.add_bos_token) puts one. What it puts behind a text is no part of a
  // prompt.
  virtual std::vector<int> prefix() const { return {}; }

  // tokenizer_config.json: bos_token, eos_token, chat_template. Empty when unknown.
  virtual std::string bos_token() const { return ""; }
  virtual std::string eos_token() const = 0;
  virtual std::string chat_template() const = 0;
  // The special tokens that tokenizer_config.json names, as templates see them: {"bos_token", "<s>"}, …
  virtual std::vector<std::pair<std::string, std::string>> named_tokens() const { return {}; }

  // Writes tokenizer.json and tokenizer_config.json into `folder`, as transformers loads them.
  virtual void save(const std::filesystem::path& folder) const = 0;
};

// Reads tokenizer.json (and tokenizer_config.json, chat_template.jinja beside it, when there) from a model
// directory. Errors: file missing, malformed, or of a kind that is not supported (named, with the supported
// kinds).
std::shared_ptr<const Tokenizer> load_tokenizer(const std::filesystem::path& folder);

// BPE from the parts that GGUF metadata holds (tokenizer.ggml.*): byte-level, or SentencePiece's.
struct BpeParts {
  std::vector<std::string>
      tokens;  // by id, in byte-level spelling, or with "▁" for a space and "<0x0A>" for a byte
  std::vector<std::string> merges;  // "a b" in rank order; SentencePiece's may be told by scores instead
  std::vector<double> scores;       // of SentencePiece's tokens
  // SentencePiece's: where a mark for a space is put in front: nowhere, before each part between special
  // tokens, or at the start of a text alone.
  enum class Marks { kNone, kNowhere, kParts, kStart };
  Marks marks = Marks::kNone;    // kNone: byte-level
  std::vector<int> special_ids;  // token type control: added tokens that decoding leaves out
  std::vector<int> added_ids;    // token type user-defined: added tokens that are text, such as "<think>"
  std::string pre;               // of byte-level ones tokenizer.ggml.pre: "smollm", "qwen2", "llama-bpe", …
  std::string unknown_token;     // of SentencePiece's
  std::string bos_token, eos_token;
  std::optional<bool> add_bos;  // tokenizer.ggml.add_bos_token; none = as the pre-tokeniser's family does
  std::string chat_template;
};
std::shared_ptr<const Tokenizer> make_bpe_tokenizer(const BpeParts& parts);

// WordLevel over whitespace-separated words; ids follow the order of `words`. For synthetic problem families.
std::shared_ptr<const Tokenizer> make_word_tokenizer(const std::vector<std::string>& words,
                                                     const std::string& eos_token);

}  // namespace pope
