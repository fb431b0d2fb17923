// Requests by libcurl, which keeps one deadline over all that a request does.
#include "verify/http_client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>

#include "core/chars.h"
#include "core/error.h"
#include "core/interrupt.h"

namespace pope {
namespace {

using Clock = std::chrono::steady_clock;

constexpr long kLongestConnect_s = 10;
constexpr double kLongestRetryAfter_s = 600;
constexpr double kRounding_s = 0.1;  // of libcurl's times, generously
constexpr std::size_t kLongestHeader = 1 << 16;

void start_library() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK)
    throw Error("http", std::string("cannot start the HTTP library: ") + curl_easy_strerror(started));
}

// "Retry-After: 5". A date is not read: the caller waits as it sees fit.
std::optional<double> retry_after(std::string_view header) {
  constexpr std::string_view kName = "retry-after:";
  const auto same = [](char a, char b) { return lower(a) == b; };
  if (header.size() < kName.size() || !std::equal(kName.begin(), kName.end(), header.begin(),
                                                  [&](char name, char given) { return same(given, name); }))
    return std::nullopt;
  const std::string_view text = trim(header.substr(kName.size()));
  double seconds = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (code != std::errc() || end != text.data() + text.size() || !(seconds >= 0)) return std::nullopt;
  return std::min(seconds, kLongestRetryAfter_s);
}

HttpReply::Outcome outcome_of(CURLcode code) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
      return HttpReply::Outcome::untrusted;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:  // before the deadline: connecting took too long
    case CURLE_SSL_CONNECT_ERROR:
      return HttpReply::Outcome::unreachable;
    default:
      return HttpReply::Outcome::broken;
  }
}

std::string words_of(HttpReply::Outcome outcome, CURLcode code) {
  if (outcome == HttpReply::Outcome::untrusted) return "its certificate is not trusted";
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return "no such host";
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
      return "no connection";
    case CURLE_SSL_CONNECT_ERROR:
      return "no TLS connection";
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
      return "the connection ended before the reply was whole";
    default:
      return std::string("no reply that can be read: ") + curl_easy_strerror(code);
  }
}

}  // namespace

std::optional<HttpUrl> parse_http_url(std::string_view text) {
  const std::size_t scheme = text.find("://");
  if (!text.starts_with("http://") && !text.starts_with("https://")) return std::nullopt;
  if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c <= ' ' || c == '?' || c == '#'; }))
    return std::nullopt;
  const std::size_t slash = std::min(text.find('/', scheme + 3), text.size());
  const std::string_view host = text.substr(scheme + 3, slash - scheme - 3);
  if (host.empty() || host.starts_with(':') || host.find('@') != std::string_view::npos) return std::nullopt;
  HttpUrl url{std::string(text.substr(0, slash)), std::string(text.substr(slash))};
  while (url.path.ends_with('/')) url.path.pop_back();
  return url;
}

struct HttpClient::Impl {
  Impl(std::string given_origin, const Headers& given)
      : origin(std::move(given_origin)), handle(curl_easy_init()) {
    if (handle == nullptr) throw Error("http", "cannot start the HTTP library: out of memory");
    // Long requests do not wait for "100 Continue".
    for (const char* line : {"Content-Type: application/json", "Expect:"})
      headers = curl_slist_append(headers, line);
    for (const auto& [name, value] : given)
      headers = curl_slist_append(headers, (name + ": " + value).c_str());
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(handle, CURLOPT_PROXY, "");     // whatever the environment says
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);  // there are threads
#if LIBCURL_VERSION_NUM >= 0x075700
    curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L);  // a name that is still looked up is not waited for
