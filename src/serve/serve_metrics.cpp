// See serve_metrics.h.
#include "serve/serve_metrics.h"

#include <fmt/format.h>

#include <iterator>

namespace pope {
namespace {

constexpr double kBounds[] = {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300};

std::string metric(const std::string& name, const char* type, const std::string& help,
                   const std::string& lines) {
  return fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n{3}", name, help, type, lines);
}

std::string single(const std::string& name, const char* type, const std::string& help, std::int64_t value) {
  return metric(name, type, help, fmt::format("{} {}\n", name, value));
}

}  // namespace

void ServeMetrics::Histogram::add(double value) {
  counts.resize(std::size(kBounds));
  for (std::size_t i = 0; i < std::size(kBounds); ++i) counts[i] += value <= kBounds[i];
  sum += value;
  ++all;
}

std::string ServeMetrics::Histogram::text(const std::string& name, const std::string& help) const {
  std::string lines;
  for (std::size_t i = 0; i < std::size(kBounds); ++i)
    lines += fmt::format("{}_bucket{{le=\"{}\"}} {}\n", name, kBounds[i], counts.empty() ? 0 : counts[i]);
  lines += fmt::format("{0}_bucket{{le=\"+Inf\"}} {1}\n{0}_sum {2}\n{0}_count {1}\n", name, all, sum);
  return metric(name, "histogram", help, lines);
}

void ServeMetrics::count(const std::string& route, int status) {
  const std::lock_guard lock(mutex_);
  ++requests_[{route, status}];
}

void ServeMetrics::add_times(double first_token_s, double all_s) {
  const std::lock_guard lock(mutex_);
  first_token_.add(first_token_s);
  all_.add(all_s);
}

std::string ServeMetrics::text(const LiveBatch::Stats& batch, int connections) const {
  const std::lock_guard lock(mutex_);
  std::string lines;
  for (const auto& [key, count] : requests_)
    lines +=
        fmt::format("pope_requests_total{{route=\"{}\",status=\"{}\"}} {}\n", key.first, key.second, count);
  return metric("pope_requests_total", "counter", "requests that were answered", lines) +
         single("pope_samples_running", "gauge", "samples that are being decoded", batch.running) +
         single("pope_samples_waiting", "gauge", "samples that wait for a place", batch.waiting) +
         single("pope_connections", "gauge", "open connections", connections) +
         single("pope_prompt_tokens_total", "counter", "tokens of prompts", batch.prompt_tokens) +
         single("pope_sampled_tokens_total", "counter", "tokens sampled", batch.sampled_tokens) +
         single("pope_decode_steps_total", "counter", "decode steps of the whole batch", batch.decode_steps) +
         first_token_.text("pope_first_token_seconds", "from a request to its first token") +
         all_.text("pope_request_seconds", "from a request to its end");
}

}  // namespace pope
