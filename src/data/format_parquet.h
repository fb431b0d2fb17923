// Parquet, by Arrow's libraries, which are large and seldom needed: they are in a library of their own.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/format.h"

namespace pope {

extern const Format parquet_format;

// libpope_parquet.so, which is built where Arrow's libraries are (src/parquet), exports a Format::read and a
// WriteParquet under these names. It is loaded when a Parquet file is met.
constexpr const char* kParquetLibrary = "libpope_parquet.so";
constexpr const char* kReadParquetSymbol = "pope_read_parquet";
constexpr const char* kWriteParquetSymbol = "pope_write_parquet";
// Error: no such library, with how to get it.
decltype(Format::read) parquet_reader(const char* library = kParquetLibrary);

// Rows as the content of a Parquet file. Error: values of a column that have no type in common.
using WriteParquet = void (*)(const std::vector<Json>& rows, std::string& content);
// Writes rows, JSON objects, atomically: texts, numbers, lists and objects become columns of those types;
// what is missing in a row is null. Error: as WriteParquet; no such library, with how to get it.
void write_parquet(const std::filesystem::path& path, const std::vector<Json>& rows);

}  // namespace pope
