// A tokenizer with more ids than a model has rows in its embedding.
#pragma once

#include <memory>

#include "text/tokenizer.h"

namespace pope {

// The same tokenizer, with an Error where a text is encoded to an id of `rows` or above; find() knows no such
// id.
std::shared_ptr<const Tokenizer> limit_ids(std::shared_ptr<const Tokenizer> tokenizer, int rows);

}  // namespace pope
