// The settings of the verbs that answer over HTTP.
#pragma once

#include <string>

#include "core/options.h"

namespace pope {

struct WatchConfig {
  static constexpr auto kSection = "watch";
  int port = 8765;     // on 127.0.0.1; 0 = any that is free
  double every_s = 2;  // the page asks so often what is new
  void fields(Options& options);
};

// Whether an address can be reached from this machine alone.
bool is_loopback(const std::string& host);

}  // namespace pope
