// Connections, what comes back over them, and what is tried again.
#include "verify/http.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <chrono>
#include <thread>

#include "core/error.h"
#include "verify/external.h"
#include "verify/http_client.h"

namespace pope {
namespace {

using Clock = std::chrono::steady_clock;
using Outcome = HttpReply::Outcome;

// Pauses before what failed is tried again.
constexpr std::array<std::chrono::milliseconds, 2> kPauses = {std::chrono::milliseconds(100),
                                                              std::chrono::milliseconds(400)};

// The path is as it is given, with its query.
HttpUrl url_of(const VerifyConfig& config) {
  if (std::optional<HttpUrl> url = parse_http_url(config.url.substr(0, config.url.find('?')))) {
    url->path = config.url.substr(url->origin.size());
    if (!url->path.starts_with('/')) url->path = "/" + url->path;
    return *url;
  }
  throw Error("verifier",
              "expected verify.url such as http://localhost:8000/grade, got '" + config.url + "'");
}

// What may be over in a moment.
bool may_pass(const HttpReply& reply) {
  return reply.outcome == Outcome::unreachable || reply.outcome == Outcome::broken ||
         (reply.outcome == Outcome::answered && reply.status >= 500);
}

class HttpVerifier : public Verifier {
 public:
  explicit HttpVerifier(const VerifyConfig& config)
      : url_(url_of(config)),
        timeout_s_(config.timeout_s),
        workers_(config.workers),
        pool_(clients(config, url_)) {}

  int parallel() const override { return workers_; }

  Verdict verify(const Problem& problem, std::string_view completion) const override {
    const std::uint64_t id = ++last_id_;
    const std::string request = grader_request(id, problem, completion);
    Pool<HttpClient>::Lease client(pool_);
    const auto deadline = deadline_after(timeout_s_);
    for (std::size_t attempt = 0;; ++attempt) {
      const double left_s = std::chrono::duration<double>(deadline - Clock::now()).count();
      const HttpReply reply =
          client->post(url_.path, request, {.timeout_s = left_s, .max_reply_bytes = kMostReply});
      if (!may_pass(reply) || attempt == kPauses.size() || Clock::now() + kPauses[attempt] >= deadline)
        return verdict_of(reply, id);
      std::this_thread::sleep_for(kPauses[attempt]);
    }
  }

 private:
  static std::vector<std::unique_ptr<HttpClient>> clients(const VerifyConfig& config, const HttpUrl& url) {
    std::vector<std::unique_ptr<HttpClient>> out;
    for (int i = 0; i < config.workers; ++i) out.push_back(std::make_unique<HttpClient>(url.origin));
    return out;
  }

  Verdict verdict_of(const HttpReply& reply, std::uint64_t id) const {
    if (reply.outcome == Outcome::timed_out) return timed_out_verdict(timeout_s_);
    if (reply.outcome == Outcome::too_large) return failed_verdict("gave " + reply.problem);
    if (reply.outcome != Outcome::answered) {
      const char* what = reply.outcome == Outcome::broken ? "broke off" : "could not be reached";
      return failed_verdict(fmt::format("{} at {}{}: {}", what, url_.origin, url_.path, reply.problem));
    }
    if (reply.status != 200) return failed_verdict(fmt::format("replied with status {}", reply.status));
    Verdict verdict;
    if (!read_reply(reply.body, id, verdict)) return failed_verdict("replied with no JSON object of this id");
    return verdict;
  }

  HttpUrl url_;
  double timeout_s_;
  int workers_;
  mutable Pool<HttpClient> pool_;
  mutable std::atomic<std::uint64_t> last_id_ = 0;
};

}  // namespace

std::unique_ptr<Verifier> make_http_verifier(const VerifyConfig& config) {
  return std::make_unique<HttpVerifier>(config);
}

}  // namespace pope
