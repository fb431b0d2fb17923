// The merges of a SentencePiece vocabulary, which GGUF files and tokenizer.model give as scores.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "text/token_model.h"

namespace pope {

// "merges" of a tokenizer.json, in rank order: every way in which two tokens make a third, the ones of the
// highest score first. `scores` has one for each of `tokens`. Special tokens are neither made nor parts.
// transformers orders those of one score alike.
SortedJson merges_of_scores(const std::vector<std::string>& tokens, const std::vector<double>& scores,
                            const std::unordered_set<int>& special_ids);

}  // namespace pope
