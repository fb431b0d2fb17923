// How weights that were written to disk get into a server: the calls of its own that load them. One file and
// one line of the table in server_weights.cpp for each flavour of server. Who writes the weights, sends the
// calls and proves that they took effect: http_engine.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rollout/make_engine.h"
#include "verify/http_client.h"

namespace pope {

// Weights of one policy version, on disk.
struct PublishedWeights {
  std::int64_t version = 0;
  std::string label;   // names them, and those of no other process: "9f31c2-12"
  std::string folder;  // absolute: a Hugging Face directory or, with `adapter`, a LoRA adapter as PEFT has it
  bool adapter = false;
  std::string outdated;  // label of weights that nothing is sampled with any more; "": none
};

// Whether a server that names `told` has sampled with these weights or with later ones of the same process.
bool is_no_older(const std::string& told, const PublishedWeights& weights);

struct WeightsCall {
  std::string path, body;
  bool may_fail = false;  // what is cleared away may be gone already
};

// A flavour of server.
struct ServerWeights {
  // POSTs, one after the other. Each is answered with 200, and its JSON does not say {"success": false}.
  std::vector<WeightsCall> (*calls)(const PublishedWeights& weights);
  bool adapter_by_name;  // a request names the adapter by its label, beside the model; else it becomes the
                         // model
  bool tells_label;      // replies tell the label of the (whole) weights that sampled
  const char* needs;     // what the server must have been started with
};
// By the server's own name for itself (ServerInfo::owner); null: how it takes weights is not known.
const ServerWeights* server_weights(const std::string& owner);
std::vector<std::string> servers_that_take_weights();

// Has the server at `url` load them. An empty `problem`: done; else it may be tried again. Error: the server
// refuses.
HttpReply load_weights(HttpClient& client, const HttpUrl& url, const ServerWeights& server,
                       const PublishedWeights& weights, const EngineConfig& config);

}  // namespace pope
