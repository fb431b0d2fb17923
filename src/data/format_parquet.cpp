// Loads the library when a Parquet file is met.
#include "data/format_parquet.h"

#include <dlfcn.h>

#include "core/error.h"
#include "core/files.h"

namespace pope {
namespace {

bool is_parquet(std::string_view content) { return content.starts_with("PAR1"); }

void read_parquet(std::string_view content, const std::string& file, const RowSink& sink) {
  parquet_reader()(content, file, sink);
}

// A symbol of the library. Error: there is none.
void* parquet_symbol(const char* library, const char* operation, const char* symbol,
                     const std::string& hint) {
  void* const handle = ::dlopen(library, RTLD_NOW | RTLD_LOCAL);
  void* const found = handle ? ::dlsym(handle, symbol) : nullptr;
  if (found != nullptr) return found;
  const char* const reason = ::dlerror();
  throw Error(operation, std::string("Arrow's libraries are not there: ") + (reason ? reason : ""),
              "get them with scripts/setup.sh, or beside your libtorch with python3 -m pip install --no-deps "
              "--target FOLDER_OF_TORCH pyarrow==26.0.1, and build again; or " +
                  hint);
}

}  // namespace

decltype(Format::read) parquet_reader(const char* library) {
  return reinterpret_cast<decltype(Format::read)>(parquet_symbol(
      library, "read Parquet", kReadParquetSymbol,
      "convert the file, e.g. with pandas: read_parquet(FILE).to_json(NEW, orient='records', lines=True)"));
}

void write_parquet(const std::filesystem::path& path, const std::vector<Json>& rows) {
  const auto write = reinterpret_cast<WriteParquet>(
      parquet_symbol(kParquetLibrary, "write Parquet", kWriteParquetSymbol, "write JSON Lines"));
  std::string content;
  write(rows, content);
  write_file(path, content);
}

const Format parquet_format = {"Parquet", ": row ", is_parquet, read_parquet};

}  // namespace pope
