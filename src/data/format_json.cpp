// Lines are split at LF only.
#include "data/format_json.h"

#include <algorithm>

#include "core/error.h"
#include "core/json_text.h"

namespace pope {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

void read_lines(std::string_view content, const std::string&, const RowSink& sink) {
  std::size_t number = 0;
  // Only LF ends a line: U+2028 and its like are characters of strings.
  for (std::size_t begin = 0; begin < content.size();) {
    const std::size_t end = std::min(content.find('\n', begin), content.size());
    const std::string_view line = content.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.find_first_not_of(kSpace) == std::string_view::npos) continue;
    ParsedJson parsed = parse_foreign_json(line);
    if (parsed.problem.empty()) {
      sink.row(std::move(parsed.value), number);
    } else {
      sink.unreadable(number, "expected one JSON value per line: " + parsed.problem);
    }
  }
}

// Lines that are arrays each are JSON Lines too.
bool is_array(std::string_view content) {
  const std::size_t first = content.find_first_not_of(kSpace);
  if (first == std::string_view::npos || content[first] != '[') return false;
  content.remove_prefix(first);
  const std::size_t end = std::min(content.find('\n'), content.size());
  const bool more = content.find_first_not_of(kSpace, end) != std::string_view::npos;
  return !more || !parse_foreign_json(content.substr(0, end)).problem.empty();
}

void read_array(std::string_view content, const std::string& file, const RowSink& sink) {
  ParsedJson parsed = parse_foreign_json(content);
  if (!parsed.problem.empty())
    throw Error("read problems", file + ": expected a JSON array: " + parsed.problem);
  std::size_t number = 0;
  for (Json& row : parsed.value) sink.row(std::move(row), ++number);
}

}  // namespace

const Format json_lines_format = {"JSON Lines", ":", [](std::string_view) { return true; }, read_lines};
const Format json_array_format = {"JSON array", ": row ", is_array, read_array};

}  // namespace pope
