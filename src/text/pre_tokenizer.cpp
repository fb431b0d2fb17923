// See pre_tokenizer.h. The kinds are those of Hugging Face tokenizers.
#include "text/pre_tokenizer.h"

#include "core/chars.h"
#include "core/error.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace pope {
namespace {

std::string pcre2_message(int code) {
  PCRE2_UCHAR buffer[256];
  pcre2_get_error_message(code, buffer, sizeof buffer);
  return reinterpret_cast<const char*>(buffer);
}

// A pattern that matches `text` and nothing else.
std::string quoted(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80 && !std::isalnum(static_cast<unsigned char>(c))) result += '\\';
    result += c;
  }
  return result;
}

pcre2_match_data* thread_match_data() {
  struct Owner {
    pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
    ~Owner() { pcre2_match_data_free(data); }
  };
  thread_local Owner owner;
  return owner.data;
}

std::string type_of(const SortedJson& description) { return description.at("type").get<std::string>(); }

// The pattern and what is dropped, of a description of type Split.
std::pair<std::string, Split::Drop> split_from_json(const SortedJson& description) {
  const SortedJson& pattern = description.at("pattern");
  const std::string text = pattern.contains("Regex") ? pattern["Regex"].get<std::string>()
                                                     : quoted(pattern.at("String").get<std::string>());
  const auto behavior = description.at("behavior").get<std::string>();
  const bool invert = description.value("invert", false);
  if (behavior == "Isolated") return {text, Split::Drop::kNothing};
  if (behavior == "Removed") return {text, invert ? Split::Drop::kRest : Split::Drop::kMatches};
  throw Error("load tokenizer", "expected Split behavior Isolated or Removed, got '" + behavior + "'",
              "this kind of tokenizer is not supported");
}

}  // namespace

Split::Split(const std::string& pattern, Drop drop, SplitEngine engine) : drop_(drop) {
  if (engine == SplitEngine::kFastest && drop == Drop::kNothing) scanner_ = find_scanner(pattern);
  if (scanner_ != nullptr) return;
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                   PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &offset, nullptr);
  if (code == nullptr) {
    throw Error("load tokenizer",
                "expected a regular expression, got '" + pattern + "': " + pcre2_message(error) + " at " +
                    std::to_string(offset),
                "the pre_tokenizer of tokenizer.json uses syntax that PCRE2 lacks");
  }
  code_ = std::shared_ptr<const void>(
      code, [](const void* p) { pcre2_code_free(static_cast<pcre2_code*>(const_cast<void*>(p))); });
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // where it fails, pcre2_match interprets
}

void Split::apply(std::string_view text, std::vector<std::string_view>& pieces) const {
  if (scanner_ == nullptr) return apply_regex(text, pieces);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = scanner_(text, at);
    pieces.push_back(text.substr(at, end - at));
    at = end;
  }
}

void Split::apply_regex(std::string_view text, std::vector<std::string_view>& pieces) const {
  const auto emit = [&](std::size_t from, std::size_t to, bool match) {
    if (from == to || drop_ == (match ? Drop::kMatches : Drop::kRest)) return;
    pieces.push_back(text.substr(from, to - from));
  };
  pcre2_match_data* data = thread_match_data();
  const PCRE2_SIZE* found = pcre2_get_ovector_pointer(data);
  std::size_t done = 0, from = 0;
  while (from < text.size()) {
    // The check of the whole text at each match would make this quadratic; the caller has checked it once.
    const int rc =
        pcre2_match(static_cast<const pcre2_code*>(code_.get()), reinterpret_cast<PCRE2_SPTR>(text.data()),
                    text.size(), from, PCRE2_NO_UTF_CHECK, data, nullptr);
    if (rc == PCRE2_ERROR_NOMATCH) break;
    if (rc < 0) throw Error("tokenize", "expected a split of the text, got " + pcre2_message(rc));
    if (found[0] == found[1]) {  // an empty match splits nothing: look on from the next character
      from = found[1];
      if (from < text.size()) from = next_character_start(text, from + 1);
      continue;
    }
    emit(done, found[0], false);
    emit(found[0], found[1], true);
    done = from = found[1];
  }
  emit(done, text.size(), false);
}

PreTokenizer::PreTokenizer(const SortedJson& description, SplitEngine engine) : engine_(engine) {
  if (!description.is_null()) add(description);
}

void PreTokenizer::add_split(const std::string& pattern, Split::Drop drop) {
  splits_.emplace_back(pattern, drop, engine_);
}

void PreTokenizer::add(const SortedJson& description) {
  const std::string type = type_of(description);
  if (type == "Sequence") {
    for (const SortedJson& part : description.at("pretokenizers")) {
      if (type_of(part) == "Sequence")
        throw Error("load tokenizer", "expected no Sequence inside a Sequence");
      add(part);
    }
  } else if (type == "Split") {
    const auto [pattern, drop] = split_from_json(description);
    add_split(pattern, drop);
  } else if (type == "Digits") {
    add_split(description.value("individual_digits", false) ? kDigitPattern : R"(\p{N}+)",
              Split::Drop::kNothing);
  } else if (type == "WhitespaceSplit") {
    add_split(R"(\s+)", Split::Drop::kMatches);
  } else if (type == "ByteLevel") {
    byte_level_ = true;
    if (description.value("add_prefix_space", true)) {
      if (!splits_.empty()) throw Error("load tokenizer", "expected add_prefix_space only before any split");
      prefix_space_ = true;
    }
    if (description.value("use_regex", true)) add_split(kGpt2Pattern, Split::Drop::kNothing);
  } else {
    throw Error(
        "load tokenizer",
        "expected pre_tokenizer ByteLevel, Split, Digits, WhitespaceSplit or a Sequence of them, got '" +
            type + "'",
        "this kind of tokenizer is not supported");
  }
}

std::vector<std::string_view> PreTokenizer::split(std::string_view text, std::string& storage,
                                                  bool continues) const {
  if (prefix_space_ && !continues && !text.starts_with(' ')) {
    storage.assign(" ").append(text);
    text = storage;
  }
  std::vector<std::string_view> pieces, next;
  if (!text.empty()) pieces.push_back(text);
  for (const Split& split : splits_) {
    next.clear();
    for (const std::string_view piece : pieces) split.apply(piece, next);
    pieces.swap(next);
  }
  return pieces;
}

}  // namespace pope