#endif
    curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, is_cancelled);
    curl_easy_setopt(handle, CURLOPT_XFERINFODATA, this);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, this);
    if (const char* certificates = std::getenv("SSL_CERT_FILE"))
      curl_easy_setopt(handle, CURLOPT_CAINFO, certificates);
    // A host that is gone without a word is noticed within minutes, also where a reply may take an hour.
    curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(handle, CURLOPT_TCP_KEEPIDLE, 20L);
    curl_easy_setopt(handle, CURLOPT_TCP_KEEPINTVL, 10L);
  }
  ~Impl() {
    curl_easy_cleanup(handle);
    curl_slist_free_all(headers);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  HttpReply get(const std::string& path, const HttpLimits& limits) {
    curl_easy_setopt(handle, CURLOPT_HTTPGET, 1L);
    return send(path, limits);
  }
  HttpReply post(const std::string& path, const std::string& json, const HttpLimits& limits) {
    curl_easy_setopt(handle, CURLOPT_POST, 1L);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, json.data());
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(json.size()));
    return send(path, limits);
  }

  HttpReply send(const std::string& path, const HttpLimits& limits) {
    reply = {};
    header = 0;
    most = limits.max_reply_bytes;
    too_large = false;
    curl_easy_setopt(handle, CURLOPT_URL, (origin + path).c_str());
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, kLongestConnect_s);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS,
                     std::max(1L, static_cast<long>(std::ceil(limits.timeout_s * 1000))));
    const auto begin = Clock::now();
    const CURLcode code = curl_easy_perform(handle);
    if (code == CURLE_OK) {
      long status = 0;
      curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
      reply.status = static_cast<int>(status);
      if (reply.status != 200) reply.problem = fmt::format("status {}", reply.status);
      return std::move(reply);
    }
    reply.body.clear();
    if (cancelled || (code == CURLE_ABORTED_BY_CALLBACK && interrupted())) {
      reply.outcome = HttpReply::Outcome::cancelled;
      reply.problem = "cancelled";
    } else if (too_large) {
      reply.outcome = HttpReply::Outcome::too_large;
      reply.problem = header > kLongestHeader ? fmt::format("a header of more than {} bytes", kLongestHeader)
                                              : fmt::format("a reply of more than {} bytes", most);
    } else if (code == CURLE_OPERATION_TIMEDOUT &&
               std::chrono::duration<double>(Clock::now() - begin).count() > limits.timeout_s - kRounding_s) {
      reply.outcome = HttpReply::Outcome::timed_out;
      reply.problem = fmt::format("no whole reply within {:g} s", limits.timeout_s);
    } else {
      reply.outcome = outcome_of(code);
      reply.problem = words_of(reply.outcome, code);
    }
    return std::move(reply);
  }

  // What libcurl calls. To take fewer bytes than there are ends the request.
  static std::size_t take_header(const char* data, std::size_t, std::size_t bytes, void* self) {
    auto& impl = *static_cast<Impl*>(self);
    impl.header += bytes;
    impl.too_large = impl.header > kLongestHeader;
    if (impl.too_large) return 0;
    if (const auto seconds = retry_after({data, bytes})) impl.reply.retry_after_s = seconds;
    return bytes;
  }
  static std::size_t take_body(const char* data, std::size_t, std::size_t bytes, void* self) {
    auto& impl = *static_cast<Impl*>(self);
    impl.too_large = impl.reply.body.size() + bytes > impl.most;
    if (impl.too_large) return 0;
    impl.reply.body.append(data, bytes);
    return bytes;
  }
  static int is_cancelled(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Impl*>(self)->cancelled || interrupted() ? 1 : 0;
  }

  std::string origin;
  CURL* handle;
  curl_slist* headers = nullptr;
  std::atomic<bool> cancelled = false;
  // Of the request in progress; bytes of its header, and most that its body may have.
  HttpReply reply;
  std::size_t header = 0, most = 0;
  bool too_large = false;
};

HttpClient::HttpClient(const std::string& origin, Headers headers) {
  start_library();
  if (origin.starts_with("https://") &&
      (curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_SSL) == 0) {
    throw Error("http", "expected an address with http://, got '" + origin + "'",
                "the HTTP library of this system has no TLS: put a local proxy in front");
  }
  impl_ = std::make_unique<Impl>(origin, headers);
}

HttpClient::~HttpClient() = default;

HttpReply HttpClient::get(const std::string& path, const HttpLimits& limits) {
  return impl_->get(path, limits);
}

HttpReply HttpClient::post(const std::string& path, std::string json, const HttpLimits& limits) {
  return impl_->post(path, json, limits);
}

void HttpClient::cancel() { impl_->cancelled = true; }

}  // namespace pope
