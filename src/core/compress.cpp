// zstd's and zlib's own C interfaces, streaming on the way in: frames need not say how long their content is.
#include "core/compress.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

#include "core/error.h"

namespace pope {
namespace {

constexpr std::string_view kGzipMagic = "\x1f\x8b", kZstdMagic = "\x28\xb5\x2f\xfd";
constexpr std::size_t kUncheckedBytes = 64u << 20, kMostGrowth = 200;

enum class Growth { any, of_text };

void check_growth(std::size_t in, std::size_t out, const std::string& where) {
  if (out > kUncheckedBytes && out / kMostGrowth > in) {
    throw Error(
        "decompress",
        where + ": expected text, got data that grows more than " + std::to_string(kMostGrowth) + "-fold",
        "if it is what you want, unpack it to a file first");
  }
}

[[noreturn]] void fail_cut_off(const std::string& where) {
  throw Error("decompress", where + ": the compressed file is cut off",
              "make it again, or download it again");
}

std::string zstd_text(std::string_view data, const std::string& where, Growth growth) {
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(), &ZSTD_freeDCtx);
  std::string text, chunk(ZSTD_DStreamOutSize(), '\0');
  ZSTD_inBuffer in{data.data(), data.size(), 0};
  std::size_t expected = 0;  // 0: a frame is complete
  bool chunk_was_full = false;
  while (in.pos < in.size || chunk_was_full) {
    ZSTD_outBuffer out{chunk.data(), chunk.size(), 0};
    expected = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_isError(expected)) {
      throw Error("zstd", where + ": expected zstd data, got: " + ZSTD_getErrorName(expected));
    }
    text.append(chunk, 0, out.pos);
    if (growth == Growth::of_text) check_growth(in.pos, text.size(), where);
    chunk_was_full = out.pos == out.size && expected != 0;
  }
  if (expected != 0) fail_cut_off(where);
  return text;
}

std::string gzip_text(std::string_view data, const std::string& where) {
  constexpr int kGzip = 16 + MAX_WBITS;  // zlib's way to say that a gzip header is expected
  z_stream stream{};
  if (inflateInit2(&stream, kGzip) != Z_OK) throw Error("decompress", where + ": zlib did not start");
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> end(&stream, &inflateEnd);
  std::string text, chunk(1 << 18, '\0');
  std::size_t read = 0;
  int code = Z_STREAM_END;
  while (read < data.size()) {
    if (code == Z_STREAM_END) {
      // Another member may follow; zeros fill up a block of some devices.
      if (read > 0 && !data.substr(read).starts_with(kGzipMagic)) break;
      inflateReset(&stream);
    }
    const std::size_t piece = std::min<std::size_t>(data.size() - read, 1 << 20);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data() + read));
    stream.avail_in = static_cast<uInt>(piece);
    do {
      stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
      stream.avail_out = static_cast<uInt>(chunk.size());
      code = inflate(&stream, Z_NO_FLUSH);
      if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
        throw Error("decompress",
                    where + ": the gzip data is damaged" +
                        (stream.msg != nullptr ? std::string(": ") + stream.msg : std::string()),
                    "make it again, or download it again");
      }
      text.append(chunk, 0, chunk.size() - stream.avail_out);
      check_growth(read + piece - stream.avail_in, text.size(), where);
    } while (code == Z_OK && (stream.avail_in > 0 || stream.avail_out == 0));
    read += piece - stream.avail_in;
  }
  if (code != Z_STREAM_END) fail_cut_off(where);
  return text;
}

}  // namespace

std::string zstd_compress(std::string_view text) {
  std::string data(ZSTD_compressBound(text.size()), '\0');
  const std::size_t size =
      ZSTD_compress(data.data(), data.size(), text.data(), text.size(), ZSTD_CLEVEL_DEFAULT);
  if (ZSTD_isError(size)) throw Error("zstd", ZSTD_getErrorName(size));
  data.resize(size);
  return data;
}

std::string zstd_decompress(std::string_view data, const std::string& where) {
  return zstd_text(data, where, Growth::any);
}

bool is_compressed(std::string_view data) {
  return data.starts_with(kGzipMagic) || data.starts_with(kZstdMagic);
}

std::string decompress(std::string_view data, const std::string& where) {
  return data.starts_with(kGzipMagic) ? gzip_text(data, where) : zstd_text(data, where, Growth::of_text);
}

}  // namespace pope
