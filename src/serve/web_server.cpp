// See web_server.h.
#include "serve/web_server.h"

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "core/error.h"
#include "core/progress.h"
#include "serve/config.h"

namespace pope {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTick_ms = 200;  // how soon a stop is seen
constexpr std::size_t kPiece = 64 * 1024;

Clock::time_point in_seconds(double seconds) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

int milliseconds_to(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, kTick_ms));
}

// Adds what there is; false at the end of the stream, the deadline, or when `stop` says so.
bool receive(int fd, std::string& buffer, Clock::time_point deadline,
             const std::atomic<bool>* stop = nullptr) {
  for (;;) {
    pollfd waits{fd, POLLIN, 0};
    const int ready = ::poll(&waits, 1, milliseconds_to(deadline));
    if (ready < 0 && errno != EINTR) return false;
    if (ready > 0) {
      char piece[kPiece];
      const ssize_t got = ::recv(fd, piece, sizeof piece, 0);
      if (got < 0 && errno == EINTR) continue;
      if (got > 0) buffer.append(piece, static_cast<std::size_t>(got));
      return got > 0;
    }
    if (Clock::now() >= deadline || (stop != nullptr && *stop)) return false;
  }
}

const char* reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Payload Too Large";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Internal Server Error";
  }
}

// What the client can do about it.
const char* hint_of(int status) {
  switch (status) {
    case 401:
      return ": Authorization: Bearer KEY is missing or wrong";
    case 403:
      return ": this server answers loopback names only (Host, Origin); a proxy must send one";
    default:
      return "";
  }
}

std::string refusal(int status) {
  const std::string text = fmt::format("{} {}{}\n", status, reason_of(status), hint_of(status));
  return fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
      status, reason_of(status), text.size(), text);
}

// Says no, and takes what the client still sends for a moment: closed at once, the answer would be lost.
void refuse(int fd, int status) {
  const std::string text = refusal(status);
  if (::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return;
  ::shutdown(fd, SHUT_WR);
  const Clock::time_point deadline = in_seconds(1);
  std::string rest;
  while (Clock::now() < deadline && receive(fd, rest, deadline)) rest.clear();
}

int listen_on(const std::string& host, int port) {
  const addrinfo wanted{.ai_flags = AI_PASSIVE, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found);
  if (code != 0)
    throw Error("listen", fmt::format("'{}' is no address: {}", host, ::gai_strerror(code)),
                "127.0.0.1 is this machine alone, 0.0.0.0 all its addresses");
  int error = 0;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    const int fd = ::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
    if (fd < 0) continue;
    const int yes = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (::bind(fd, one->ai_addr, one->ai_addrlen) == 0 && ::listen(fd, 512) == 0) {
      ::freeaddrinfo(found);
      return fd;
    }
    error = errno;
    ::close(fd);
  }
  ::freeaddrinfo(found);
  if (error == EADDRINUSE)
    throw Error("listen", fmt::format("port {} of {} is in use", port, host),
                "another server has it, perhaps one of pope: give another --port, or 0 for any that is free");
  throw Error("listen", fmt::format("port {} of {}: {}", port, host, std::strerror(error)),
              error == EACCES ? "ports below 1024 are the system's: give another --port"
                              : "the address must be one of this machine's");
}

int port_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  char port[NI_MAXSERV] = "0";
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0)
    ::getnameinfo(reinterpret_cast<sockaddr*>(&address), size, nullptr, 0, port, sizeof port, NI_NUMERICSERV);
  return std::atoi(port);
}

}  // namespace

WebExchange::WebExchange(int fd, const WebRequest& request, double write_s)
    : fd_(fd), request_(request), write_s_(write_s) {}

bool WebExchange::send(std::string_view bytes) {
  // A client that takes it slowly is not cut off, but one that takes next to nothing is.
  constexpr double kLeastRate = 16 * 1024;  // bytes per second
  const Clock::time_point end = in_seconds(write_s_ + static_cast<double>(bytes.size()) / kLeastRate);
  Clock::time_point deadline = std::min(end, in_seconds(write_s_));
  while (!bytes.empty() && !broken_) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      deadline = std::min(end, in_seconds(write_s_));
      continue;
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) broken_ = true;
    pollfd waits{fd_, POLLOUT, 0};
    if (!broken_ && ::poll(&waits, 1, milliseconds_to(deadline)) == 0 && Clock::now() >= deadline)
      broken_ = true;
  }
  return !broken_;
}

