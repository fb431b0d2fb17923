// See http_session.h.
#include "rollout/http_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "core/rng.h"

namespace pope {
namespace {

constexpr auto kOperation = "http engine";

std::chrono::steady_clock::duration duration_of(double seconds) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(seconds));
}

}  // namespace

HttpSession::HttpSession(HttpServers& servers, const EngineConfig& config, const Tokenizer& tokenizer,
                         std::int64_t context, HttpCounters& counters, HttpJob job)
    : servers_(servers),
      config_(config),
      tokenizer_(tokenizer),
      context_(context),
      counters_(counters),
      job_(std::move(job)) {}

HttpSession::~HttpSession() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    for (const Flight& flight : flights_) flight.client->cancel();
  }
  piece_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void HttpSession::run() {
  Lock lock(mutex_);
  while (true) {
    for (const std::string& note : std::exchange(notes_, {})) log_line(note);
    if (!arrived_.empty()) {
      Rollout rollout = std::move(arrived_.front());
      arrived_.pop_front();
      dry_ = false;
      lock.unlock();
      job_.done(std::move(rollout));
      lock.lock();
      continue;
    }
    if (failure_) std::rethrow_exception(failure_);
    stop_if_interrupted();  // it ended the requests that were under way
    if (!fill(lock)) return;
    if (!arrived_.empty() || failure_) continue;
    if (waiting_.empty() && under_way_ == 0) return;
    start_threads();
    if (!wait_for_change(lock) && servers_.is_to_report(job_.report_every))
      log_line(waiting_line(Clock::now()));
  }
}

// False: nothing has changed for as long as a waiter is left without a word.
bool HttpSession::wait_for_change(Lock& lock) {
  constexpr std::chrono::milliseconds kLook{100};  // for a request to stop, which notifies nobody
  const auto changed = [&] { return !arrived_.empty() || failure_ || wants_more() || interrupted(); };
  for (auto left = job_.report_every; left.count() > 0; left -= kLook) {
    if (arrival_.wait_for(lock, std::min(left, kLook), changed)) return true;
  }
  return false;
}

// Pulls requests while there is room for their samples; false: the caller says stop.
bool HttpSession::fill(Lock& lock) {
  while (wants_more()) {
    lock.unlock();
    const bool go_on = job_.go_on();
    std::optional<Request> request = go_on ? job_.next() : std::nullopt;
    lock.lock();
    if (!go_on) return false;
    dry_ = !request;
    if (!request) break;
    check(*request);
    split(std::move(*request));
  }
  return true;
}

bool HttpSession::wants_more() const {
  int samples = under_way_;
  for (const Piece& piece : waiting_) samples += piece.samples;
  return !dry_ && !stop_ && samples < job_.sampling.batch_size;
}

void HttpSession::check(const Request& request) const {
  if (request.prompt.empty())
    throw Error("sample", "expected a prompt of at least one token, got an empty one");
  if (request.samples < 0)
    throw Error("sample", fmt::format("expected samples ≥ 0, got {}", request.samples));
  const auto needed = static_cast<std::int64_t>(request.prompt.size()) + job_.sampling.max_new_tokens;
  if (needed > context_) {
    throw Error(
        "sample",
        fmt::format("expected prompt + max_new_tokens ≤ {} (the context of model and servers), got {} + {}",
                    context_, request.prompt.size(), job_.sampling.max_new_tokens),
        "lower max_new_tokens or drop long prompts");
  }
}

void HttpSession::split(Request&& request) {
  const int most = std::min(servers_.most_samples(), job_.sampling.batch_size);
  const int end = request.first_sample + request.samples;
  const auto group = std::make_shared<Group>();
  group->request = std::move(request);
  for (int first = group->request.first_sample; first < end; first += most)
    waiting_.push_back({.group = group, .first = first, .samples = std::min(most, end - first)});
}

// As many as there are pieces to carry.
void HttpSession::start_threads() {
  const auto lacking = static_cast<int>(waiting_.size()) - idle_;
  for (int i = 0; i < lacking && std::cmp_less(threads_.size(), config_.connections); ++i) {
    threads_.emplace_back([this] { work(); });
    ++idle_;
  }
  piece_.notify_all();
}

void HttpSession::work() {
  Lock lock(mutex_);
  while (!stop_) {
    Clock::time_point wake = Clock::time_point::max();
    const auto piece = next_piece(wake);
    if (piece != waiting_.end()) {
      Clock::time_point rested;
      std::optional<HttpServers::Place> place = servers_.take(piece->samples, rested);
      if (place) {
        Piece taken = std::move(*piece);
        waiting_.erase(piece);
        --idle_;
        try {
          carry(lock, std::move(taken), std::move(*place));
        } catch (...) {  // whatever it is goes on in run(), on the caller's thread
          failure_ = std::current_exception();
          stop_ = true;
        }
        ++idle_;
        arrival_.notify_one();
        piece_.notify_all();
        continue;
      }
      wake = rested;
      if (flights_.empty() && servers_.seconds_away() >= config_.give_up_s) {
        failure_ = std::make_exception_ptr(Error(
            kOperation,
            fmt::format("no server has answered for {}: {}", duration(servers_.seconds_away()),
                        servers_.troubles()),
            "start it again once they do: what was finished is not lost; engine.give_up_s says how long to "
            "wait"));
        stop_ = true;
        arrival_.notify_one();
        return;
      }
    }
    if (wake == Clock::time_point::max()) {
      piece_.wait(lock);
    } else {
      piece_.wait_until(lock, wake);
    }
  }
}

