// One run of the HTTP engine: requests are cut into pieces, threads of their own carry pieces to servers and
// bring samples back, and the caller's thread hands them on. A piece is either with a server, or waits, or
// its samples have arrived: so whatever happens to servers and connections, each rollout comes once.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "rollout/engine.h"
#include "rollout/http_completion.h"
#include "rollout/http_servers.h"

namespace pope {

struct HttpCounters {
  std::atomic<std::int64_t> prefill_tokens = 0, sampled_tokens = 0;
};

// What Engine::run() is given.
struct HttpJob {
  const SamplingConfig& sampling;
  std::uint64_t seed;
  std::vector<int> stop_tokens;
  const NextRequest& next;
  const OnRollout& done;
  const ContinueSampling& go_on;
  std::chrono::milliseconds report_every = std::chrono::seconds(30);  // while nothing arrives
};

class HttpSession {
 public:
  HttpSession(HttpServers& servers, const EngineConfig& config, const Tokenizer& tokenizer,
              std::int64_t context, HttpCounters& counters, HttpJob job);
  // Cancels what is under way.
  ~HttpSession();
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;

  // Interrupted, where a stop is requested meanwhile.
  void run();

 private:
  using Clock = HttpServers::Clock;
  struct Group {
    Request request;
    Repeats repeats;
  };
  // Samples first … first + samples − 1 of a group (counted as Request::first_sample is).
  struct Piece {
    std::shared_ptr<Group> group;
    int first = 0, samples = 0;
    int failures = 0;
    Clock::time_point due{};
  };
  struct Flight {
    HttpClient* client;
    std::size_t server;
    int samples;
    Clock::time_point since;
  };
  // What came of asking a server. reply.problem is empty where there are samples.
  struct Answer {
    CompletionCall call;
    HttpReply reply;
    std::vector<Completion> completions;
    bool logprobs_fit = true;  // they are those at the sampling temperature
    std::int64_t version = 0;  // of the weights that the server had when it was asked
  };
  using Lock = std::unique_lock<std::mutex>;

  bool fill(Lock& lock);
  bool wait_for_change(Lock& lock);
  bool wants_more() const;
  void check(const Request& request) const;
  void split(Request&& request);
  void start_threads();
  void work();
  std::list<Piece>::iterator next_piece(Clock::time_point& wake);
  void carry(Lock& lock, Piece piece, HttpServers::Place place);
  Answer ask(const Piece& piece, HttpServers::Place& place);
  int accept(const Piece& piece, std::size_t server, const Answer& answer);
  void put_back(Piece piece, const HttpReply& reply, const std::string& server);
  std::uint32_t seed_of(const Piece& piece) const;
  HttpLimits limits(const CompletionCall& call) const;
  std::string waiting_line(Clock::time_point now) const;

  HttpServers& servers_;
  const EngineConfig& config_;
  const Tokenizer& tokenizer_;
  const std::int64_t context_;
  HttpCounters& counters_;
  const HttpJob job_;

  std::mutex mutex_;
  std::condition_variable piece_, arrival_;  // for threads; for the caller
  std::list<Piece> waiting_;
  std::list<Flight> flights_;
  int under_way_ = 0;  // samples in flights_
  std::deque<Rollout> arrived_;
  std::vector<std::string> notes_;  // for the log
  std::exception_ptr failure_;
  bool dry_ = false;  // `next` had nothing and no rollout has arrived since
  bool stop_ = false;
  int idle_ = 0;  // threads that wait for a piece
  std::vector<std::thread> threads_;
};

}  // namespace pope
