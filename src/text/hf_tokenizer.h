// A tokenizer described by the JSON of Hugging Face tokenizers: added tokens → normaliser → pre-tokeniser →
// model. What is not supported is refused when loading, by name.
#pragma once

#include <memory>
#include <string>

#include "text/token_model.h"
#include "text/tokenizer.h"

namespace pope {

// The files of a tokenizer, as they are loaded and saved.
struct TokenizerFiles {
  std::string tokenizer_json;
  std::string config_json;   // tokenizer_config.json
  std::string chat_jinja;    // chat_template.jinja, "" = there is none
  std::string model_type{};  // of config.json; "" = unknown. Not saved.
};

// `where` names the origin in errors.
std::shared_ptr<const Tokenizer> make_hf_tokenizer(TokenizerFiles files, const std::string& where);

}  // namespace pope