bool WebExchange::reply(int status, std::string_view type, std::string_view body, const WebHeaders& headers) {
  answered_ = true;
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", status, reason_of(status));
  if (status != 304) head += fmt::format("Content-Type: {}\r\nContent-Length: {}\r\n", type, body.size());
  for (const auto& [name, value] : headers) head += name + ": " + value + "\r\n";
  if (!request_.keeps_open()) {
    head += "Connection: close\r\n";
  } else if (request_.old) {
    head += "Connection: keep-alive\r\n";
  }
  head += "\r\n";
  if (request_.method != "HEAD" && status != 304) head += body;
  return send(head);
}

bool WebExchange::begin(std::string_view type) {
  answered_ = streams_ = true;
  return send(fmt::format("HTTP/1.1 200 OK\r\nContent-Type: {}\r\nCache-Control: no-store\r\n{}\r\n", type,
                          request_.old ? "Connection: close\r\n" : "Transfer-Encoding: chunked\r\n"));
}

bool WebExchange::write(std::string_view part) {
  if (part.empty()) return !broken_;  // an empty chunk would end the answer
  return request_.old ? send(part) : send(fmt::format("{:x}\r\n{}\r\n", part.size(), part));
}

bool WebExchange::end() {
  if (!answered_) reply(500, "text/plain", "500 no answer\n");
  if (streams_ && !request_.old) send("0\r\n\r\n");
  return !broken_ && request_.keeps_open() && !(streams_ && request_.old);
}

bool WebExchange::client_is_gone() const {
  char one;
  const ssize_t got = ::recv(fd_, &one, 1, MSG_PEEK | MSG_DONTWAIT);
  return broken_ || got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

WebServer::WebServer(const std::string& host, int port, const WebLimits& limits, Handler handler,
                     Admits admits)
    : host_(host),
      limits_(limits),
      handler_(std::move(handler)),
      admits_(std::move(admits)),
      listener_(listen_on(host, port)) {
  port_ = port_of(listener_);
  acceptor_ = std::thread([this] { accept_all(); });
}

WebServer::~WebServer() { stop(0); }

std::string WebServer::url() const {
  const bool six = host_.find(':') != std::string::npos;
  return fmt::format("http://{}{}{}:{}", six ? "[" : "", host_, six ? "]" : "", port_);
}

int WebServer::connections() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(connections_.size());
}

void WebServer::stop(double grace_s) {
  if (!stopping_.exchange(true)) {
    acceptor_.join();
    ::close(listener_);
  }
  std::unique_lock lock(mutex_);
  const auto none = [this] { return connections_.empty(); };
  if (left_.wait_until(lock, in_seconds(grace_s), none)) return;
  for (const Connection& one : connections_) ::shutdown(one.fd, SHUT_RDWR);
  left_.wait(lock, none);
}

