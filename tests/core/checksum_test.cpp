// Checksums of files: zlib's CRC-32, over more than one piece.
#include "core/checksum.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "core/files.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

TEST(Checksum, IsTheCrc32OfTheContent) {
  TempDir dir;
  write_file(dir / "check", "123456789");
  EXPECT_EQ(checksum_of(dir / "check"), "cbf43926");  // the check value of the CRC catalogues
  write_file(dir / "empty", "");
  EXPECT_EQ(checksum_of(dir / "empty"), "00000000");
  std::string large(3'000'001, 'x');
  write_file(dir / "large", large);
  const std::string before = checksum_of(dir / "large");
  EXPECT_EQ(before, fmt::format("{:08x}", ::crc32(0, reinterpret_cast<const Bytef*>(large.data()),
                                                  static_cast<uInt>(large.size()))));
  large[2'900'000] ^= 1;
  write_file(dir / "large", large);
  EXPECT_NE(checksum_of(dir / "large"), before);
}

TEST(Checksum, WhatCannotBeReadIsAnError) {
  TempDir dir;
  EXPECT_THAT(error_of([&] { checksum_of(dir / "none"); }), testing::HasSubstr("none"));
  EXPECT_THAT(error_of([&] { checksum_of(dir.path()); }), testing::HasSubstr("directory"));
}

}  // namespace
}  // namespace pope
