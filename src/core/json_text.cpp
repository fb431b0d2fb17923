// See json_text.h.
#include "core/json_text.h"

#include <array>
#include <optional>
#include <set>
#include <vector>

#include "core/chars.h"
#include "core/json_depth.h"

namespace pope {
namespace {

// The text with NaN, Infinity and -Infinity outside of strings replaced by null; "" when there are none.
std::string without_nan(std::string_view text) {
  constexpr std::array<std::string_view, 3> kNames = {"NaN", "Infinity", "-Infinity"};
  std::string out;
  std::size_t copied = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') in_string = !in_string;
    if (in_string && c == '\\') ++i;
    if (in_string || (c != 'N' && c != 'I' && c != '-')) continue;
    for (const std::string_view name : kNames) {
      if (!text.substr(i).starts_with(name)) continue;
      out.append(text, copied, i - copied).append("null");
      i += name.size() - 1;
      copied = i + 1;
      break;
    }
  }
  return copied == 0 ? "" : out.append(text, copied);
}

// Json::parse, which also says which key stands twice in its object.
struct Parsed {
  Json value;
  std::optional<std::string> twice;
};
Parsed parse_noting_keys(std::string_view text, bool throws) {
  Parsed parsed;
  std::vector<std::set<std::string>> open;  // the keys of the objects around
  parsed.value = Json::parse(
      text,
      [&](int, Json::parse_event_t event, Json& value) {
        if (event == Json::parse_event_t::object_start) open.emplace_back();
        if (event == Json::parse_event_t::object_end) open.pop_back();
        if (event == Json::parse_event_t::key && !open.back().insert(value.get<std::string>()).second &&
            !parsed.twice)
          parsed.twice = value.get<std::string>();
        return true;
      },
      throws);
  return parsed;
}

ParsedJson checked(Parsed&& parsed) {
  if (parsed.twice) return {nullptr, "the key " + dump(*parsed.twice) + " stands twice in an object"};
  return {std::move(parsed.value), ""};
}

}  // namespace

std::string json_message(std::string_view what) {
  constexpr std::string_view kOnlyLine = "parse error at line 1, ";
  if (const std::size_t tag = what.find("] "); tag != std::string_view::npos) what.remove_prefix(tag + 2);
  return std::string(what.starts_with(kOnlyLine) ? what.substr(kOnlyLine.size()) : what);
}

ParsedJson parse_foreign_json(std::string_view text) {
  if (nested_too_deep(text)) {
    return {nullptr, "expected at most " + std::to_string(kMaxJsonLevels) + " levels of nesting, got more"};
  }
  try {
    return checked(parse_noting_keys(text, true));
  } catch (const Json::exception& error) {
    const std::string mended = without_nan(text);
    Parsed parsed =
        mended.empty() ? Parsed{Json(Json::value_t::discarded)} : parse_noting_keys(mended, false);
    if (parsed.value.is_discarded()) return {nullptr, json_message(error.what())};
    return checked(std::move(parsed));
  }
}

}  // namespace pope
