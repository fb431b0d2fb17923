// Compression of whole texts: zstd, and gzip on the way in.
#pragma once

#include <string>
#include <string_view>

namespace pope {

std::string zstd_compress(std::string_view text);
// Decompresses any number of frames, one after another. `where` names the source in errors: data that is cut
// off or not zstd.
std::string zstd_decompress(std::string_view data, const std::string& where);

// Whether data begins as gzip or zstd does.
bool is_compressed(std::string_view data);
// For files of others: gzip or zstd, whichever the first bytes say, any number of members or frames. Error
// where the data is cut off or damaged, and as soon as more than 64 MiB came out of less than a 200th of
// that: text is not that dense, a file made to fill the memory is.
std::string decompress(std::string_view data, const std::string& where);

}  // namespace pope
