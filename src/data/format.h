// The formats that problem files come in. A format turns a file's content into rows, JSON values; what their
// columns mean is said in columns.h. A new format: one file that defines a Format, and its line in
// format.cpp.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "core/files.h"

namespace pope {

// Who takes the rows, numbered from 1 in the order they stand in the file.
struct RowSink {
  std::function<void(Json&& row, std::size_t number)> row;
  std::function<void(std::size_t number, const std::string& problem)> unreadable;
};

struct Format {
  std::string name;
  std::string unit;  // how a row's place is said: ":" gives "FILE:7", ": row " gives "FILE: row 7"
  bool (*recognises)(std::string_view content);
  // Error where the file as a whole cannot be read; a row that cannot goes to sink.unreadable.
  void (*read)(std::string_view content, const std::string& file, const RowSink& sink);
};

// A file's content, unpacked where it is compressed (gzip or zstd, by its first bytes), and its format.
struct Content {
  std::string file, text;
  const Format* format;

  void read(const RowSink& sink) const { format->read(text, file, sink); }
  std::string place(std::size_t row) const { return file + format->unit + std::to_string(row); }
};

// Error: no such file, damaged compression, a format that is known but not read (with how to convert it).
Content open_rows(const std::filesystem::path& path);

}  // namespace pope
