// zstd's C interface. Decompression streams, because frames need not say how long their content is.
#include "core/compress.h"

#include <zstd.h>

#include <memory>

#include "core/error.h"

namespace pope {

std::string zstd_compress(std::string_view text) {
  std::string data(ZSTD_compressBound(text.size()), '\0');
  const std::size_t size =
      ZSTD_compress(data.data(), data.size(), text.data(), text.size(), ZSTD_CLEVEL_DEFAULT);
  if (ZSTD_isError(size)) throw Error("zstd", ZSTD_getErrorName(size));
  data.resize(size);
  return data;
}

std::string zstd_decompress(std::string_view data, const std::string& where) {
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
    chunk_was_full = out.pos == out.size && expected != 0;
  }
  if (expected != 0) throw Error("zstd", where + ": the compressed file is cut off", "write it again");
  return text;
}

}  // namespace pope
