// Loads the library when a Parquet file is met.
#include "data/format_parquet.h"

#include <dlfcn.h>

#include "core/error.h"

namespace pope {
namespace {

bool is_parquet(std::string_view content) { return content.starts_with("PAR1"); }

void read_parquet(std::string_view content, const std::string& file, const RowSink& sink) {
  parquet_reader()(content, file, sink);
}

}  // namespace

decltype(Format::read) parquet_reader(const char* library) {
  void* const handle = ::dlopen(library, RTLD_NOW | RTLD_LOCAL);
  void* const read = handle ? ::dlsym(handle, kReadParquetSymbol) : nullptr;
  if (read == nullptr) {
    const char* const reason = ::dlerror();
    throw Error(
        "read Parquet", std::string("Arrow's libraries are not there: ") + (reason ? reason : ""),
        "get them with scripts/setup.sh, or beside your libtorch with python3 -m pip install --no-deps "
        "--target FOLDER_OF_TORCH pyarrow==26.0.1, and build again; or convert the file, e.g. with "
        "pandas: read_parquet(FILE).to_json(NEW, orient='records', lines=True)");
  }
  return reinterpret_cast<decltype(Format::read)>(read);
}

const Format parquet_format = {"Parquet", ": row ", is_parquet, read_parquet};

}  // namespace pope
