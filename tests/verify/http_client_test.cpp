// The HTTP client's limits, against servers that keep to none.
#include "verify/http_client.h"

#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "core/files.h"
#include "core/interrupt.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

using Outcome = HttpReply::Outcome;

TEST(HttpUrl, IsReadOrRefused) {
  const auto parsed = [](const char* text) {
    const std::optional<HttpUrl> url = parse_http_url(text);
    return url ? url->origin + "|" + url->path : "none";
  };
  EXPECT_EQ(parsed("http://localhost:8000"), "http://localhost:8000|");
  EXPECT_EQ(parsed("https://a.b/v1/"), "https://a.b|/v1");
  EXPECT_EQ(parsed("http://[::1]:80/x/y"), "http://[::1]:80|/x/y");
  for (const char* text : {"", "localhost:8000", "ftp://a", "http://", "http:///v1", "http://:80",
                           "http://a b", "http://me:key@host", "http://host/v1?key=x", "http://host#x"})
    EXPECT_EQ(parsed(text), "none") << text;
}

// Answers what it is asked for.
class HttpClientTest : public testing::Test {
 protected:
  void SetUp() override {
    server_.Post("/echo", [](const httplib::Request& request, httplib::Response& response) {
      response.set_content(request.get_header_value("X-Test") + request.body, "text/plain");
    });
    server_.Get("/busy", [](const httplib::Request&, httplib::Response& response) {
      response.status = 429;
      response.set_header("Retry-After", "7");
      response.set_content("later", "text/plain");
    });
    server_.Get("/moved",
                [](const httplib::Request&, httplib::Response& response) { response.set_redirect("/busy"); });
    server_.Get("/large", [](const httplib::Request&, httplib::Response& response) {
      response.set_content(std::string(100'000, 'x'), "text/plain");
    });
    const auto provide = [this](const char* path, bool drip) {
      server_.Get(path, [drip](const httplib::Request&, httplib::Response& response) {
        response.set_content_provider(1000, "text/plain",
                                      [drip](std::size_t, std::size_t, httplib::DataSink& sink) {
                                        if (drip) std::this_thread::sleep_for(std::chrono::milliseconds(20));
                                        sink.write("x", 1);
                                        return drip;
                                      });
      });
    };
    provide("/drip", true);
    provide("/half", false);
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
  }
  void TearDown() override {
    server_.stop();
    thread_.join();
  }
  std::string origin() const { return "http://127.0.0.1:" + std::to_string(port_); }
  httplib::Server server_;
  std::thread thread_;
  int port_ = 0;
};

TEST_F(HttpClientTest, RepliesAreWholeOrNone) {
  HttpClient client(origin(), {{"X-Test", "head"}});
  const HttpReply echo = client.post("/echo", "body", {});
  EXPECT_TRUE(echo.ok());
  EXPECT_EQ(echo.body, "headbody");
  EXPECT_EQ(echo.problem, "");
  const HttpReply busy = client.get("/busy", {});
  EXPECT_EQ(busy.outcome, Outcome::answered);
  EXPECT_EQ(busy.status, 429);
  EXPECT_EQ(busy.body, "later");
  EXPECT_EQ(busy.retry_after_s, 7);
  EXPECT_EQ(busy.problem, "status 429");
  EXPECT_EQ(client.get("/moved", {}).status, 302);
  const HttpReply half = client.get("/half", {});
  EXPECT_EQ(half.outcome, Outcome::broken);
  EXPECT_EQ(half.body, "");
  EXPECT_EQ(client.get("/large", {.max_reply_bytes = 99'999}).outcome, Outcome::too_large);
  EXPECT_EQ(client.get("/large", {.max_reply_bytes = 100'000}).body.size(), 100'000U);
}

TEST_F(HttpClientTest, TheDeadlineIsOfTheWholeRequest) {
  HttpClient client(origin());
  const HttpReply drip = client.get("/drip", {.timeout_s = 0.3});  // whole after 20 s
  EXPECT_EQ(drip.outcome, Outcome::timed_out);
  EXPECT_EQ(drip.problem, "no whole reply within 0.3 s");
  EXPECT_EQ(drip.body, "");
  EXPECT_TRUE(client.post("/echo", "again", {}).ok());  // a connection of its own
}

// A server that takes connections, and drips headers without an end or says nothing at all.
class Mute {
 public:
  explicit Mute(bool drips) : drips_(drips) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listener_, 8);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Mute() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  std::string origin() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  void serve() {
    while (true) {
      const int connection = ::accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      const std::string text = "HTTP/1.1 200 OK\r\nX-Drip: aaaaaaaaaaaaaaaa";
      for (std::size_t i = 0; drips_; ++i) {
        if (::send(connection, &text[std::min(i, text.size() - 1)], 1, MSG_NOSIGNAL) < 1) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      char byte[256];
      while (::recv(connection, byte, sizeof byte, 0) > 0) {
      }
      ::close(connection);
    }
  }
  const bool drips_;
  int listener_ = -1, port_ = 0;
  std::thread thread_;
};

TEST(HttpClient, ServersThatNeverEndAreLeft) {
  for (const bool drips : {true, false}) {
    const Mute mute(drips);
    HttpClient client(mute.origin());
    EXPECT_EQ(client.get("/", {.timeout_s = 0.2}).outcome, Outcome::timed_out) << drips;
  }
}

TEST(HttpClient, IsCancelledFromAnotherThread) {
  const Mute mute(false);
  HttpClient client(mute.origin());
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    client.cancel();
  });
  EXPECT_EQ(client.get("/", {.timeout_s = 3600}).outcome, Outcome::cancelled);
  other.join();
  EXPECT_EQ(client.get("/", {.timeout_s = 3600}).outcome, Outcome::cancelled);
}

TEST(HttpClient, IsCancelledByARequestToStop) {
  const Mute mute(false);
  HttpClient client(mute.origin());
  const CatchInterrupts catch_interrupts;
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    ::kill(::getpid(), SIGTERM);
  });
  EXPECT_EQ(client.get("/", {.timeout_s = 3600}).outcome, Outcome::cancelled);
  other.join();
}

TEST(HttpClient, NobodyThereIsUnreachable) {
  std::string origin;
  {
    const Mute mute(false);
    origin = mute.origin();
  }
  const HttpReply reply = HttpClient(origin).get("/", {});
  EXPECT_EQ(reply.outcome, Outcome::unreachable);
  EXPECT_EQ(reply.problem, "no connection");
}

#ifdef CPPHTTPLIB_OPENSSL_SUPPORT
TEST(HttpClient, CertificatesAreChecked) {
  const TempDir dir;
  const std::string key = dir / "key.pem", certificate = dir / "certificate.pem";
  const std::string make =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
      "-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout " +
      key + " -out " + certificate + " 2>/dev/null";
  ASSERT_EQ(std::system(make.c_str()), 0) << "the openssl program makes the certificate";
  httplib::SSLServer server(certificate.c_str(), key.c_str());
  server.Get("/", [](const httplib::Request&, httplib::Response& response) {
    response.set_content("x", "text/plain");
  });
  const int port = server.bind_to_any_port("localhost");
  std::thread serving([&] { server.listen_after_bind(); });
  const std::string origin = "https://localhost:" + std::to_string(port);
  EXPECT_EQ(HttpClient(origin).get("/", {}).outcome, Outcome::untrusted);
  ::setenv("SSL_CERT_FILE", certificate.c_str(), 1);
  const HttpReply trusted = HttpClient(origin).get("/", {});
  EXPECT_EQ(trusted.body, "x") << trusted.problem;
  ::unsetenv("SSL_CERT_FILE");
  server.stop();
  serving.join();
}
#endif

}  // namespace
}  // namespace pope
