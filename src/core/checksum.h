// A checksum of a file's content: it detects damage, not forgery.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace pope {

// CRC-32 of the whole content, that of zlib, as 8 hexadecimal digits. Several GB a second; reads piece by
// piece. Error when the file cannot be read.
std::string checksum_of(const std::filesystem::path& file);
// The same of bytes in memory.
std::string checksum_of(std::span<const std::byte> bytes);

}  // namespace pope
