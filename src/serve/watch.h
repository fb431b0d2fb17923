// The live report: the page of `pope report`, served from run directories that are still being written.
#pragma once

#include <chrono>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "report/report.h"
#include "serve/config.h"
#include "serve/web_server.h"

namespace pope {

class LiveReport {
 public:
  // Reads the runs once: Error as collect_report().
  LiveReport(std::vector<std::filesystem::path> runs, ReportConfig report, const WatchConfig& config);

  // GET / is the page, GET /update what the page takes over (page_update()), with an ETag. Runs are read
  // again when their files have changed, at most every `every_s`, and no more than a fifth of the time. Where
  // they cannot be read, as their folder is gone or half written, what was read before stays, and the header
  // X-Pope-Trouble says so.
  void answer(WebExchange& exchange);

 private:
  void refresh();
  void read();
  std::string files_now() const;

  const std::vector<std::filesystem::path> runs_;
  const ReportConfig config_;
  const double every_s_;
  std::mutex mutex_;
  std::string files_, page_, update_, tag_, trouble_;
  std::chrono::steady_clock::time_point next_look_;
};

// Serves the runs on 127.0.0.1 until Ctrl-C or SIGTERM. → {"url", "requests"}
Json watch_runs(const std::vector<std::filesystem::path>& runs, const ReportConfig& report,
                const WatchConfig& config);

}  // namespace pope
