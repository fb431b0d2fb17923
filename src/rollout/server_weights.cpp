// The table of flavours, and the sending of their calls.
#include "rollout/server_weights.h"

#include <fmt/format.h>

#include <charconv>
#include <map>

#include "core/error.h"
#include "core/nearest.h"
#include "rollout/http_inspect.h"

namespace pope {

extern const ServerWeights pope_weights, sglang_weights, vllm_weights;  // weights_NAME.cpp

namespace {

const std::map<std::string, const ServerWeights*>& table() {
  static const std::map<std::string, const ServerWeights*> flavours = {
      {"pope", &pope_weights}, {"sglang", &sglang_weights}, {"vllm", &vllm_weights}};
  return flavours;
}

bool denies(const std::string& body) {
  const std::optional<Json> json = parse_foreign(body);
  return json && json->is_object() && json->value("success", Json(true)) == false;
}

}  // namespace

bool is_no_older(const std::string& told, const PublishedWeights& weights) {
  const std::size_t dash = weights.label.rfind('-');
  if (!told.starts_with(weights.label.substr(0, dash + 1))) return false;
  std::int64_t version = 0;
  const auto [end, error] = std::from_chars(told.data() + dash + 1, told.data() + told.size(), version);
  return error == std::errc() && end == told.data() + told.size() && version >= weights.version;
}

const ServerWeights* server_weights(const std::string& owner) {
  const auto found = table().find(owner);
  return found == table().end() ? nullptr : found->second;
}

std::vector<std::string> servers_that_take_weights() { return names_of(table()); }

HttpReply load_weights(HttpClient& client, const HttpUrl& url, const ServerWeights& server,
                       const PublishedWeights& weights, const EngineConfig& config) {
  const HttpLimits limits{.timeout_s = config.timeout_s};
  for (const WeightsCall& call : server.calls(weights)) {
    HttpReply reply = client.post(url.path + call.path, call.body, limits);
    if (call.may_fail && reply.outcome == HttpReply::Outcome::answered) continue;
    if (reply.ok() && !denies(reply.body)) continue;
    if (reply.outcome == HttpReply::Outcome::untrusted || reply.status == 401)
      refuse_if_final(reply, text_of(url), config);
    if (reply.outcome != HttpReply::Outcome::answered || reply.status == 429 || reply.status >= 500) {
      if (reply.outcome == HttpReply::Outcome::answered) reply.problem += ": " + error_message(reply.body);
      reply.problem = call.path + ": " + reply.problem;
      return reply;
    }
    throw Error("publish weights",
                fmt::format("{}{}: expected the server to load {}, got status {}: {}", text_of(url),
                            call.path, weights.folder, reply.status, error_message(reply.body)),
                std::string("the server sees the same files by the same path, has the same architecture, and "
                            "was started with ") +
                    server.needs);
  }
  return {.status = 200};
}

}  // namespace pope
