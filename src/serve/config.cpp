// See config.h.
#include "serve/config.h"

#include <algorithm>

#include "core/chars.h"

namespace pope {

void WatchConfig::fields(Options& o) {
  o.add("port", port, "port on 127.0.0.1; 0: any that is free").range(0, 65535);
  o.add("every_s", every_s, "the page asks so often what is new, in seconds").range(0.2, 3600);
}

bool is_loopback(const std::string& host) {
  if (host == "localhost" || host == "::1") return true;
  return host.starts_with("127.") &&
         std::all_of(host.begin(), host.end(), [](char c) { return is_digit(c) || c == '.'; });
}

}  // namespace pope
