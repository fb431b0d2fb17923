// The server among clients that mean harm, or are just slow.
#include "serve/web_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <future>

#include "core/error.h"
#include "core/temp_dir.h"
#include "serve/raw_client.h"

namespace pope {
namespace {

using testing::asked;
using testing::get;
using ::testing::HasSubstr;
using testing::post;
using testing::RawClient;
using ::testing::StartsWith;

void echo(WebExchange& exchange) {
  const WebRequest& request = exchange.request();
  if (request.path == "/throw") throw Error("echo", "told to");
  if (request.path == "/stream") {
    exchange.begin("text/plain");
    exchange.write("one ");
    exchange.write("two");
    return;
  }
  exchange.reply(200, "text/plain", request.method + " " + request.path + " [" + request.body + "]");
}

TEST(WebServer, AnswersOneAfterTheOtherOnAConnection) {
  WebServer server("127.0.0.1", 0, {}, echo);
  const RawClient client(server.port());
  client.send("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nxyz");
  EXPECT_THAT(client.read("[xyz]"), HasSubstr("GET /a []"));
  client.send("POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n");
  EXPECT_THAT(client.read("[abc]"), HasSubstr("POST /c [abc]"));
  EXPECT_THAT(get(server.port(), "/stream"), HasSubstr("4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n"));
  EXPECT_THAT(asked(server.port(), "GET /stream HTTP/1.0\r\n\r\n"), HasSubstr("\r\n\r\none two"));
  EXPECT_THAT(get(server.port(), "/throw"), StartsWith("HTTP/1.1 500 "));
}

TEST(WebServer, RefusesWhatItCannotTake) {
  WebServer server("127.0.0.1", 0, {.head_bytes = 2000, .body_bytes = 100}, echo);
  const int port = server.port();
  EXPECT_THAT(asked(port, "rubbish\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(get(port, "/", "A: " + std::string(3000, 'x') + "\r\n"), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(post(port, "/", std::string(101, 'x')), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(asked(port, "POST / HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n"),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(asked(port, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n" +
                              std::string(100, 'x') + "\r\n1\r\n"),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(asked(port, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(get(port, "/", "Origin: http://evil.example\r\n"), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(get(port, "/", "Origin: http://localhost:3000\r\n"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(post(port, "/", std::string(100, 'x')), StartsWith("HTTP/1.1 200 "));
}

TEST(WebServer, APortInUseIsAnErrorWithAHint) {
  const WebServer first("127.0.0.1", 0, {}, echo);
  const std::string error = error_of([&] { WebServer("127.0.0.1", first.port(), {}, echo); });
  EXPECT_THAT(error, HasSubstr("port " + std::to_string(first.port()) + " of 127.0.0.1 is in use"));
  EXPECT_THAT(error, HasSubstr("--port"));
  EXPECT_THAT(error_of([&] { WebServer("no.such.host.invalid", 0, {}, echo); }), HasSubstr("is no address"));
}

// Many more of them than there are connections, each with a byte now and then, or nothing, or half a body.
TEST(WebServer, SlowClientsKeepNobodyOut) {
  WebServer server("127.0.0.1", 0, {.connections = 8, .head_s = 60, .body_s = 60}, echo);
  std::deque<RawClient> clients;
  for (int i = 0; i < 40; ++i) {
    const RawClient& client = clients.emplace_back(server.port());
    if (i % 3 == 1) client.send("GET / HT");
    if (i % 3 == 2) client.send("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf");
  }
  for (int i = 0; i < 5; ++i) EXPECT_THAT(get(server.port(), "/good"), HasSubstr("GET /good []"));
}

TEST(WebServer, AHeadAndABodyHaveADeadline) {
  WebServer server("127.0.0.1", 0, {.head_s = 0.5, .body_s = 0.5}, echo);
  const RawClient head(server.port()), body(server.port());
  body.send("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf");
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) {  // a byte now and then does not put it off
    if (!head.send("G")) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_THAT(head.read(), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(body.read(), StartsWith("HTTP/1.1 408 "));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(15));
}

TEST(WebServer, AClientThatReadsNothingIsGivenUp) {
  std::promise<bool> heard;
  WebServer server("127.0.0.1", 0, {.write_s = 0.3}, [&](WebExchange& exchange) {
    exchange.begin("text/plain");
    const std::string part(1 << 20, 'x');
    bool good = true;
    for (int i = 0; i < 200 && good; ++i) good = exchange.write(part);
    heard.set_value(good);
  });
  const RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_FALSE(heard.get_future().get());
}

TEST(WebServer, AClientThatReadsSlowlyIsNotCutOff) {
  constexpr std::size_t kSize = 20 << 20;
  WebServer server("127.0.0.1", 0, {.write_s = 0.5}, [&](WebExchange& exchange) {
    exchange.reply(200, "text/plain", std::string(kSize, 'x'));
  });
  const RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
  std::size_t got = 0;
  for (int piece = 0; piece < 5; ++piece) {  // a second and more in all
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    got += client.read_some(kSize / 8).size();
  }
  EXPECT_GT(got + client.read().size(), kSize);
}

TEST(WebServer, WhatIsNotAdmittedIsRefusedBeforeItsBody) {
  const auto with_key = [](const WebRequest& request) {
    return request.header("authorization") == "Bearer key" ? 0 : 401;
  };
  WebServer server(
      "127.0.0.1", 0, {}, [](WebExchange& exchange) { exchange.reply(200, "text/plain", "in\n"); }, with_key);
  const RawClient without(server.port());
  without.send("POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\nx");  // the rest never comes
  EXPECT_THAT(without.read(), StartsWith("HTTP/1.1 401 "));
  const RawClient with(server.port());
  with.send(
      "POST / HTTP/1.1\r\nAuthorization: Bearer key\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx");
  EXPECT_THAT(with.read(), StartsWith("HTTP/1.1 200 "));
}

TEST(WebServer, SeesThatAClientHasGone) {
  std::promise<void> gone;
  WebServer server("127.0.0.1", 0, {}, [&](WebExchange& exchange) {
    while (!exchange.client_is_gone()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    gone.set_value();
  });
  {
    const RawClient client(server.port());
    client.send("GET / HTTP/1.1\r\n\r\n");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_EQ(gone.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
}

TEST(WebServer, StopLetsEndWhatRunsAndTakesNothingNew) {
  std::promise<void> begun;
  WebServer server("127.0.0.1", 0, {}, [&](WebExchange& exchange) {
    begun.set_value();
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    exchange.reply(200, "text/plain", "late");
  });
  const RawClient client(server.port()), idle(server.port());
  client.send("GET / HTTP/1.1\r\n\r\n");
  begun.get_future().wait();
  server.stop(20);
  EXPECT_THAT(client.read(), HasSubstr("late"));
  EXPECT_EQ(idle.read(), "");
  EXPECT_FALSE(RawClient(server.port()).connected());
  EXPECT_EQ(server.connections(), 0);
}

}  // namespace
}  // namespace pope
