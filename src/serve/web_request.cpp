// See web_request.h.
#include "serve/web_request.h"

#include <algorithm>
#include <charconv>

#include "core/chars.h"

namespace pope {
namespace {

std::string lowered(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char c) { return lower(c); });
  return result;
}

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

template <class Number>
std::optional<Number> number_of(std::string_view text, int base) {
  Number value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool read_request_line(std::string_view line, WebRequest& request) {
  const std::size_t first = line.find(' '), last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return false;
  const std::string_view target = line.substr(first + 1, last - first - 1), version = line.substr(last + 1);
  request.method = line.substr(0, first);
  request.old = version == "HTTP/1.0";
  if (version != "HTTP/1.1" && !request.old) return false;
  if (!is_name(request.method) || !target.starts_with('/') || !is_visible(target)) return false;
  const std::size_t query = target.find('?');
  request.path = target.substr(0, query);
  if (query != std::string_view::npos) request.query = target.substr(query + 1);
  return true;
}

}  // namespace

std::string WebRequest::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

bool WebRequest::keeps_open() const {
  const std::string connection = lowered(header("connection"));
  bool close = false, keep = false;
  for (std::size_t begin = 0; begin <= connection.size();) {
    const std::size_t end = std::min(connection.find(',', begin), connection.size());
    const std::string_view one = trim(std::string_view(connection).substr(begin, end - begin));
    close = close || one == "close";
    keep = keep || one == "keep-alive";
    begin = end + 1;
  }
  return !close && (keep || !old);
}

std::optional<WebRequest> parse_head(std::string_view head) {
  WebRequest request;
  bool first = true;
  for (std::size_t begin = 0; begin <= head.size();) {
    const std::size_t end = std::min(head.find("\r\n", begin), head.size());
    const std::string_view line = head.substr(begin, end - begin);
    begin = end + 2;
    if (first) {
      if (!read_request_line(line, request)) return std::nullopt;
      first = false;
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_name(line.substr(0, colon))) return std::nullopt;
    const std::string_view value = trim(line.substr(colon + 1));
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) return std::nullopt;
    const auto [place, fresh] = request.headers.emplace(lowered(line.substr(0, colon)), value);
    if (fresh) continue;
    if (place->first == "content-length" || place->first == "transfer-encoding" || place->first == "host")
      return std::nullopt;
    place->second += ", " + std::string(value);
  }
  if (first) return std::nullopt;
  return request;
}

std::optional<BodyLength> body_length(const WebRequest& request) {
  // An empty one is none that a proxy in front would read as we do.
  const bool coded = request.headers.contains("transfer-encoding"),
             sized = request.headers.contains("content-length");
  if (coded) {
    if (lowered(request.header("transfer-encoding")) != "chunked" || sized || request.old)
      return std::nullopt;
    return BodyLength{.chunked = true};
  }
  if (!sized) return BodyLength{};
  const std::string length = request.header("content-length");
  const auto bytes = number_of<std::uint64_t>(length, 10);
  if (!bytes || !is_digit(length[0])) return std::nullopt;  // no sign
  return BodyLength{.bytes = *bytes};
}

std::optional<std::uint64_t> chunk_size(std::string_view line) {
  const auto size = number_of<std::uint64_t>(trim(line.substr(0, line.find(';'))), 16);
  if (!size || *size >= (std::uint64_t{1} << 60)) return std::nullopt;
  return size;
}

std::string host_name(std::string_view host) {
  if (const std::size_t scheme = host.find("://"); scheme != std::string_view::npos)
    host.remove_prefix(scheme + 3);
  host = host.substr(0, host.find('/'));
  if (host.starts_with('[')) return std::string(host.substr(1, host.find(']') - 1));
  return std::string(host.substr(0, host.find(':')));
}

}  // namespace pope
