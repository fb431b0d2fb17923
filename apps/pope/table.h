// Plain text for people: aligned tables and readable numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pope {

// Rows of cells, each on one line, indented by two. The first column is aligned left, the others right.
std::string table(std::vector<std::vector<std::string>> rows);
std::string grouped(std::int64_t count);  // "1,234,567"
std::string percent(double part);         // 0.25 → "25.0 %"

}  // namespace pope
