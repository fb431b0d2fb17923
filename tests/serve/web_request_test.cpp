#include "serve/web_request.h"

#include <gtest/gtest.h>

namespace pope {
namespace {

TEST(WebRequest, ReadsAHead) {
  const auto request =
      parse_head("POST /v1/x?a=b&c HTTP/1.1\r\nHost: localhost:80\r\nX-Y:  two words \r\nx-y: three");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->method, "POST");
  EXPECT_EQ(request->path, "/v1/x");
  EXPECT_EQ(request->query, "a=b&c");
  EXPECT_EQ(request->header("host"), "localhost:80");
  EXPECT_EQ(request->header("x-y"), "two words, three");
  EXPECT_EQ(request->header("z"), "");
  EXPECT_TRUE(request->keeps_open());
  EXPECT_FALSE(parse_head("GET / HTTP/1.1\r\nConnection: Close")->keeps_open());
  EXPECT_FALSE(parse_head("GET / HTTP/1.0")->keeps_open());
  EXPECT_TRUE(parse_head("GET / HTTP/1.0\r\nConnection: keep-alive")->keeps_open());
  EXPECT_FALSE(parse_head("GET / HTTP/1.1\r\nConnection: TE, Close")->keeps_open());
}

TEST(WebRequest, RefusesWhatIsNone) {
  for (const char* head :
       {"", "GET", "GET /", "GET / HTTP/2.0", "GET x HTTP/1.1", "G T / HTTP/1.1", " / HTTP/1.1",
        "GET / HTTP/1.1\r\nno colon", "GET / HTTP/1.1\r\n: value", "GET / HTTP/1.1\r\n Host: folded",
        "GET / HTTP/1.1\r\nA b: c", "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b", "GET /\x01 HTTP/1.1", "GET / HTTP/1.1\r\nA: b\nC: d"})
    EXPECT_FALSE(parse_head(head)) << head;
}

TEST(WebRequest, KnowsHowLongABodyIs) {
  const auto length = [](const std::string& headers) {
    return body_length(*parse_head("POST / HTTP/1.1\r\n" + headers + "A: b"));
  };
  EXPECT_EQ(length("")->bytes, 0u);
  EXPECT_EQ(length("Content-Length: 17\r\n")->bytes, 17u);
  EXPECT_TRUE(length("Transfer-Encoding: Chunked\r\n")->chunked);
  for (const char* bad :
       {"Content-Length: -1\r\n", "Content-Length: +1\r\n", "Content-Length: 0x1\r\n", "Content-Length:\r\n",
        "Transfer-Encoding:\r\nContent-Length: 5\r\n", "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"})
    EXPECT_FALSE(length(bad)) << bad;
  EXPECT_EQ(chunk_size("1a;x=y"), 26u);
  for (const char* bad : {"", "-1", "g", "1 2", "ffffffffffffffff", "11111111111111111"})
    EXPECT_FALSE(chunk_size(bad)) << bad;
}

TEST(WebRequest, HostNames) {
  EXPECT_EQ(host_name("localhost:8000"), "localhost");
  EXPECT_EQ(host_name("[::1]:8000"), "::1");
  EXPECT_EQ(host_name("http://evil.example:80/x"), "evil.example");
  EXPECT_EQ(host_name("127.0.0.1"), "127.0.0.1");
}

}  // namespace
}  // namespace pope
