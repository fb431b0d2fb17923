// Benchmark of tokenizers. Verifies first (decoding gives each text back, and the scanners cut it as the
// regular expressions do), then encodes all statements and solutions of a problem file on one thread.
//   bench_tokenizer FOLDER PROBLEMS.jsonl [--repeats 5] [--json]
// FOLDER holds tokenizer.json. MB are 10^6 bytes of UTF-8.
#include "text/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "core/version.h"
#include "text/pre_tokenizer.h"

namespace pope {
namespace {

struct Arguments {
  std::string folder, problems;
  int repeats = 5;
  bool json = false;
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  std::vector<std::string> names;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--json") {
      arguments.json = true;
    } else if (word == "--repeats" && i + 1 < argc) {
      arguments.repeats = std::stoi(argv[++i]);
    } else {
      names.push_back(word);
    }
  }
  if (names.size() != 2 || arguments.repeats < 1) {
    throw Error("bench", "expected FOLDER PROBLEMS.jsonl [--repeats N] [--json]");
  }
  arguments.folder = names[0];
  arguments.problems = names[1];
  return arguments;
}

std::vector<std::string> read_texts(const std::string& path) {
  std::vector<std::string> texts;
  read_jsonl(path, [&](Json&& row, std::size_t) {
    for (const char* key : {"problem", "solution"}) {
      if (row.contains(key) && row[key].is_string()) texts.push_back(row[key].get<std::string>());
    }
  });
  return texts;
}

void verify(const Tokenizer& tokenizer, const std::string& folder, const std::vector<std::string>& texts) {
  const auto description = SortedJson::parse(read_file(std::filesystem::path(folder) / "tokenizer.json"));
  const SortedJson& split = description.at("pre_tokenizer");
  const PreTokenizer fast(split), reference(split, SplitEngine::kRegex);
  std::string storage, other;
  for (const std::string& text : texts) {
    if (tokenizer.decode(tokenizer.encode(text)) != text) {
      throw Error("bench", "expected decoding to give the text back, got another for: " + text);
    }
    if (fast.split(text, storage) != reference.split(text, other)) {
      throw Error("bench", "expected the pieces of the regular expression, got others for: " + text);
    }
  }
}

Json measure(const Arguments& arguments) {
  const auto tokenizer = load_tokenizer(arguments.folder);
  const auto texts = read_texts(arguments.problems);
  verify(*tokenizer, arguments.folder, texts);
  std::size_t bytes = 0, tokens = 0;
  for (const std::string& text : texts) bytes += text.size();
  std::vector<double> rates;
  for (int i = 0; i < arguments.repeats + 1; ++i) {
    tokens = 0;
    const auto begin = std::chrono::steady_clock::now();
    for (const std::string& text : texts) tokens += tokenizer->encode(text).size();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    if (i > 0) rates.push_back(static_cast<double>(bytes) / time.count() / 1e6);  // the first warms up
  }
  std::sort(rates.begin(), rates.end());
  return {{"benchmark", "tokenizer"},
          {"version", kVersion},
          {"tokenizer", std::filesystem::path(arguments.folder).filename().string()},
          {"problems", std::filesystem::path(arguments.problems).filename().string()},
          {"texts", texts.size()},
          {"bytes", bytes},
          {"tokens", tokens},
          {"mb_per_s", {{"median", rates[rates.size() / 2]}, {"min", rates.front()}, {"max", rates.back()}}}};
}

void print(const Json& r) {
  const Json& rate = r["mb_per_s"];
  fmt::print("tokenizer {}: {} texts of {}, {} bytes, {} tokens; verified\n",
             r["tokenizer"].get<std::string>(), r["texts"].get<std::size_t>(),
             r["problems"].get<std::string>(), r["bytes"].get<std::size_t>(), r["tokens"].get<std::size_t>());
  fmt::print("  {:.1f} MB/s (min {:.1f}, max {:.1f}), one thread\n", rate["median"].get<double>(),
             rate["min"].get<double>(), rate["max"].get<double>());
}

}  // namespace
}  // namespace pope

int main(int argc, char** argv) {
  try {
    const auto arguments = pope::parse(argc, argv);
    const auto result = pope::measure(arguments);
    if (arguments.json) {
      fmt::print("{}\n", pope::dump(result));
    } else {
      pope::print(result);
    }
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