// The first piece that is due and for whose samples there is room; else end, and when to look again.
std::list<HttpSession::Piece>::iterator HttpSession::next_piece(Clock::time_point& wake) {
  const Clock::time_point now = Clock::now();
  for (auto piece = waiting_.begin(); piece != waiting_.end(); ++piece) {
    if (piece->due > now) {
      wake = std::min(wake, piece->due);
    } else if (under_way_ == 0 || under_way_ + piece->samples <= job_.sampling.batch_size) {
      return piece;
    }
  }
  return waiting_.end();
}

// Takes a piece to a server; its samples have arrived at the end, or it waits again.
void HttpSession::carry(Lock& lock, Piece piece, HttpServers::Place place) {
  const std::string& server = servers_.name(place.server);
  const auto flight =
      flights_.insert(flights_.end(), {place.client.get(), place.server, piece.samples, Clock::now()});
  under_way_ += piece.samples;
  lock.unlock();
  Answer answer;
  std::exception_ptr error;
  try {
    answer = ask(piece, place);
  } catch (...) {  // thrown again below, once the flight is over
    error = std::current_exception();
    answer.reply = {.outcome = HttpReply::Outcome::cancelled, .problem = "cancelled"};
  }
  lock.lock();
  under_way_ -= piece.samples;
  flights_.erase(flight);
  const std::size_t index = place.server;
  if (!answer.reply.problem.empty()) {
    servers_.failed(std::move(place), answer.reply);
    if (error) std::rethrow_exception(error);
    stop_ = stop_ || answer.reply.outcome == HttpReply::Outcome::cancelled;
    if (stop_) return;
    refuse_if_final(answer.reply, server, config_);
    put_back(std::move(piece), answer.reply, server);
    return;
  }
  servers_.answered(std::move(place));
  counters_.prefill_tokens += std::ssize(piece.group->request.prompt);
  const int taken = accept(piece, index, answer);
  piece.first += taken;
  piece.samples -= taken;
  if (std::cmp_less(taken, answer.completions.size())) {
    answer.reply.problem = "a sample that the server gave up (\"abort\")";
    put_back(std::move(piece), answer.reply, server);
  } else if (piece.samples > 0) {
    piece.failures = 0;
    waiting_.push_front(std::move(piece));
  }
}

// Called without the lock.
HttpSession::Answer HttpSession::ask(const Piece& piece, HttpServers::Place& place) {
  Answer answer;
  const std::optional<ServerInfo> info = servers_.prepare(place, answer.reply);
  if (!info) return answer;
  const PublishedWeights* weights = place.weights.get();
  if (weights != nullptr) answer.version = weights->version;
  const Request& request = piece.group->request;
  CompletionCall& call = answer.call;
  call.model = info->model;
  if (info->takes_ids) {
    call.prompt = request.prompt;
  } else {
    call.prompt_text = prompt_text(request.prompt, tokenizer_);
  }
  call.samples = std::min(piece.samples, info->most_samples);
  call.max_new_tokens = job_.sampling.max_new_tokens;
  call.temperature = job_.sampling.temperature;
  call.logprobs = info->gives_logprobs;
  call.seed = seed_of(piece);
  if (info->owner == "pope") call.draws = CompletionCall::Draws{job_.seed, request.rng_key, piece.first};
  const ServerWeights* flavour = weights != nullptr ? server_weights(info->owner) : nullptr;
  if (flavour != nullptr && weights->adapter && flavour->adapter_by_name) call.adapter = weights->label;
  call.stop_tokens = job_.stop_tokens;
  constexpr std::size_t kMostStops = 4;  // that OpenAI's API takes
  for (const int id : job_.stop_tokens) {
    std::string text = tokenizer_.decode(std::vector<int>{id}, false);
    if (!text.empty() && call.stop_texts.size() < kMostStops) call.stop_texts.push_back(std::move(text));
  }
  const HttpUrl& url = servers_.url(place.server);
  HttpReply& reply = answer.reply;
  reply = place.client->post(url.path + completion_path(info->kind), completion_body(info->kind, call),
                             limits(call));
  if (reply.outcome == HttpReply::Outcome::answered && reply.status != 200)
    reply.problem += ": " + error_message(reply.body);
  if (!call.adapter.empty() && reply.outcome == HttpReply::Outcome::answered && reply.status == 404) {
    servers_.forget_weights(place.server);  // it was started anew: it can have the adapter again
    reply.outcome = HttpReply::Outcome::broken;
  }
  if (!reply.ok()) return answer;
  CompletionReply read = read_completions(info->kind, call, reply.body);
  reply.problem = std::move(read.problem);
  if (flavour != nullptr && flavour->tells_label && call.adapter.empty() &&
      !is_no_older(read.weights, *weights)) {
    servers_.forget_weights(place.server);
    reply.problem =
        fmt::format("samples of the weights '{}', where '{}' were published", read.weights, weights->label);
  }
  answer.completions = std::move(read.completions);
  answer.logprobs_fit = info->tempered || call.temperature == 1 || call.temperature == 0;
  return answer;
}

