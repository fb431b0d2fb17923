// Parquet, by Arrow's libraries, which are large and seldom needed: they are in a library of their own.
#pragma once

#include "data/format.h"

namespace pope {

extern const Format parquet_format;

// libpope_parquet.so, which is built where Arrow's libraries are (src/parquet), exports a Format::read under
// this name. It is loaded when a Parquet file is met.
constexpr const char* kParquetLibrary = "libpope_parquet.so";
constexpr const char* kReadParquetSymbol = "pope_read_parquet";
// Error: no such library, with how to get it.
decltype(Format::read) parquet_reader(const char* library = kParquetLibrary);

}  // namespace pope
