// Boxed answers: what \boxed{…} and \fbox{…} hold. Both functions take time linear in the text.
#pragma once

#include <optional>
#include <string_view>

namespace pope {

// Whether "\boxed 5" is a box, too, which holds what stands there up to the end of the formula or line.
enum class BareBox { no, yes };

// The content of the last complete box; of nested boxes the outermost. Nothing when there is none; "" when
// that box is empty. A box that is not closed is none, and "\\boxed" is a line break and a word.
std::optional<std::string_view> find_boxed(std::string_view text, BareBox bare = BareBox::no);

// The content of the box that `text` is; nothing when anything stands before or behind it.
std::optional<std::string_view> only_box(std::string_view text);

}  // namespace pope
