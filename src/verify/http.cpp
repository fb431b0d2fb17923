// Connections, and what comes back over them.
#include "verify/http.h"

#include <fmt/format.h>
#include <httplib.h>

#include <atomic>
#include <chrono>

#include "core/error.h"
#include "verify/external.h"

namespace pope {
namespace {

struct Endpoint {
  std::string host, path;  // "http://grader:8000", "/grade"
};

Endpoint endpoint_of(const std::string& url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string::npos || (!url.starts_with("http://") && !url.starts_with("https://")))
    throw Error("verifier", "expected verify.url such as http://localhost:8000/grade, got '" + url + "'");
#ifndef CPPHTTPLIB_OPENSSL_SUPPORT
  if (url.starts_with("https://"))
    throw Error(
        "verifier", "expected verify.url with http://, got '" + url + "'",
        "the HTTP library of this build has no TLS: put a local proxy in front, or use verify.kind=command");
#endif
  const std::size_t slash = url.find('/', scheme + 3);
  if (slash == std::string::npos) return {url, "/"};
  return {url.substr(0, slash), url.substr(slash)};
}

class HttpVerifier : public Verifier {
 public:
  explicit HttpVerifier(const VerifyConfig& config)
      : endpoint_(endpoint_of(config.url)), workers_(config.workers), pool_(clients(config, endpoint_)) {}

  int parallel() const override { return workers_; }

  Verdict verify(const Problem& problem, std::string_view completion) const override {
    const std::uint64_t id = ++last_id_;
    const std::string request = grader_request(id, problem, completion);
    Pool<httplib::Client>::Lease client(pool_);
    const httplib::Result result = client->Post(endpoint_.path, request, "application/json");
    if (!result)
      return failed_verdict(fmt::format("could not be reached at {}{}: {}", endpoint_.host, endpoint_.path,
                                        httplib::to_string(result.error())));
    if (result->status != 200) return failed_verdict(fmt::format("replied with status {}", result->status));
    Verdict verdict;
    if (!read_reply(result->body, id, verdict))
      return failed_verdict("replied with no JSON object of this id");
    return verdict;
  }

 private:
  static std::vector<std::unique_ptr<httplib::Client>> clients(const VerifyConfig& config,
                                                               const Endpoint& endpoint) {
    const auto limit = std::chrono::milliseconds(static_cast<std::int64_t>(config.timeout_s * 1000));
    std::vector<std::unique_ptr<httplib::Client>> out;
    for (int i = 0; i < config.workers; ++i) {
      auto client = std::make_unique<httplib::Client>(endpoint.host);
      client->set_keep_alive(true);
      client->set_connection_timeout(limit);
      client->set_read_timeout(limit);
      client->set_write_timeout(limit);
      out.push_back(std::move(client));
    }
    return out;
  }

  Endpoint endpoint_;
  int workers_;
  mutable Pool<httplib::Client> pool_;
  mutable std::atomic<std::uint64_t> last_id_ = 0;
};

}  // namespace

std::unique_ptr<Verifier> make_http_verifier(const VerifyConfig& config) {
  return std::make_unique<HttpVerifier>(config);
}

}  // namespace pope
