// HTML from untrusted text. Everything that comes from a run passes through escape() or, in the script's data
// block, through embed().
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
// A number for a reading: at most 3 significant digits.
std::string short_number(double value);
// The labels of an axis: as many digits as tell its ticks apart, which lie evenly.
std::vector<std::string> tick_labels(const std::vector<double>& ticks);

// The number of a method's colour in a collected report. On the page it also names the method: what belongs
// to it has the number as data-m.
int color_of(const Json& report, const std::string& method);
// The classes of a colour's number: c0 is the baseline's grey; then ten hues, c1 … c10, which begin again
// with other dashes and marks, s1 and s2.
std::string color_class(int color);
// A coloured mark.
std::string mark(int color);
// A coloured mark and the escaped name; the baseline is called so.
std::string method_tag(const Json& report, const std::string& method);
// Labels, and how many runs each has.
using MethodRuns = std::vector<std::pair<std::string, int>>;
// The legend's list of methods; a click on one hides it, or shows it again.
std::string legend(const Json& report, const MethodRuns& methods);

// The head of a column by which a click sorts the table. Cells are compared by their data-v, or their text.
std::string sort_head(std::size_t column, const std::string& html, const std::string& cls = "");
// Where the script offers a part of the report, "curves/3", as CSV and JSON. `of`: attributes that choose
// rows.
std::string save_links(const std::string& part, const std::string& of = "");
// "1 run", "5 runs".
std::string runs_text(int runs);

}  // namespace pope
