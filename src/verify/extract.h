// Where the answer stands in a completion without a box (text/boxes.h). All functions take time linear in the
// text, whatever it holds.
#pragma once

#include <string>
#include <string_view>

namespace pope {

// The completion without its thinking: what follows the last "</think>". A block that is opened and never
// closed leaves nothing behind it.
std::string_view without_thinking(std::string_view text);

// What follows the last "####" on its line (the convention of GSM8K). "" when none.
std::string marker_line(std::string_view text);

// What follows the last "answer:" up to the end of the sentence, or the formula that follows the last
// "answer" directly ("Answer $9$"). Of a sentence what follows its last "is". "" when none.
std::string answer_line(std::string_view text);

// The same for the last "answer is" or "answers are".
std::string answer_phrase(std::string_view text);

}  // namespace pope
