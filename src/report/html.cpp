// See html.h.
#include "report/html.h"

#include <fmt/format.h>

#include <cmath>

namespace pope {

std::string escape(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string embed(const Json& value) {
  const std::string json = dump(value);
  std::string result;
  result.reserve(json.size());
  for (std::size_t i = 0; i < json.size(); ++i) {
    const std::string_view rest = std::string_view(json).substr(i, 3);
    if (json[i] == '<') {
      result += "\\u003c";
    } else if (rest == "\u2028" || rest == "\u2029") {
      result += rest == "\u2028" ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      result += json[i];
    }
  }
  return result;
}

std::string text_of(const Json& value) {
  if (value.is_null()) return "";
  return escape(value.is_string() ? value.get<std::string>() : dump(value));
}

std::string count_text(const Json& value) {
  if (!value.is_number()) return "–";
  std::string digits = fmt::format("{:.0f}", value.get<double>());
  for (int place = static_cast<int>(digits.size()) - 3; place > (digits[0] == '-' ? 1 : 0); place -= 3) {
    digits.insert(place, "\u202f");
  }
  return digits;
}

std::string short_number(double value) {
  if (value != 0 && std::abs(value) >= 10000) return fmt::format("{:.3g}k", value / 1000);
  return fmt::format("{:.3g}", value);
}

int color_of(const Json& report, const std::string& method) {
  for (const Json& row : report["methods"]) {
    if (row["label"] == method) return row["color"];
  }
  return 0;
}

std::string method_tag(const Json& report, const std::string& method) {
  return fmt::format("<span class=\"tag\"><i class=\"mark c{}\" aria-hidden=\"true\"></i>{}</span>",
                     color_of(report, method), escape(method));
}

}  // namespace pope
