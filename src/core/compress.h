// zstd compression of whole texts.
#pragma once

#include <string>
#include <string_view>

namespace pope {

std::string zstd_compress(std::string_view text);
// Decompresses any number of frames, one after another. `where` names the source in errors: data that is cut
// off or not zstd.
std::string zstd_decompress(std::string_view data, const std::string& where);

}  // namespace pope
