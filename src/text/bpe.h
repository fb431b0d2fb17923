// Byte-pair encoding: byte-level, or with byte_fallback (Gemma).
#pragma once

#include <memory>

#include "text/token_model.h"

namespace pope {

std::unique_ptr<TokenModel> load_bpe(const TokenModelSource& source);

}  // namespace pope
