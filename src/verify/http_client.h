// HTTP requests with limits: a deadline for the whole request, whatever it waits for (a name that is looked
// up, a host that does not answer, a reply that drips), and a bound on the size of the reply and its
// header. A reply that is not whole is none. TLS where the HTTP library of the system has it. Redirects are
// not followed: headers may hold a key.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pope {

struct HttpUrl {
  std::string origin;  // "http://host:8000"
  std::string path;    // "" or "/v1", without a slash at its end
};
// Nothing where `text` is no URL of http or https with a host, or holds a name and a password.
std::optional<HttpUrl> parse_http_url(std::string_view text);

struct HttpLimits {
  double timeout_s = 60;
  std::size_t max_reply_bytes = 16 << 20;  // of the body; its header may have 64 KiB
};

struct HttpReply {
  enum class Outcome {
    answered,     // `status` and `body` are there, whatever the status
    unreachable,  // no connection: the request was not sent
    untrusted,    // the server's certificate is not accepted
    broken,       // the connection ended before the reply was whole
    timed_out,
    too_large,
    cancelled
  };
  Outcome outcome = Outcome::answered;
  int status = 0;
  std::string body;
  std::optional<double> retry_after_s;  // what the server asks to wait
  // What went wrong, in words; "" with status 200.
  std::string problem;
  bool ok() const { return outcome == Outcome::answered && status == 200; }
};

// One connection, kept open between requests. For one thread at a time, but for cancel().
class HttpClient {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;
  // Error: https and a library without TLS.
  explicit HttpClient(const std::string& origin, Headers headers = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  HttpReply get(const std::string& path, const HttpLimits& limits);
  HttpReply post(const std::string& path, std::string json, const HttpLimits& limits);
  // Ends the request in progress, within a second, and all later ones, as a request to stop does
  // (core/interrupt.h). From any thread.
  void cancel();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pope
