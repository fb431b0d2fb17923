// A small server of HTTP/1.1, for a page and for the OpenAI API. A thread for each connection, and a time
// limit on everything that a client may keep it waiting for: the head of a request, its body, a write. Where
// all connections are taken, the one that has been waited for longest makes room for a new one; so clients
// that send nothing, or a byte now and then, keep nobody out. (cpp-httplib's server, which the tests use, has
// a limit for single reads alone, and a fixed number of threads for slow clients to hold.)
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "serve/web_request.h"

namespace pope {

struct WebLimits {
  int connections = 256;
  std::size_t head_bytes = 16 * 1024, body_bytes = 4096 * 1024;
  // Seconds for a head, a body, the next request of a connection that is kept open, and until some of an
  // answer is taken.
  double head_s = 10, body_s = 60, idle_s = 60, write_s = 20;
};

using WebHeaders = std::vector<std::pair<std::string, std::string>>;

// A request and its answer: either reply(), or begin() and write() as often as there is more.
class WebExchange {
 public:
  WebExchange(int fd, const WebRequest& request, double write_s);
  const WebRequest& request() const { return request_; }

  // These are false where the client has gone, or has not taken what was sent for so long: then nobody hears
  // what else is said.
  bool reply(int status, std::string_view type, std::string_view body, const WebHeaders& headers = {});
  bool begin(std::string_view type);
  bool write(std::string_view part);
  // Whether the client has closed the connection, as far as can be told without writing.
  bool client_is_gone() const;

 private:
  friend class WebServer;
  bool send(std::string_view bytes);
  bool end();  // of the answer; whether the connection can be used again

  const int fd_;
  const WebRequest& request_;
  const double write_s_;
  bool streams_ = false, answered_ = false, broken_ = false;
};

class WebServer {
 public:
  // Both are called from several threads at once.
  using Handler = std::function<void(WebExchange&)>;
  // By the head alone, before the body is read: 0, or the status with which the request is refused.
  using Admits = std::function<int(const WebRequest&)>;
  // Listens. Port 0: any that is free. A server on loopback answers only who asks for a loopback name, so
  // that no page of another site can reach it by a name of its own. Error with a hint: the port is in use, or
  // the address is not this machine's.
  WebServer(const std::string& host, int port, const WebLimits& limits, Handler handler,
            Admits admits = nullptr);
  ~WebServer();  // stop(0)
  WebServer(const WebServer&) = delete;
  WebServer& operator=(const WebServer&) = delete;

  int port() const { return port_; }
  std::string url() const;  // "http://127.0.0.1:8000"
  int connections() const;
  // No new connection or request from now on; what is being answered may end within so many seconds.
  void stop(double grace_s);

 private:
  using Clock = std::chrono::steady_clock;
  struct Connection {
    int fd;
    bool waiting = true;  // for the client
    Clock::time_point since = Clock::now();
  };
  using Place = std::list<Connection>::iterator;

  void accept_all();
  void admit(int fd);
  bool make_room();
  void serve(Place place);
  bool serve_one(Place place, std::string& buffer);
  bool read_body(int fd, const BodyLength& length, std::string& buffer, WebRequest& request, int& status);
  bool is_for_us(const WebRequest& request) const;
  void set_waiting(Place place, bool waiting);

  const std::string host_;
  const WebLimits limits_;
  const Handler handler_;
  const Admits admits_;
  int listener_ = -1, port_ = 0;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::condition_variable left_;  // a connection has
  std::list<Connection> connections_;
  std::thread acceptor_;
};

}  // namespace pope
