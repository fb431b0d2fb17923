// WordLevel: one id per word; words are what stands between white space.
#pragma once

#include <memory>

#include "text/token_model.h"

namespace pope {

std::unique_ptr<TokenModel> load_word_level(const TokenModelSource& source);

}  // namespace pope
