// What a server counts, in the text form of Prometheus.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "serve/live_batch.h"

namespace pope {

class ServeMetrics {
 public:
  void count(const std::string& route, int status);
  // Of a request that was answered: seconds to its first token and to its end.
  void add_times(double first_token_s, double all_s);
  // "# HELP …" and so on; `batch` and the number of open connections as they are now.
  std::string text(const LiveBatch::Stats& batch, int connections) const;

 private:
  // How many were at most each bound; and the sum of all.
  struct Histogram {
    std::vector<std::int64_t> counts;
    double sum = 0;
    std::int64_t all = 0;
    void add(double value);
    std::string text(const std::string& name, const std::string& help) const;
  };
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::int64_t> requests_;
  Histogram first_token_, all_;
};

}  // namespace pope
