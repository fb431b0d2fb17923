// See config.h.
#include "serve/config.h"

#include <algorithm>

#include "core/chars.h"

namespace pope {

void WatchConfig::fields(Options& o) {
  o.add("port", port, "port on 127.0.0.1; 0: any that is free").range(0, 65535);
  o.add("every_s", every_s, "the page asks so often what is new, in seconds").range(0.2, 3600);
}

void ServeConfig::fields(Options& o) {
  o.add("host", host, "address to listen on; other than loopback only with serve.key_env");
  o.add("port", port, "port to listen on; 0: any that is free").range(0, 65535);
  o.add("key_env", key_env, "environment variable that holds the key clients must send; empty: none");
  o.add("name", name, "the model's name for clients; empty: MODEL as it was given");
  o.add("connections", connections, "connections open at once").range(1, 10000);
  o.add("queue", queue, "samples that wait or are decoded at once; more are answered with 429")
      .range(1, 100000);
  o.add("body_kb", body_kb, "size of a request at most, in KiB").range(1, 1 << 20);
  o.add("max_tokens", max_tokens, "tokens of a sample at most; requests for more are refused").at_least(1);
  o.add("timeout_s", timeout_s, "a request that takes longer ends with what it has").range(0.1, 86400);
  o.add("grace_s", grace_s, "seconds in which what runs may end once the server is to stop").range(0, 86400);
  o.add("updates", updates,
        "clients may have it load other weights, of the same architecture, from this machine's files: what "
        "`pope train` with engine.kind=http does");
  o.add("follow", follow,
        "folder of a run that trains: the weights of its newest checkpoint are taken as it is saved; empty: "
        "none");
}

void ServeConfig::check_together() const {
  if (updates && !follow.empty())
    refuse_setting("serve.follow", "none with serve.updates=true", follow, "two would set the weights");
  if (!is_loopback(host) && key_env.empty())
    refuse_setting("serve.key_env", "the name of an environment variable where serve.host is not loopback",
                   "",
                   "others could use the model: export KEY=$(openssl rand -hex 16), then "
                   "--set serve.key_env=KEY; or leave serve.host at 127.0.0.1");
}

bool is_loopback(const std::string& host) {
  if (host == "localhost" || host == "::1") return true;
  return host.starts_with("127.") &&
         std::all_of(host.begin(), host.end(), [](char c) { return is_digit(c) || c == '.'; });
}

}  // namespace pope
