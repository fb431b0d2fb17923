// See device_name.h.
#include "model/device_name.h"

#include <charconv>

namespace pope {

int cuda_index(std::string_view name) {
  if (!name.starts_with("cuda")) return -1;
  name.remove_prefix(4);
  if (name.empty()) return 0;
  int index = -1;
  const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), index);
  const bool whole = name.size() > 1 && name[0] == ':' && error == std::errc();
  return whole && end == name.data() + name.size() && index < 128 ? index : -1;
}

bool is_device_name(const std::string& name) { return name == "cpu" || cuda_index(name) >= 0; }

}  // namespace pope
