// Encodes what tests/parity_text.py asks for; skipped without it. POPE_TEXT_PARITY names a folder with
// request.json:
// {"tokenizers": [folders], "texts": [hexadecimal bytes]}; ids.json is written beside it.
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/files.h"
#include "text/tokenizer.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

TEST(TextParity, EncodesWhatIsAsked) {
  const char* folder = std::getenv("POPE_TEXT_PARITY");
  if (folder == nullptr) GTEST_SKIP() << "POPE_TEXT_PARITY is not set: run tests/parity_text.py";
  const Json request = read_json(fs::path(folder) / "request.json");
  Json all = Json::array();
  for (const Json& path : request["tokenizers"]) {
    const auto tokenizer = load_tokenizer(path.get<std::string>());
    Json rows = Json::array();
    for (const Json& hex : request["texts"]) {
      const std::string text = from_hex(hex);
      const std::vector<int> plain = tokenizer->encode(text), special = tokenizer->encode(text, true);
      rows.push_back({plain, special == plain ? Json() : Json(special)});
    }
    all.push_back(std::move(rows));
  }
  write_file(fs::path(folder) / "ids.json", all.dump());
}

}  // namespace
}  // namespace pope
