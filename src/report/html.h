// HTML from untrusted text. Everything that comes from a run passes through escape() or, in the script's data
// block, through embed().
#pragma once

#include <string>
#include <string_view>

#include "core/files.h"

namespace pope {

// Safe as element text and inside quoted attributes.
std::string escape(std::string_view text);
// JSON that is safe inside a <script type="application/json"> element: '<' and the line separators are
// escaped.
std::string embed(const Json& value);
// Escaped text of a JSON value: strings as they are, null as "", numbers and the rest as JSON.
std::string text_of(const Json& value);
// 12345 → "12 345" with thin spaces; "–" for null.
std::string count_text(const Json& value);
// A number for an axis or a reading: at most 3 significant digits.
std::string short_number(double value);

// The number of a method's colour in a collected report: class c0 … c7 of the style.
int color_of(const Json& report, const std::string& method);
// A coloured mark and the escaped name.
std::string method_tag(const Json& report, const std::string& method);

}  // namespace pope
