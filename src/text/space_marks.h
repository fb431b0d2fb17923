// How tokenizers of SentencePiece's kind spell spaces: as "▁" (U+2581), written by a normalizer (Gemma, Llama
// 2) or by a Metaspace pre_tokenizer (Mistral). Most write one in front of a text too, and take a space away
// when decoding.
#pragma once

#include <string>
#include <string_view>

#include "text/token_model.h"

namespace pope {

// What stands in front of a part of a text: nothing, an added token, or text that it goes on.
enum class Behind { kNothing, kToken, kText };

struct SpaceMarks {
  enum class By { kNothing, kNormalizer, kMetaspace };
  // Where one stands in front. A normalizer writes it before every part of a text (kParts); Metaspace does
  // where the part does not begin with one, or before the first part alone (kStart).
  enum class Front { kNowhere, kParts, kStart };
  By by = By::kNothing;
  Front front = Front::kNowhere;
  bool split = false;  // Metaspace: a new piece begins at every mark

  bool any() const { return by != By::kNothing; }
  // What the normalizer and the pre_tokenizer make of a part of a text that stands `behind` this.
  std::string normalized(std::string_view part, Behind behind) const;
  std::string pre_tokenized(std::string_view part, Behind behind) const;
};

// The description as transformers takes it: its class LlamaTokenizer marks spaces by a Metaspace of its own,
// whatever marks tokenizer.json asks for, save in families for which it goes by tokenizer.json alone.
SortedJson with_class_marks(SortedJson description, const SortedJson& config, const std::string& model_type);
// Reads a tokenizer.json. Error: marks of another kind.
SpaceMarks read_space_marks(const SortedJson& description);
// The pre_tokenizer that is left to do beside the marks, or null. Error: one that marks do not go with.
SortedJson pre_tokenizer_beside(const SpaceMarks& marks, const SortedJson& description);
// Whether decoding, once spaces stand for marks, takes one space away in front of a text. Error: a decoder
// that does something else.
bool strips_first_space(const SortedJson& description);

}  // namespace pope
