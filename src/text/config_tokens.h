// The added tokens that tokenizer_config.json speaks of: those that tokenizer.json lacks, or describes
// otherwise.
#pragma once

#include "core/files.h"
#include "text/token_model.h"

namespace pope {

// `added`: "added_tokens" of tokenizer.json, a list or null. → the same list after what transformers does
// with the config when it loads a tokenizer: every token of added_tokens_decoder is added or described anew;
// tokens that are named (bos_token, …) and those of extra_special_tokens or additional_special_tokens are
// added where they are no added tokens yet. A token keeps the id that it has, else it gets the next free one;
// the ids that added_tokens_decoder states do not count.
SortedJson with_config_tokens(const SortedJson& added, const Json& config, const Vocabulary& vocabulary);

}  // namespace pope