// The rollouts of what came back have arrived; returns how many of the piece, from its first on.
int HttpSession::accept(const Piece& piece, std::size_t server, const Answer& answer) {
  if (std::cmp_less(answer.completions.size(), answer.call.samples)) {
    std::string note = servers_.limit_samples(server, static_cast<int>(answer.completions.size()));
    if (!note.empty()) notes_.push_back(std::move(note));
  }
  const std::string& name = servers_.name(server);
  int taken = 0;
  for (const Completion& completion : answer.completions) {
    std::optional<Rollout> rollout = rollout_of(completion, answer.call, tokenizer_, name);
    if (!rollout) break;
    if (const std::optional<bool> fits = text_fits(completion, tokenizer_)) servers_.saw_text(server, *fits);
    if (answer.call.temperature > 0 && piece.group->repeats.add(completion)) {
      throw Error(
          kOperation,
          fmt::format("{}: expected samples that differ, got one of {} tokens twice for a prompt", name,
                      rollout->tokens.size()),
          "the server does not heed seeds: engine.samples_per_request=1 may help, or a server started "
          "without a fixed seed");
    }
    if (!answer.logprobs_fit)
      std::fill(rollout->logprobs.begin(), rollout->logprobs.end(), std::numeric_limits<float>::quiet_NaN());
    rollout->tag = piece.group->request.tag;
    rollout->sample = piece.first + taken++;
    rollout->policy_version = answer.version;
    counters_.sampled_tokens += std::ssize(rollout->tokens);
    arrived_.push_back(std::move(*rollout));
  }
  return taken;
}

void HttpSession::put_back(Piece piece, const HttpReply& reply, const std::string& server) {
  if (!is_away(reply)) {  // a server that is away says nothing about the request
    if (++piece.failures >= config_.attempts) {
      const std::vector<int>& prompt = piece.group->request.prompt;
      throw Error(
          kOperation,
          fmt::format("{}: a request for {} samples of a prompt of {} tokens failed {} times, the last time "
                      "with {}; the prompt ends with {}",
                      server, piece.samples, prompt.size(), piece.failures, reply.problem,
                      dump(tokenizer_.decode(std::span(prompt).last(std::min<std::size_t>(prompt.size(), 20)),
                                             false))),
          reply.outcome == HttpReply::Outcome::timed_out
              ? "raise engine.timeout_s, or lower sampling.max_new_tokens or engine.samples_per_request"
              : "what was finished is not lost; engine.attempts says how often to try");
    }
    piece.due = Clock::now() + duration_of(servers_.backoff(piece.failures));
  }
  waiting_.push_back(std::move(piece));
}

// Sample i of a prompt has the same seed however requests are cut.
std::uint32_t HttpSession::seed_of(const Piece& piece) const {
  constexpr std::uint64_t kSeeds = std::uint64_t{1} << 31;  // servers' seeds are signed here, unsigned there
  const std::uint64_t base = RngStream(job_.seed, {key_of("http"), piece.group->request.rng_key}).next();
  return static_cast<std::uint32_t>((base + static_cast<std::uint64_t>(piece.first)) % kSeeds);
}

// Replies have up to a few hundred bytes a token, more where they describe each token's logprob.
HttpLimits HttpSession::limits(const CompletionCall& call) const {
  constexpr std::size_t kBytes = 2048, kRest = 4 << 20;
  const auto tokens = static_cast<std::size_t>(call.samples) * static_cast<std::size_t>(call.max_new_tokens);
  return {.timeout_s = config_.timeout_s, .max_reply_bytes = kRest + kBytes * tokens};
}

// "rollouts awaited: 12, http://a (8, for 95 s), 4 to be asked for; http://b: status 503"
std::string HttpSession::waiting_line(Clock::time_point now) const {
  std::map<std::size_t, std::pair<int, Clock::time_point>> at;
  for (const Flight& flight : flights_) {
    auto& [samples, since] = at.try_emplace(flight.server, 0, flight.since).first->second;
    samples += flight.samples;
    since = std::min(since, flight.since);
  }
  int waiting = 0;
  for (const Piece& piece : waiting_) waiting += piece.samples;
  std::string line = fmt::format("rollouts awaited: {}", under_way_ + waiting);
  for (const auto& [server, load] : at) {
    line += fmt::format(", {} ({}, for {})", servers_.name(server), load.first,
                        duration(std::chrono::duration<double>(now - load.second).count()));
  }
  if (waiting > 0) line += fmt::format(", {} to be asked for", waiting);
  const std::string troubles = servers_.troubles();
  return troubles.empty() ? line : line + "; " + troubles;
}

}  // namespace pope
