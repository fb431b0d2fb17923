// The filters that make texts, and the functions of texts that filters and methods share.
#pragma once

#include "jinja/filters.h"

namespace pope::jinja {

Filter find_text_filter(std::string_view name);  // null: none of these

Text upper(TextView text);
Text lower(TextView text);
Text capitalized(TextView text);
Text replaced(TextView text, TextView from, TextView to, std::int64_t most, Budget& budget);

}  // namespace pope::jinja
