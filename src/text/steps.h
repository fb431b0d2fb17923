// Step boundaries of a solution: where a prefix may be cut. Never inside a number, a word, a LaTeX command,
// a math span ($…$, $$…$$, \[…\], \(…\)), an environment (\begin…\end) or a command's argument.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pope {

// Byte offsets, ascending, each the end of a step; the last one is solution.size(), the others stand right
// behind a visible character, so that a prefix ends in no white space. Markup that is not closed is text.
// `boundary`:
//   "auto"   ends of lines and of sentences (an abbreviation or a decimal point ends none)
//   "line"   ends of lines          "word"   ends of whitespace-separated words
std::vector<std::size_t> step_ends(std::string_view solution, std::string_view boundary = "auto");
std::vector<std::string> step_boundaries();  // the names that `boundary` may have

}  // namespace pope
