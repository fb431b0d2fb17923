// The table of formats, and of those that are only named.
#include "data/format.h"

#include <array>

#include "core/chars.h"
#include "core/compress.h"
#include "core/error.h"
#include "core/git_lfs.h"
#include "data/format_json.h"
#include "data/format_parquet.h"

namespace pope {
namespace {

// The first that recognises the content reads it; JSON Lines, the last, takes all.
constexpr std::array<const Format*, 3> kFormats = {&parquet_format, &json_array_format, &json_lines_format};

// What people give by mistake, by its first bytes.
struct Refused {
  std::string_view start, name, hint;
};
constexpr std::string_view kUnpack = "unpack it first";
constexpr std::string_view kUtf8 = "convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW";
constexpr std::string_view kRaw = "download the raw file behind the page";
constexpr std::array<Refused, 12> kRefused = {{
    {kGitLfsStart, "a git-lfs pointer", kGitLfsHint},
    {"\xff\xfe", "UTF-16 text", kUtf8},
    {"\xfe\xff", "UTF-16 text", kUtf8},
    {"PK\x03\x04", "a zip archive", kUnpack},
    {"BZh", "bzip2 data", kUnpack},
    {"\xfd"
     "7zXZ",
     "xz data", kUnpack},
    {"<!DOCTYPE", "a web page", kRaw},
    {"<!doctype", "a web page", kRaw},
    {"<html", "a web page", kRaw},
    {"PARE", "an encrypted Parquet file", "decrypt it first"},
    {"ARROW1", "an Arrow file", "write it as Parquet or JSON Lines, e.g. with datasets' to_parquet()"},
    {std::string_view("\xff\xff\xff\xff", 4), "an Arrow stream",
     "write it as Parquet or JSON Lines, e.g. with datasets' to_parquet()"},
}};

void refuse_known(std::string_view content, const std::string& file) {
  constexpr auto kOperation = "read problems",
                 kExpected = ": expected JSON Lines, a JSON array or Parquet, got ";
  for (const Refused& refused : kRefused) {
    if (content.starts_with(refused.start))
      throw Error(kOperation, file + kExpected + std::string(refused.name), std::string(refused.hint));
  }
  const std::string_view head = trim(content.substr(0, content.find('\n')));
  if (head == "{") {
    throw Error(kOperation, file + kExpected + "an object over several lines",
                "write one row a line: jq -c . FILE > NEW, or jq -c '.data[]' FILE > NEW where the rows "
                "stand in a list");
  }
  if (head.find_first_of("{[\"") == std::string_view::npos && head.find(',') != std::string_view::npos) {
    throw Error(kOperation, file + kExpected + "what looks like CSV",
                "write it as JSON Lines, e.g. with pandas: read_csv(FILE).to_json(NEW, orient='records', "
                "lines=True)");
  }
}

}  // namespace

Content open_rows(const std::filesystem::path& path) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  Content content{path.string(), read_file(path), nullptr};
  if (is_compressed(content.text)) content.text = decompress(content.text, content.file);
  if (content.text.starts_with(kByteOrderMark)) content.text.erase(0, kByteOrderMark.size());
  for (const Format* format : kFormats) {
    content.format = format;
    if (format->recognises(content.text)) break;
  }
  if (content.format == kFormats.back()) refuse_known(content.text, content.file);
  return content;
}

}  // namespace pope
