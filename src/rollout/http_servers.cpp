// See http_servers.h.
#include "rollout/http_servers.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <future>
#include <thread>
#include <utility>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/nearest.h"
#include "core/progress.h"
#include "core/rng.h"

namespace pope {
namespace {

constexpr auto kOperation = "http engine";
constexpr double kLongestBackoff_s = 60;
constexpr auto kLoading =
    std::chrono::milliseconds(50);  // how soon it is seen that a server has loaded weights

HttpServers::Clock::duration duration_of(double seconds) {
  return std::chrono::duration_cast<HttpServers::Clock::duration>(std::chrono::duration<double>(seconds));
}

// Sleeps. Throws Interrupted as soon as a stop is requested.
void rest(double seconds) {
  constexpr auto kLook = std::chrono::milliseconds(50);
  const HttpServers::Clock::time_point end = HttpServers::Clock::now() + duration_of(seconds);
  for (;; std::this_thread::sleep_for(kLook)) {
    stop_if_interrupted();
    if (HttpServers::Clock::now() >= end) return;
  }
}

const ServerWeights& weights_of(const ServerInfo& info, const std::string& name) {
  if (const ServerWeights* known = server_weights(info.owner)) return *known;
  throw Error(
      "publish weights",
      fmt::format("{}: expected a server that takes weights ({}), got one of '{}'", name,
                  listed(servers_that_take_weights()), info.owner),
      "engine.server says what it is, if it does not say so itself; llama.cpp has no way to take them");
}

}  // namespace

HttpServers::HttpServers(const EngineConfig& config, std::shared_ptr<const Tokenizer> tokenizer)
    : config_(config), headers_(key_header(config)), tokenizer_(std::move(tokenizer)) {
  for (const std::string& url : config.urls) {
    Server server;
    server.url = server_url(url);
    server.name = text_of(server.url);
    servers_.push_back(std::move(server));
  }
  const Clock::time_point start = Clock::now();
  for (int attempt = 1; !open_; ++attempt) {
    int known = 0;
    for (Server& server : servers_) {
      auto client = connect(server);
      const Inspection found = inspect_server(*client, server.url, config_, tokenizer_.get());
      server.problem = found.problem;
      if (!found.info) continue;
      learn(server, *found.info);
      server.idle.push_back(std::move(client));
      ++known;
    }
    open_ = known > 0;
    if (!open_) stop_if_interrupted();  // what was cancelled says nothing of a server
    if (attempt == 1 && std::cmp_less(known, servers_.size())) log_line("waiting for servers: " + troubles());
    if (open_) break;
    if (Clock::now() - start >= duration_of(config_.give_up_s)) {
      throw Error(kOperation, "no server answers: " + troubles(),
                  "is one running there? engine.give_up_s says for how long servers are waited for");
    }
    rest(backoff(attempt));
  }
}

std::unique_ptr<HttpClient> HttpServers::connect(Server& server) const {
  return std::make_unique<HttpClient>(server.url.origin, headers_);
}

// Those of one engine sample one model.
void HttpServers::learn(Server& server, const ServerInfo& info) {
  for (const Server& other : servers_) {
    if (&other == &server || !other.info || other.info->model == info.model || !config_.model.empty())
      continue;
    throw Error(kOperation,
                fmt::format("expected servers of one model, {} has '{}' and {} has '{}'", other.name,
                            other.info->model, server.name, info.model),
                "where it is one model under two names, start the servers with one name for it");
  }
  if (open_ && info.context < context_) {
    throw Error(
        kOperation,
        fmt::format("{}: expected a context of at least {} tokens, as the servers that were there before, "
                    "got {}",
                    server.name, context_, info.context),
        "start it with a larger one; what was finished before is not lost");
  }
  context_ = std::min(context_, info.context);
  server.info = info;
}

std::optional<HttpServers::Place> HttpServers::take(int samples, Clock::time_point& wake) {
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  Server* best = nullptr;
  wake = Clock::time_point::max();
  for (Server& server : servers_) {
    if (server.rests_until > now || server.loading) {
      wake = std::min(wake, server.loading ? now + kLoading : server.rests_until);
    } else if (best == nullptr || server.load < best->load) {
      best = &server;
    }
  }
  if (best == nullptr) return std::nullopt;
  best->load += samples;
  Place place{static_cast<std::size_t>(best - servers_.data()), nullptr, samples, published_};
  place.loads = best->loading = published_ && best->runs != published_->label;
  if (best->idle.empty()) {
    place.client = connect(*best);
  } else {
    place.client = std::move(best->idle.back());
    best->idle.pop_back();
  }
  return place;
}

std::optional<ServerInfo> HttpServers::info_of(const Server& server) const {
  const std::lock_guard lock(mutex_);
  return server.info;
}

std::optional<ServerInfo> HttpServers::known_or_asked(Server& server, HttpClient& client, HttpReply& away) {
  if (std::optional<ServerInfo> info = info_of(server)) return info;
  const Inspection found = inspect_server(client, server.url, config_, tokenizer_.get());
  if (!found.info) {
    away.outcome = interrupted() ? HttpReply::Outcome::cancelled : HttpReply::Outcome::unreachable;
    away.problem = found.problem;
    away.retry_after_s = found.retry_after_s;
    return std::nullopt;
  }
  const std::lock_guard lock(mutex_);
  learn(server, *found.info);
  return found.info;
}

std::optional<ServerInfo> HttpServers::prepare(Place& place, HttpReply& away) {
  Server& server = servers_[place.server];
  std::optional<ServerInfo> info = known_or_asked(server, *place.client, away);
  if (!info || !place.loads) return info;
  away = load_weights(*place.client, server.url, weights_of(*info, server.name), *place.weights, config_);
  if (!away.problem.empty()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  // Newer weights that were published meanwhile may have been loaded before these.
  const bool newest = place.weights == published_ || place.weights->adapter;
  server.runs = newest ? place.weights->label : "";
  return info;
}

void HttpServers::publish(std::shared_ptr<const PublishedWeights> weights, const Prove& prove) {
  const Clock::time_point start = Clock::now();
  for (int attempt = 1;; ++attempt) {
    const std::vector<bool> loaded = load_all(weights);
    for (std::size_t i = 0; i < servers_.size(); ++i)
      if (loaded[i] && !prove(info_of(servers_[i]).value(), *connect(servers_[i]), servers_[i].url))
        forget_weights(i);
    if (std::find(loaded.begin(), loaded.end(), true) != loaded.end()) return;
    if (Clock::now() - start >= duration_of(config_.give_up_s)) {
      throw Error(
          "publish weights", "no server has loaded them: " + troubles(),
          "start it again once they do: what was finished is not lost; engine.give_up_s says how long to "
          "wait");
    }
    rest(backoff(attempt));
  }
}

// All at once, but those that rest, if others do not: they load them before they are sampled from. Which of
// them have.
std::vector<bool> HttpServers::load_all(const std::shared_ptr<const PublishedWeights>& weights) {
  std::vector<bool> asked;
  {
    const std::lock_guard lock(mutex_);
    published_ = weights;
    for (const Server& server : servers_) asked.push_back(server.rests_until <= Clock::now());
    if (std::find(asked.begin(), asked.end(), true) == asked.end()) asked.assign(asked.size(), true);
    for (std::size_t i = 0; i < servers_.size(); ++i) servers_[i].loading = asked[i];
  }
  std::vector<std::future<HttpReply>> loads(servers_.size());
  for (std::size_t i = 0; i < servers_.size(); ++i)
    if (asked[i])
      loads[i] = std::async(std::launch::async, [this, i, &weights] { return load(servers_[i], *weights); });
  std::exception_ptr refusal;
  std::vector<bool> loaded;
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    loaded.push_back(false);
    if (!asked[i]) continue;
    HttpReply reply{.outcome = HttpReply::Outcome::broken, .problem = "it refuses weights"};
    try {
      reply = loads[i].get();
    } catch (...) {  // thrown again below, once none is loading any more
      refusal = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    servers_[i].problem = reply.problem;
    servers_[i].loading = false;
    loaded.back() = reply.problem.empty();
    Server& server = servers_[i];
    server.runs = loaded.back() ? weights->label : "";
    server.failures = loaded.back() ? 0 : server.failures + 1;
    server.rests_until =
        loaded.back() ? Clock::time_point() : Clock::now() + duration_of(backoff(server.failures));
  }
  if (refusal) std::rethrow_exception(refusal);
  return loaded;
}

HttpReply HttpServers::load(Server& server, const PublishedWeights& weights) {
  const std::unique_ptr<HttpClient> client = connect(server);
  HttpReply away;
  const std::optional<ServerInfo> info = known_or_asked(server, *client, away);
  if (!info) return away;
  return load_weights(*client, server.url, weights_of(*info, server.name), weights, config_);
}

void HttpServers::forget_weights(std::size_t server) {
  const std::lock_guard lock(mutex_);
  servers_[server].runs.clear();
}

void HttpServers::answered(Place&& place) {
  const std::lock_guard lock(mutex_);
  Server& server = servers_[place.server];
  server.load -= place.samples;
  if (place.loads) server.loading = false;
  server.failures = 0;
  server.problem.clear();
  server.idle.push_back(std::move(place.client));
  away_since_.reset();
}

void HttpServers::failed(Place&& place, const HttpReply& reply) {
  const std::lock_guard lock(mutex_);
  Server& server = servers_[place.server];
  server.load -= place.samples;
  if (place.loads) server.loading = false;
  if (reply.outcome == HttpReply::Outcome::cancelled) return;  // by us
  // It, or what is behind a proxy, may have been started anew since. An adapter that is not there shows by
  // itself, and one that is there would be refused.
  const bool broke =
      reply.outcome != HttpReply::Outcome::answered || (reply.status >= 502 && reply.status <= 504);
  const bool adapter = published_ && published_->adapter;
  if (reply.outcome == HttpReply::Outcome::unreachable || (broke && !adapter)) server.runs.clear();
  server.problem = reply.problem;
  if (!is_away(reply)) return;
  const double seconds = reply.retry_after_s.value_or(0) + backoff(++server.failures);
  server.rests_until = std::max(server.rests_until, Clock::now() + duration_of(seconds));
  server.idle.clear();  // connections of before may lead nowhere
  if (!away_since_) away_since_ = Clock::now();
}

int HttpServers::most_samples() const {
  const std::lock_guard lock(mutex_);
  int most = 1;
  for (const Server& server : servers_) most = std::max(most, server.info ? server.info->most_samples : 1);
  return most;
}

std::string HttpServers::limit_samples(std::size_t server, int most) {
  const std::lock_guard lock(mutex_);
  std::optional<ServerInfo>& info = servers_[server].info;
  if (!info || info->most_samples <= most) return "";
  info->most_samples = most;
  return fmt::format("{} gave {} samples where more were asked for: it is asked for no more than that",
                     servers_[server].name, most);
}

void HttpServers::saw_text(std::size_t index, bool fits) {
  constexpr int kFirst = 8;
  const std::lock_guard lock(mutex_);
  Server& server = servers_[index];
  server.spells_text = server.spells_text || fits;
  if (server.spells_text || ++server.unlike_text < kFirst) return;
  throw Error(
      kOperation,
      fmt::format("{}: expected token ids that spell the text beside them, in {} samples they spell another",
                  server.name, kFirst),
      "the server's model and the tokenizer of --model do not belong together");
}

double HttpServers::seconds_away() const {
  const std::lock_guard lock(mutex_);
  return away_since_ ? std::chrono::duration<double>(Clock::now() - *away_since_).count() : 0;
}

std::string HttpServers::troubles() const {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const Server& server : servers_)
    if (!server.problem.empty()) text += (text.empty() ? "" : "; ") + server.name + ": " + server.problem;
  return text;
}

bool HttpServers::is_to_report(Clock::duration every) {
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  if (now - reported_ < every * 9 / 10) return false;  // a session counts from its own last change
  reported_ = now;
  return true;
}

double HttpServers::backoff(int failures) {
  const double longest =
      std::min(kLongestBackoff_s, config_.backoff_s * std::exp2(std::min(failures - 1, 30)));
  // Of several processes that a server turned away not all are to come back at once.
  RngStream rng(key_of("backoff"), {static_cast<std::uint64_t>(::getpid()), draws_++});
  return longest * (0.5 + 0.5 * rng.uniform());
}

}  // namespace pope
