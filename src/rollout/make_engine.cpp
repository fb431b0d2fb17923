// The table of engines.
#include "rollout/make_engine.h"

#include "core/nearest.h"
#include "model/graphs.h"
#include "rollout/http_engine.h"
#include "rollout/native_engine.h"
#include "verify/http_client.h"

namespace pope {
namespace {

std::unique_ptr<Engine> make_native(const EngineConfig& config, const EngineParts& parts) {
  if (!config.urls.empty())
    refuse_setting("engine.urls", "none with engine.kind=native", config.urls.front(),
                   "set engine.kind=http, or leave them out");
  std::shared_ptr<const Model> model = parts.model();
  const at::Device device = model->device();
  return std::make_unique<NativeEngine>(std::move(model), make_graph_recorder(device));
}

}  // namespace

std::map<std::string, MakeEngine>& engines() {
  static std::map<std::string, MakeEngine> table = {{"native", make_native}, {"http", make_http_engine}};
  return table;
}

void EngineConfig::fields(Options& options) {
  const auto is_url = [](const std::string& text) { return parse_http_url(text).has_value(); };
  options
      .add("kind", kind, "who samples; native: this process, on the trainer's own weights; http: engine.urls")
      .choices(names_of(engines()));
  options.add("urls", urls, "http: addresses of the servers, with or without /v1")
      .form(is_url, "http://HOST:PORT")
      .distinct()
      .may_change();
  options.add("server", server, "http: what the servers are; auto: as they say; openai: any other")
      .choices({"auto", "vllm", "sglang", "llama.cpp", "openai"});
  options.add("model", model, "http: the model's name there; empty: their only one");
  options
      .add("key_env", key_env, "http: environment variable that holds the servers' key; empty: none is sent")
      .may_change();
  options
      .add("samples_per_request", samples_per_request,
           "http: samples of a prompt in one request, where the server can")
      .range(1, 1024);
  options.add("connections", connections, "http: requests in flight at once, at all servers together")
      .range(1, 1024)
      .may_change();
  options.add("timeout_s", timeout_s, "http: seconds in which a request must be answered whole")
      .range(0.05, 86400)
      .may_change();
  options.add("attempts", attempts, "http: stop when a request has failed so often")
      .range(1, 1000)
      .may_change();
  options
      .add("backoff_s", backoff_s,
           "http: about so many seconds pass before the second attempt, twice as many before the next, …, at "
           "most 60")
      .range(0.001, 60)
      .may_change();
  options.add("give_up_s", give_up_s, "http: stop when no server has answered for so many seconds")
      .range(0, 86400)
      .may_change();
  options
      .add("publish_every", publish_every,
           "http, train: servers get weights when these are so many optimiser steps ahead of theirs")
      .at_least(1);
  options
      .add("publish_dir", publish_dir,
           "http, train: folder for the weights that servers load, under the same path there; empty: "
           "published/ in "
           "--out")
      .may_change();
  options
      .add("max_gap", max_gap,
           "http, train: stop when a server's logprobs are more nats a token from those of the weights that "
           "it was "
           "given")
      .above(0)
      .may_change();
}

void EngineConfig::check_together() const {
  if (kind == "http" && urls.empty())
    refuse_setting("engine.urls", "a server with engine.kind=http", "[]",
                   "for example --set engine.urls=[http://127.0.0.1:8000]");
}

std::unique_ptr<Engine> make_engine(const EngineConfig& config, const EngineParts& parts) {
  check(config);
  return engines().at(config.kind)(config, parts);
}

}  // namespace pope