void WebServer::accept_all() {
  while (!stopping_) {
    pollfd waits{listener_, POLLIN, 0};
    if (::poll(&waits, 1, kTick_ms) <= 0) continue;
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) {
      admit(fd);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
      make_room();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
}

void WebServer::admit(int fd) {
  bool full = false;
  {
    const std::lock_guard lock(mutex_);
    full = static_cast<int>(connections_.size()) >= limits_.connections;
  }
  if (full && !make_room()) {
    const std::string text = refusal(503);
    ::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::close(fd);
    return;
  }
  Place place;
  {
    const std::lock_guard lock(mutex_);
    place = connections_.insert(connections_.end(), Connection{fd});
  }
  try {
    std::thread([this, place] { serve(place); }).detach();  // stop() waits for it
  } catch (const std::system_error&) {                      // no more threads
    ::close(fd);
    const std::lock_guard lock(mutex_);
    connections_.erase(place);
  }
}

// Ends the connection that has been waited for longest; false where all are being answered.
bool WebServer::make_room() {
  const std::lock_guard lock(mutex_);
  Connection* oldest = nullptr;
  for (Connection& one : connections_) {
    if (one.waiting && (oldest == nullptr || one.since < oldest->since)) oldest = &one;
  }
  if (oldest == nullptr) return false;
  ::shutdown(oldest->fd, SHUT_RDWR);
  oldest->waiting = false;  // it is on its way
  return true;
}

void WebServer::set_waiting(Place place, bool waiting) {
  const std::lock_guard lock(mutex_);
  place->waiting = waiting;
  place->since = Clock::now();
}

void WebServer::serve(Place place) {
  std::string buffer;
  try {
    while (serve_one(place, buffer)) set_waiting(place, true);
  } catch (const std::exception& error) {  // no memory for what it sends
    log_line(fmt::format("a connection is given up: {}", error.what()));
  }
  const std::lock_guard lock(mutex_);
  ::close(place->fd);
  connections_.erase(place);
  left_.notify_all();
}

bool WebServer::serve_one(Place place, std::string& buffer) {
  const int fd = place->fd;
  if (buffer.empty() && !receive(fd, buffer, in_seconds(limits_.idle_s), &stopping_)) return false;
  const Clock::time_point deadline = in_seconds(limits_.head_s);
  std::size_t end;
  while ((end = buffer.find("\r\n\r\n")) == std::string::npos || end > limits_.head_bytes) {
    if (buffer.size() > limits_.head_bytes) return refuse(fd, 431), false;
    if (!receive(fd, buffer, deadline, &stopping_)) return refuse(fd, 408), false;
  }
  std::optional<WebRequest> request = parse_head(std::string_view(buffer).substr(0, end));
  buffer.erase(0, end + 4);
  const std::optional<BodyLength> length = request ? body_length(*request) : std::nullopt;
  if (!length) return refuse(fd, 400), false;
  if (stopping_) return refuse(fd, 503), false;
  if (!is_for_us(*request)) return refuse(fd, 403), false;
  if (const int refused = admits_ ? admits_(*request) : 0) return refuse(fd, refused), false;
  int status = 408;
  if (!read_body(fd, *length, buffer, *request, status)) return refuse(fd, status), false;
  set_waiting(place, false);
  WebExchange exchange(fd, *request, limits_.write_s);
  try {
    handler_(exchange);
  } catch (const std::exception& error) {
    log_line(fmt::format("{} {}: {}", request->method, request->path, error.what()));
    if (exchange.answered_) return false;
    exchange.reply(500, "text/plain", "500 Internal Server Error\n");
  }
  return exchange.end() && !stopping_;
}

bool WebServer::read_body(int fd, const BodyLength& length, std::string& buffer, WebRequest& request,
                          int& status) {
  const Clock::time_point deadline = in_seconds(limits_.body_s);
  const auto fill = [&](std::size_t bytes) {
    while (buffer.size() < bytes) {
      if (!receive(fd, buffer, deadline, &stopping_)) return false;
    }
    return true;
  };
  const auto refused = [&](int code) {
    status = code;
    return false;
  };
  if (!length.chunked && length.bytes > limits_.body_bytes) return refused(413);
  if ((length.chunked || length.bytes > 0) && request.header("expect") == "100-continue") {
    const std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    if (::send(fd, go_on.data(), go_on.size(), MSG_NOSIGNAL) < 0) return false;
  }
  if (!length.chunked) {
    if (!fill(length.bytes)) return false;
    std::string rest = buffer.substr(length.bytes);
    buffer.resize(length.bytes);
    request.body = std::exchange(buffer, std::move(rest));
    return true;
  }
  for (;;) {
    std::size_t line;
    while ((line = buffer.find("\r\n")) == std::string::npos) {
      if (buffer.size() > limits_.head_bytes) return refused(400);
      if (!receive(fd, buffer, deadline, &stopping_)) return false;
    }
    const std::optional<std::uint64_t> size = chunk_size(std::string_view(buffer).substr(0, line));
    if (!size) return refused(400);
    buffer.erase(0, line + 2);
    if (*size > limits_.body_bytes - request.body.size()) return refused(413);
    if (!fill(*size + 2)) return false;
    if (buffer.compare(*size, 2, "\r\n") != 0) return refused(400);  // trailers are not taken
    request.body.append(buffer, 0, *size);
    buffer.erase(0, *size + 2);
    if (*size == 0) return true;
  }
}

bool WebServer::is_for_us(const WebRequest& request) const {
  if (!is_loopback(host_)) return true;
  const std::string host = request.header("host"), origin = request.header("origin");
  return (host.empty() || is_loopback(host_name(host))) && (origin.empty() || is_loopback(host_name(origin)));
}

}  // namespace pope
