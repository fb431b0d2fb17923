// A request of HTTP/1.1, and what is read of it from bytes that anybody may have sent.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace pope {

struct WebRequest {
  std::string method, path, query;  // of "GET /a?b HTTP/1.1": "GET", "/a", "b"; nothing is decoded
  std::map<std::string, std::string>
      headers;  // names in lower case, values without white space at their ends
  std::string body;
  bool old = false;  // HTTP/1.0: no chunks, and the connection closes unless it says otherwise

  std::string header(const std::string& name) const;  // "" where there is none
  bool keeps_open() const;
};

// The head: all up to and without the empty line. Nothing where it is no request of HTTP/1.0 or 1.1, has a
// header that is none, or says twice how long the body is.
std::optional<WebRequest> parse_head(std::string_view head);

// How long the body is, by its headers.
struct BodyLength {
  bool chunked = false;
  std::uint64_t bytes = 0;
};
// Nothing where the headers contradict themselves or name a coding other than "chunked".
std::optional<BodyLength> body_length(const WebRequest& request);

// "1a" of a line "1a;name=value" that begins a chunk. Nothing where it is no size below 2^60.
std::optional<std::uint64_t> chunk_size(std::string_view line);

// The name in "Host: name:80", or in "http://name:80": without port, brackets and scheme.
std::string host_name(std::string_view host);

}  // namespace pope
