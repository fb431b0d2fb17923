// The settings of the verbs that answer over HTTP: `pope watch` and `pope serve`.
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

struct ServeConfig {
  static constexpr auto kSection = "serve";
  std::string host = "127.0.0.1";  // an address of this machine; other than loopback only with a key
  int port = 8000;                 // 0 = any that is free
  std::string key_env;             // environment variable that holds the key; "" = none is asked for
  std::string name;                // of the model, as clients see it; "" = as it was given
  int connections = 256;           // open at once
  int queue = 256;                 // samples that wait or are decoded; more are answered with 429
  int body_kb = 4096;              // of a request
  int max_tokens = 4096;           // of a sample
  double timeout_s = 600;          // of a request; what it has then is given back
  double grace_s = 30;             // after a request to stop: what runs may end
  bool updates = false;            // clients may have other weights loaded
  std::string follow;              // run whose newest checkpoint is served as it comes; "" = none
  void fields(Options& options);
  void check_together() const;
};

// Whether an address can be reached from this machine alone.
bool is_loopback(const std::string& host);

}  // namespace pope
