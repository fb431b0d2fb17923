// A client that sends what a test wants to send, whole or in parts, right or wrong.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>

namespace pope::testing {

class RawClient {
 public:
  explicit RawClient(int port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawClient() {
    if (fd_ >= 0) ::close(fd_);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  bool send(std::string_view bytes) const {
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  // All until the server closes, `until` has come, or the time is over.
  std::string read(std::string_view until = "", double seconds = 20) const {
    std::string got;
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (std::chrono::steady_clock::now() < end &&
           (until.empty() || got.find(until) == std::string::npos)) {
      pollfd waits{fd_, POLLIN, 0};
      if (::poll(&waits, 1, 50) <= 0) continue;
      char piece[4096];
      const ssize_t n = ::recv(fd_, piece, sizeof piece, 0);
      if (n <= 0) break;
      got.append(piece, static_cast<std::size_t>(n));
    }
    return got;
  }
  // So many bytes, fewer where the server closes.
  std::string read_some(std::size_t bytes) const {
    std::string got(bytes, '\0');
    const ssize_t n = ::recv(fd_, got.data(), bytes, MSG_WAITALL);
    got.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return got;
  }

 private:
  int fd_;
  bool connected_ = false;
};

// The answer to one request on a connection of its own.
inline std::string asked(int port, const std::string& request) {
  const RawClient client(port);
  client.send(request);
  return client.read();
}
inline std::string get(int port, const std::string& path, const std::string& headers = "") {
  return asked(port,
               "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers + "\r\n");
}
inline std::string post(int port, const std::string& path, const std::string& body,
                        const std::string& headers = "") {
  return asked(port, "POST " + path +
                         " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: " +
                         std::to_string(body.size()) + "\r\n" + headers + "\r\n" + body);
}
inline std::string body_of(const std::string& answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "" : answer.substr(end + 4);
}
// The body of an answer in chunks.
inline std::string unchunked(std::string body) {
  std::string all;
  for (;;) {
    const std::size_t line = body.find("\r\n");
    if (line == std::string::npos) return all;
    const std::size_t size = std::stoul(body, nullptr, 16);
    if (size == 0) return all;
    all += body.substr(line + 2, size);
    body.erase(0, line + 2 + size + 2);
  }
}

}  // namespace pope::testing
