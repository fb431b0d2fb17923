// safetensors: bit-exact round trips, the bytes of a known file, and hostile files.
#include "model/safetensors.h"

#include <gmock/gmock.h>

#include <cstring>

#include "core/files.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

using testing::HasSubstr;

// A file of `header` and `data` bytes; the header's length is as given or, by default, as it is.
std::string file_bytes(const std::string& header, std::size_t data,
                       std::uint64_t length = ~std::uint64_t(0)) {
  if (length == ~std::uint64_t(0)) length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + std::string(data, '\1');
}

std::string read_error(const TempDir& folder, const std::string& bytes) {
  const auto path = folder / "hostile.safetensors";
  write_file(path, bytes);
  const std::string message = error_of([&] { read_safetensors(path); });
  EXPECT_THAT(message, HasSubstr("hostile.safetensors"));
  return message;
}

TEST(Safetensors, RoundTripIsBitExact) {
  const TempDir folder;
  at::Tensor floats = at::randn({3, 5});
  floats.data_ptr<float>()[4] = std::numeric_limits<float>::quiet_NaN();
  floats.data_ptr<float>()[5] = -0.0F;
  const NamedTensors tensors = {{"half", at::randn({7}).to(at::kHalf)},
                                {"floats", floats},
                                {"brain", at::randn({2, 1, 3}).to(at::kBFloat16)},
                                {"ids", at::arange(4, at::kLong) - (std::int64_t(1) << 40)},
                                {"scalar \"quoted\" ü", at::scalar_tensor(2.5F)},
                                {"empty", at::empty({0, 4})}};
  write_safetensors(folder / "a", tensors);
  const NamedTensors again = read_safetensors(folder / "a", std::nullopt);
  ASSERT_EQ(again.size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    const auto found =
        std::find_if(again.begin(), again.end(), [&, n = name](const auto& item) { return item.first == n; });
    ASSERT_NE(found, again.end()) << name;
    EXPECT_EQ(found->second.scalar_type(), tensor.scalar_type()) << name;
    EXPECT_EQ(found->second.sizes(), tensor.sizes()) << name;
    EXPECT_EQ(std::memcmp(found->second.data_ptr(), tensor.data_ptr(), tensor.nbytes()), 0) << name;
  }
  write_safetensors(folder / "b", again);
  write_safetensors(folder / "c", read_safetensors(folder / "b", std::nullopt));
  EXPECT_EQ(read_file(folder / "b"), read_file(folder / "c"));
}

TEST(Safetensors, ConvertsToFloatOnRequest) {
  const TempDir folder;
  write_safetensors(folder / "a", {{"h", at::full({2}, 0.5, at::kHalf)}, {"i", at::full({2}, 3, at::kLong)}});
  for (const auto& [name, tensor] : read_safetensors(folder / "a")) {
    EXPECT_EQ(tensor.scalar_type(), name == "h" ? at::kFloat : at::kLong);
    EXPECT_EQ(tensor[1].item<double>(), name == "h" ? 0.5 : 3);
  }
}

// The format by hand: length, header padded to 8 bytes, widest numbers first.
TEST(Safetensors, WritesTheDocumentedBytes) {
  const TempDir folder;
  write_safetensors(folder / "a",
                    {{"b", at::full({2}, 1, at::kBFloat16)}, {"f", at::full({1}, 1, at::kFloat)}});
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"f":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
      R"("b":{"dtype":"BF16","shape":[2],"data_offsets":[4,8]}})";
  const std::string padded = header + std::string((8 - header.size() % 8) % 8, ' ');
  EXPECT_EQ(read_file(folder / "a"),
            file_bytes(padded, 0) + std::string("\x00\x00\x80\x3f\x80\x3f\x80\x3f", 8));
}

