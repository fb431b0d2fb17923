// Where in a LaTeX-flavoured text no cut may fall: math, environments, commands and their arguments.
// An opener without its closer opens nothing, so broken markup hides no boundary. Linear time.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

namespace pope {

class Spans {
 public:
  explicit Spans(std::string_view text);
  // Whether `offset` lies strictly inside a span.
  bool inside(std::size_t offset) const { return depth_[offset] > 0; }

 private:
  struct Brace {
    std::size_t at;
    bool argument;  // of a command; other braces are text
  };

  void mark(std::size_t from, std::size_t to);
  // Each deals with what starts at `at` and returns where to go on.
  std::size_t step(std::size_t at);
  std::size_t command(std::size_t at);
  std::size_t end_environment(std::size_t at, std::size_t name_end);
  std::size_t enclosed(std::size_t at, std::string_view closer, bool& absent);
  std::size_t inline_math(std::size_t at);
  std::size_t close_brace(std::size_t at);

  std::string_view text_;
  std::vector<int> depth_;  // by offset
  std::vector<Brace> braces_;
  std::vector<std::size_t> begins_;  // open \begin
  std::size_t command_end_ = 0;      // where the last command's name ended
  bool no_bracket_ = false, no_parenthesis_ = false, no_dollars_ = false;  // no closer from here on
};

}  // namespace pope
