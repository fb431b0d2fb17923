// See html.h.
#include "report/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace pope {
namespace {

// Large numbers are written in thousands or millions.
struct Unit {
  double size = 1;
  const char* suffix = "";
};

Unit unit_of(double value) {
  const double size = std::abs(value);
  return size >= 1e6 ? Unit{1e6, "M"} : size >= 1e4 ? Unit{1e3, "k"} : Unit{};
}

// With so many decimal places, but no zeros at the end of them.
std::string fixed(double value, int places) {
  std::string text = fmt::format("{:.{}f}", value, places);
  if (places > 0) text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace

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
  const Unit unit = unit_of(value);
  const double size = std::abs(value / unit.size);
  if (size >= 100) return fmt::format("{:.0f}{}", value / unit.size, unit.suffix);
  return fmt::format("{:.3g}{}", value / unit.size, unit.suffix);
}

std::vector<std::string> tick_labels(const std::vector<double>& ticks) {
  constexpr int kMostPlaces = 6, kMostDigits = 15;
  double largest = 0;
  for (const double tick : ticks) largest = std::max(largest, std::abs(tick));
  const Unit unit = unit_of(largest);
  const double step = ticks.size() > 1 ? std::abs(ticks[1] - ticks[0]) / unit.size : largest;
  const auto labels = [&](const auto& text) {
    std::vector<std::string> result;
    bool exact = true;
    for (const double tick : ticks) {
      result.push_back(text(tick / unit.size));
      exact = exact && std::abs(std::strtod(result.back().c_str(), nullptr) - tick / unit.size) <= step / 100;
      if (tick != 0) result.back() += unit.suffix;
    }
    return std::pair(result, exact);
  };
  for (int places = 0; places <= kMostPlaces; ++places) {
    const auto [result, exact] = labels([&](double value) { return fixed(value, places); });
    if (exact) return result;
  }
  for (int digits = 1;; ++digits) {
    const auto [result, exact] = labels([&](double value) { return fmt::format("{:.{}g}", value, digits); });
    if (exact || digits == kMostDigits) return result;
  }
}

int color_of(const Json& report, const std::string& method) {
  for (const Json& row : report["methods"]) {
    if (row["label"] == method) return row["color"];
  }
  return 0;
}

std::string color_class(int color) {
  constexpr int kHues = 10, kStyles = 3;  // of style.cpp
  if (color == 0) return "c0";
  const int style = (color - 1) / kHues % kStyles;
  return fmt::format("c{}{}", 1 + (color - 1) % kHues, style > 0 ? fmt::format(" s{}", style) : "");
}

std::string mark(int color) {
  return fmt::format("<i class=\"mark {}\" aria-hidden=\"true\"></i>", color_class(color));
}

std::string method_tag(const Json& report, const std::string& method) {
  return fmt::format("<span class=\"tag\">{}{}</span>{}", mark(color_of(report, method)), escape(method),
                     method == report["baseline"] ? " <small class=\"base\">baseline</small>" : "");
}

std::string legend(const Json& report, const MethodRuns& methods) {
  std::string items;
  for (const auto& [label, runs] : methods) {
    items += fmt::format(
        "<li><button type=\"button\" data-m=\"{}\" aria-pressed=\"true\">{}</button> <small>{}</small></li>",
        color_of(report, label), method_tag(report, label), runs_text(runs));
  }
  if (methods.size() > 1)
    items +=
        "<li class=\"all\"><button type=\"button\" data-all=\"show\">all</button><button type=\"button\" "
        "data-all=\"hide\">none</button></li>";
  return "<ul class=\"legend\" aria-label=\"Methods\">" + items + "</ul>";
}

std::string sort_head(std::size_t column, const std::string& html, const std::string& cls) {
  return fmt::format("<th scope=\"col\" data-col=\"{}\"{}>{}</th>", column,
                     cls.empty() ? "" : fmt::format(" class=\"{}\"", cls), html);
}

std::string save_links(const std::string& part, const std::string& of) {
  return fmt::format("<p class=\"save\" data-part=\"{}\"{}></p>", part, of);
}

std::string runs_text(int runs) { return fmt::format("{} run{}", runs, runs == 1 ? "" : "s"); }

}  // namespace pope
