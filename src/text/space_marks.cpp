// See space_marks.h. What each part does is defined by Hugging Face tokenizers.
#include "text/space_marks.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "text/utf8.h"

namespace pope {
namespace {

constexpr const char* kMark = "\u2581";

[[noreturn]] void refuse(const std::string& expected, const SortedJson& got) {
  throw Error(
      "load tokenizer",
      "expected " + expected + ", got " + got.dump(-1, ' ', true, SortedJson::error_handler_t::replace),
      "this kind of tokenizer is not supported");
}

const SortedJson& member(const SortedJson& object, const char* key) {
  static const SortedJson null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

// The parts of a Sequence, or the one thing that a description is; none of null.
SortedJson parts_of(const SortedJson& description, const char* list) {
  if (description.is_null()) return SortedJson::array();
  return description.at("type") == "Sequence" ? description.at(list) : SortedJson::array({description});
}

bool matches_spaces(const SortedJson& description) {
  static const SortedJson space = {{"String", " "}};
  return description.at("pattern") == space;
}

void read_normalizer(const SortedJson& normalizer, SpaceMarks& marks) {
  bool prepends = false, replaces_more = false;
  for (const SortedJson& part : parts_of(normalizer, "normalizers")) {
    if (part.at("type") == "Replace") {
      const bool marks_spaces = matches_spaces(part) && part.at("content") == kMark;
      if (marks_spaces) marks.by = SpaceMarks::By::kNormalizer;
      replaces_more = replaces_more || !marks_spaces;
    } else if (part.at("type") == "Prepend") {
      if (member(part, "prepend") != kMark) refuse("a Prepend of \"\u2581\"", part);
      prepends = true;
    }
  }
  if (marks.any() && replaces_more) refuse("no Replace but that of \" \" by \"\u2581\"", normalizer);
  if (prepends && !marks.any()) refuse("a Prepend only beside a Replace of \" \" by \"\u2581\"", normalizer);
  if (prepends) marks.front = SpaceMarks::Front::kParts;
}

void read_metaspace(const SortedJson& metaspace, SpaceMarks& marks) {
  if (metaspace.value("replacement", "\u2581") != kMark) refuse("a Metaspace with \"\u2581\"", metaspace);
  marks.by = SpaceMarks::By::kMetaspace;
  marks.split = metaspace.value("split", true);
  // Older files say add_prefix_space instead.
  const std::string scheme =
      metaspace.value("prepend_scheme", metaspace.value("add_prefix_space", true) ? "always" : "never");
  if (scheme == "always") {
    marks.front = SpaceMarks::Front::kParts;
  } else if (scheme == "first") {
    marks.front = SpaceMarks::Front::kStart;
  } else if (scheme != "never") {
    refuse("a prepend_scheme of Metaspace always, first or never", metaspace);
  }
}

}  // namespace

std::string SpaceMarks::normalized(std::string_view part, Behind behind) const {
  if (by != By::kNormalizer) return std::string(part);
  const bool wanted = front == Front::kParts && behind != Behind::kText;
  return (wanted && !part.empty() ? kMark : "") + with_space_marks(part);
}

std::string SpaceMarks::pre_tokenized(std::string_view part, Behind behind) const {
  if (by != By::kMetaspace) return std::string(part);
  const std::string marked = with_space_marks(part);
  const bool wanted = behind == Behind::kNothing ? front != Front::kNowhere
                                                 : front == Front::kParts && behind == Behind::kToken;
  return (wanted && !marked.empty() && !marked.starts_with(kMark) ? kMark : "") + marked;
}

SortedJson with_class_marks(SortedJson description, const SortedJson& config, const std::string& model_type) {
  constexpr std::array<std::string_view, 7> kByFile = {"mistral", "ministral", "ministral3", "olmo2",
                                                       "olmo3",   "phi3",      "granite"};
  const SortedJson& name = member(config, "tokenizer_class");
  if ((name != "LlamaTokenizer" && name != "LlamaTokenizerFast") || !read_space_marks(description).any() ||
      std::find(kByFile.begin(), kByFile.end(), model_type) != kByFile.end())
    return description;
  const bool in_front = member(config, "add_prefix_space") != false,
             legacy = member(config, "legacy") == true;
  description["normalizer"] = nullptr;
  description["pre_tokenizer"] = {{"type", "Metaspace"},
                                  {"replacement", kMark},
                                  {"prepend_scheme", !in_front ? "never"
                                                     : legacy  ? "always"
                                                               : "first"},
                                  {"split", false}};
  SortedJson decoders = SortedJson::array({{{"type", "Fuse"}}});
  if (in_front) decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  description["decoder"] = {{"type", "Sequence"}, {"decoders", std::move(decoders)}};
  return description;
}

SpaceMarks read_space_marks(const SortedJson& description) {
  SpaceMarks marks;
  read_normalizer(member(description, "normalizer"), marks);
  for (const SortedJson& part : parts_of(member(description, "pre_tokenizer"), "pretokenizers")) {
    if (part.at("type") != "Metaspace") continue;
    if (!parts_of(member(description, "normalizer"), "normalizers").empty())
      refuse("no normalizer beside a Metaspace pre_tokenizer", description["normalizer"]);
    read_metaspace(part, marks);
  }
  return marks;
}

SortedJson pre_tokenizer_beside(const SpaceMarks& marks, const SortedJson& description) {
  const SortedJson& given = member(description, "pre_tokenizer");
  if (!marks.any()) return given;
  const SortedJson parts = parts_of(given, "pretokenizers");
  if (marks.by == SpaceMarks::By::kNormalizer) {
    // Once spaces are marked, Gemma's split at spaces has nothing to split.
    if (parts.empty()) return SortedJson();
    if (parts.size() == 1 && parts[0].at("type") == "Split" && matches_spaces(parts[0])) return SortedJson();
    refuse("no pre_tokenizer but a Split at \" \" beside the normalizer Replace", given);
  }
  if (parts.size() != 1) refuse("a Metaspace pre_tokenizer alone", given);
  if (!marks.split) return SortedJson();
  return {{"type", "Split"},
          {"pattern", {{"Regex", "\u2581[^\u2581]*|[^\u2581]+"}}},
          {"behavior", "Isolated"},
          {"invert", false}};
}

bool strips_first_space(const SortedJson& description) {
  const SortedJson& decoder = member(description, "decoder");
  bool fused = false, strips = false;
  for (const SortedJson& part : parts_of(decoder, "decoders")) {
    const std::string type = part.at("type").get<std::string>();
    if (type == "Strip") {
      if (!fused || part.at("content") != " " || part.at("start") != 1 || part.at("stop") != 0)
        refuse("a decoder Strip of one space in front, behind Fuse", decoder);
      strips = true;
    } else if (type == "Replace" &&
               (part.at("pattern") != SortedJson{{"String", kMark}} || part.at("content") != " ")) {
      refuse("a decoder Replace of \"\u2581\" by \" \"", decoder);
    } else if (type != "Replace" && type != "ByteFallback" && type != "Fuse") {  // what decoding does anyway
      refuse("a decoder of Replace, ByteFallback, Fuse and Strip", decoder);
    }
    fused = fused || type == "Fuse";
  }
  return strips;
}

}  // namespace pope
