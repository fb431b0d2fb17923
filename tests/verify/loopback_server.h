// A helper of tests: an HTTP server on the loopback interface that says what a test wants, byte by byte.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace pope::testing {

class LoopbackServer {
 public:
  // Answers a request with this body over `send`, which is false when the client is gone. Returns whether the
  // connection stays open.
  using Send = std::function<bool(const std::string& bytes)>;
  using Handler = std::function<bool(const std::string& body, const Send& send)>;

  explicit LoopbackServer(Handler handler) : handler_(std::move(handler)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 16) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("cannot listen");
    port_ = ntohs(address.sin_port);
    accepting_ = std::jthread([this] { accept_all(); });
  }
  ~LoopbackServer() {
    shutdown(listener_, SHUT_RDWR);
    accepting_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int connection : connections_) shutdown(connection, SHUT_RDWR);
    }
    serving_.clear();
    for (const int connection : connections_) close(connection);
    close(listener_);
  }
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/grade"; }
  int requests() const { return requests_; }

  static std::string reply(const std::string& body, const std::string& status = "200 OK") {
    return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

 private:
  void accept_all() {
    for (;;) {
      const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) return;
      const std::lock_guard lock(mutex_);
      connections_.push_back(connection);
      serving_.emplace_back([this, connection] { serve(connection); });
    }
  }

  void serve(int connection) {
    const auto send_all = [connection](const std::string& bytes) {
      for (std::size_t sent = 0; sent < bytes.size();) {
        const ssize_t n = send(connection, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) return false;
        sent += static_cast<std::size_t>(n);
      }
      return true;
    };
    std::string received;
    while (true) {
      const std::size_t head = received.find("\r\n\r\n"), length = received.find("Content-Length: ");
      const std::size_t size =
          head == std::string::npos ? 0 : std::strtoull(received.c_str() + length + 16, nullptr, 10);
      if (head == std::string::npos || received.size() < head + 4 + size) {
        char chunk[65536];
        const ssize_t n = recv(connection, chunk, sizeof chunk, 0);
        if (n <= 0) return;
        received.append(chunk, static_cast<std::size_t>(n));
        continue;
      }
      ++requests_;
      if (!handler_(received.substr(head + 4, size), send_all)) {
        shutdown(connection, SHUT_RDWR);
        return;
      }
      received.erase(0, head + 4 + size);
    }
  }

  Handler handler_;
  int listener_ = -1, port_ = 0;
  std::atomic<int> requests_ = 0;
  std::mutex mutex_;
  std::vector<int> connections_;
  std::vector<std::jthread> serving_;
  std::jthread accepting_;
};

}  // namespace pope::testing
