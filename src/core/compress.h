// zstd compression of whole texts.
#pragma once

#include <string>
#include <string_view>

namespace pope {

std::string zstd_compress(std::string_view text);
// Any number of frames, one after another. `where` names the source in errors (cut off, or no zstd data).
std::string zstd_decompress(std::string_view data, const std::string& where);

}  // namespace pope
