// See excerpt.h.
#include "report/excerpt.h"

#include "core/chars.h"

namespace pope {

std::string without_middle(const std::string& text, std::size_t longest) {
  if (text.size() <= longest) return text;
  const std::size_t head = character_start(text, longest / 2);
  const std::size_t tail = next_character_start(text, text.size() - longest / 2);
  return text.substr(0, head) + "\n[… " + std::to_string(tail - head) + " bytes left out …]\n" +
         text.substr(tail);
}

}  // namespace pope