TEST(Safetensors, RefusesHostileFiles) {
  const TempDir folder;
  const auto one = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return "{\"t\": {\"dtype\": \"" + dtype + "\", \"shape\": " + shape + ", \"data_offsets\": " + offsets +
           "}}";
  };
  const std::string good = one("F32", "[2, 3]", "[0, 24]");
  write_file(folder / "good", file_bytes(good, 24));
  EXPECT_EQ(read_safetensors(folder / "good").size(), 1U);
  write_file(folder / "nothing", file_bytes(one("F32", "[2305843009213693952, 0]", "[0, 0]"), 0));
  EXPECT_EQ(read_safetensors(folder / "nothing")[0].second.numel(), 0);

  EXPECT_THAT(read_error(folder, ""), HasSubstr("too short"));
  EXPECT_THAT(read_error(folder, "1234567"), HasSubstr("too short"));
  EXPECT_THAT(read_error(folder, file_bytes(good, 24, 1 << 20)), HasSubstr("header within the file"));
  EXPECT_THAT(read_error(folder, file_bytes(good, 24, ~std::uint64_t(0) - 3)),
              HasSubstr("header within the file"));
  EXPECT_THAT(read_error(folder, file_bytes(good, 23)), HasSubstr("the file holds 23"));
  EXPECT_THAT(read_error(folder, file_bytes(good, 25)), HasSubstr("the file holds 25"));
  EXPECT_THAT(read_error(folder, file_bytes("{", 0)), HasSubstr("JSON object"));
  EXPECT_THAT(read_error(folder, file_bytes("[1]", 0)), HasSubstr("JSON object"));
  EXPECT_THAT(read_error(folder, file_bytes("{\"\xff\": 1}", 0)), HasSubstr("JSON object"));
  EXPECT_THAT(read_error(folder, file_bytes(std::string(3'000'000, '['), 0)), HasSubstr("JSON object"));
  EXPECT_THAT(read_error(folder, file_bytes("{\"t\": 3}", 0)), HasSubstr("\"t\": expected {\"dtype\""));
  EXPECT_THAT(read_error(folder, file_bytes(one("F32", "6", "[0, 24]"), 24)), HasSubstr("\"t\""));
  EXPECT_THAT(read_error(folder, file_bytes(one("F32", "[6]", "[0]"), 24)), HasSubstr("\"t\""));
  EXPECT_THAT(read_error(folder, file_bytes(one("F32", "[6]", "[-24, 0]"), 24)), HasSubstr("\"t\""));
  EXPECT_THAT(read_error(folder, file_bytes(one("F32", "[-6]", "[0, 24]"), 24)), HasSubstr("list of sizes"));
  EXPECT_THAT(read_error(folder, file_bytes(one("F32", "[2.0, 3]", "[0, 24]"), 24)),
              HasSubstr("list of sizes"));
  EXPECT_THAT(read_error(folder, file_bytes(one("F32", "[2, 4]", "[0, 24]"), 24)),
              HasSubstr("do not fit shape [2,4]"));
  EXPECT_THAT(read_error(folder, file_bytes(one("F32", "[6]", "[24, 0]"), 24)), HasSubstr("do not fit"));
  EXPECT_THAT(read_error(folder, file_bytes(one("F8_E4M3", "[24]", "[0, 24]"), 24)),
              HasSubstr("dtype F8_E4M3"));
  // Products that wrap around to the right size, with and without a 0 to hide behind.
  EXPECT_THAT(read_error(folder, file_bytes(one("F32", "[4611686018427387904, 4]", "[0, 0]"), 0)),
              HasSubstr("too large"));
  EXPECT_THAT(read_error(folder, file_bytes(one("F32", "[0, 4611686018427387904, 8]", "[0, 0]"), 0)),
              HasSubstr("too large"));
  // In range by the sizes, but beyond the file; and gap and overlap.
  EXPECT_THAT(read_error(folder, file_bytes(one("F32", "[1099511627776]", "[0, 4398046511104]"), 24)),
              HasSubstr("the file holds 24"));
  EXPECT_THAT(read_error(folder, file_bytes(one("F32", "[6]", "[8, 32]"), 32)), HasSubstr("gap or overlap"));
  const std::string two =
      R"({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}, "b": {"dtype": "F32", "shape": [4], "data_offsets": [12, 28]}})";
  EXPECT_THAT(read_error(folder, file_bytes(two, 28)), HasSubstr("\"b\" begins at byte 12 where 16"));

  EXPECT_THAT(error_of([&] { read_safetensors(folder / "nowhere"); }), HasSubstr("nowhere"));
  EXPECT_THAT(error_of([&] { read_safetensors(folder.path()); }), HasSubstr("expected a file"));
}

TEST(Safetensors, RefusesToWriteWhatItCannot) {
  const TempDir folder;
  const auto message = [&](const NamedTensors& tensors) {
    return error_of([&] { write_safetensors(folder / "a", tensors); });
  };
  EXPECT_THAT(message({{"t", at::zeros({2, 3}).t()}}), HasSubstr("\"t\": expected contiguous"));
  EXPECT_THAT(message({{"t", at::zeros({2}, at::kDouble)}}), HasSubstr("\"t\": expected contiguous f32"));
  EXPECT_THAT(message({{"t", at::zeros({2})}, {"t", at::zeros({2})}}),
              HasSubstr("two tensors are named \"t\""));
  EXPECT_THAT(message({{"__metadata__", at::zeros({2})}}), HasSubstr("__metadata__"));
  EXPECT_THAT(error_of([&] {
                write_safetensors("/dev/full", {{"t", at::zeros({2})}});
              }),
              HasSubstr("No space left"));
}

}  // namespace
}  // namespace pope
