// Secrets in text from outside: keys, tokens and passwords, by how they look. What models and tools print,
// and what is imported, passes through here before it is stored.
#pragma once

#include <string>
#include <string_view>

namespace pope {

// `text` with each secret replaced by "[redacted]". Names that say what they are stay: "password=[redacted]".
// Text that takes too long to search is left out as a whole.
std::string redacted(std::string_view text);

}  // namespace pope
