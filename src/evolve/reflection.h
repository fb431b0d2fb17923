// The two ends of a reflection: the message that shows a model how a text has done, and the new text that its
// reply holds.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pope {

// What a system made of one instance under the text, and what is to be said about it.
struct Example {
  std::string input, output, feedback;
};

// The message. `use` says in a clause where the text stands: "stands in front of each problem". Inputs,
// outputs and feedback longer than `most` bytes are shown with their middle left out.
std::string reflection_message(std::string_view use, std::string_view text,
                               const std::vector<Example>& examples, std::size_t most);

// What stands between the first ``` of a reply and its last, without the language that may be named behind
// the first, trimmed: so a new text may have blocks of its own. What a model thought (up to </think>) does
// not count. Nothing: there is no closed block.
std::optional<std::string> fenced_text(std::string_view reply);

}  // namespace pope
