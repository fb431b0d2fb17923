// See checksum.h.
#include "core/checksum.h"

#include <fmt/format.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <vector>

#include "core/error.h"
#include "core/system_hint.h"

namespace pope {

std::string checksum_of(const std::filesystem::path& file) {
  const auto fail = [&](int code) {
    throw Error("read file", file.string() + ": " + std::strerror(code), system_hint(code));
  };
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (!in) fail(errno != 0 ? errno : EIO);
  std::vector<char> piece(1 << 20);
  uLong sum = ::crc32(0, nullptr, 0);
  while (in) {
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    sum = ::crc32(sum, reinterpret_cast<const Bytef*>(piece.data()), static_cast<uInt>(in.gcount()));
  }
  if (in.bad()) fail(errno != 0 ? errno : EIO);
  return fmt::format("{:08x}", sum);
}

std::string checksum_of(std::span<const std::byte> bytes) {
  return fmt::format("{:08x}", ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace pope
