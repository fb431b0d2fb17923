// The program's version, as CMakeLists.txt has it (a test compares the two).
#pragma once

namespace pope {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace pope
