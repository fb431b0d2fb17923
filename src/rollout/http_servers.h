// The servers of an HTTP engine: what they are, how much each has to do, which of them rest after a failure.
// For all runs of the engine together; every call may come from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "rollout/http_inspect.h"
#include "rollout/server_weights.h"

namespace pope {

class HttpServers {
 public:
  using Clock = std::chrono::steady_clock;

  // Asks the servers what they are, and waits until at least one has said so. Error: as inspect_server(), a
  // server unlike the others, or none that answers within config.give_up_s.
  HttpServers(const EngineConfig& config, std::shared_ptr<const Tokenizer> tokenizer);

  // A place at a server for one request, with a connection of its own. It is given back by done().
  struct Place {
    std::size_t server = 0;
    std::unique_ptr<HttpClient> client;
    int samples = 0;
    std::shared_ptr<const PublishedWeights> weights;  // that it is to sample with; null: none were published
    bool loads = false;                               // them first
  };
  // At the server with the fewest samples under way that does not rest. Nothing: all rest, until `wake`.
  std::optional<Place> take(int samples, Clock::time_point& wake);
  // What the server is; asks it, where it has not answered before, and has it load the weights that it lacks.
  // Nothing: it is away, which `away` says.
  std::optional<ServerInfo> prepare(Place& place, HttpReply& away);
  void answered(Place&& place);
  // It is away, or broke the connection: it rests for as long as it asks to, or ever longer. A request that
  // was cancelled here says nothing about it.
  void failed(Place&& place, const HttpReply& reply);

  // From here on samples are those of these weights. Servers that answer, and do not rest, have loaded them
  // when it returns, and `prove` was called for each: whether it could be compared, with Error where it
  // differs. Others load them before they are asked for samples. Error: a server refuses, or none has loaded
  // them within config.give_up_s.
  using Prove = std::function<bool(const ServerInfo& info, HttpClient& client, const HttpUrl& url)>;
  void publish(std::shared_ptr<const PublishedWeights> weights, const Prove& prove);
  // It may run other weights than were published, as one that was started anew does.
  void forget_weights(std::size_t server);

  const std::string& name(std::size_t server) const { return servers_[server].name; }
  const HttpUrl& url(std::size_t server) const { return servers_[server].url; }
  std::int64_t context() const { return context_; }
  // The most samples that a request to any of them may ask for.
  int most_samples() const;
  // Returns what there is to say about it, or "".
  std::string limit_samples(std::size_t server, int most);
  // Whether the ids of a sample spelled the text beside them. Error: they never did, in the first that could
  // be compared.
  void saw_text(std::size_t server, bool fits);
  // For how long servers have only been away, and what they said: for errors and waiting lines.
  double seconds_away() const;
  std::string troubles() const;
  // Whether a session is to say what it waits for: none of this engine has for so long.
  bool is_to_report(Clock::duration every);
  // Seconds from the last of so many failed attempts to the next, with some chance in it.
  double backoff(int failures);

 private:
  struct Server {
    HttpUrl url;
    std::string name;
    std::optional<ServerInfo> info;
    std::string runs;      // label of the weights that it has loaded; "": not known
    bool loading = false;  // some
    std::vector<std::unique_ptr<HttpClient>> idle;
    std::int64_t load = 0;  // samples under way
    int failures = 0;       // since it answered
    Clock::time_point rests_until{};
    std::string problem;  // of its last failure
    int unlike_text = 0;
    bool spells_text = false;
  };
  std::unique_ptr<HttpClient> connect(Server& server) const;
  void learn(Server& server, const ServerInfo& info);
  std::optional<ServerInfo> info_of(const Server& server) const;
  std::optional<ServerInfo> known_or_asked(Server& server, HttpClient& client, HttpReply& away);
  std::vector<bool> load_all(const std::shared_ptr<const PublishedWeights>& weights);
  HttpReply load(Server& server, const PublishedWeights& weights);

  const EngineConfig config_;
  const HttpClient::Headers headers_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  mutable std::mutex mutex_;
  std::vector<Server> servers_;
  std::shared_ptr<const PublishedWeights> published_;
  Clock::time_point reported_{};
  std::optional<Clock::time_point> away_since_;  // no server has answered since
  std::int64_t context_ = std::numeric_limits<std::int64_t>::max();
  bool open_ = false;  // a server is known, and so is context_
  std::atomic<std::uint64_t> draws_ = 0;
};

}  // namespace pope
