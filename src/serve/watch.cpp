// See watch.h.
#include "serve/watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "core/chars.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "core/rng.h"
#include "report/live.h"
#include "report/page.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

constexpr int kDeepest = 5;          // folders below those given that are looked at for changes
constexpr double kPartOfTime = 0.2;  // that reading may take

std::string percent_encoded(std::string_view text) {
  std::string result;
  for (const char c : text)
    result += is_alnum(c) ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return result;
}

}  // namespace

LiveReport::LiveReport(std::vector<fs::path> runs, ReportConfig report, const WatchConfig& config)
    : runs_(std::move(runs)), config_(std::move(report)), every_s_(config.every_s) {
  files_ = files_now();
  read();
}

// Names, sizes and times of the files of the runs, and who is at work.
std::string LiveReport::files_now() const {
  std::string found;
  for (const fs::path& run : runs_) {
    std::error_code error;
    fs::recursive_directory_iterator entry(run, fs::directory_options::skip_permission_denied, error), end;
    while (!error && entry != end) {
      std::error_code gone;
      if (entry->is_regular_file(gone))
        found += fmt::format("{} {} {}\n", entry->path().string(), entry->file_size(gone),
                             entry->last_write_time(gone).time_since_epoch().count());
      if (entry->path().filename() == "lock")
        found += is_held(entry->path().parent_path()).value_or(false) ? "held\n" : "free\n";
      if (entry.depth() >= kDeepest) entry.disable_recursion_pending();
      entry.increment(error);
    }
    found += error.message();
  }
  return found;
}

void LiveReport::read() {
  Json report = collect_live_report(runs_, config_);
  report["every_s"] = every_s_;
  page_ = render_html(report);
  update_ = dump(page_update(report));
  tag_ = fmt::format("\"{:016x}\"", key_of(update_));
}

void LiveReport::refresh() {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  if (begin < next_look_) return;
  try {
    std::string files = files_now();
    if (files != files_ || !trouble_.empty()) {
      read();
      files_ = std::move(files);
    }
    trouble_.clear();
  } catch (const std::exception& error) {  // of a folder that is removed meanwhile, files' own too
    const std::string what = error.what();
    trouble_ = what.substr(0, what.find('\n'));
  }
  const auto took = std::chrono::duration<double>(Clock::now() - begin);
  next_look_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                  std::max(std::chrono::duration<double>(every_s_) / 2, took / kPartOfTime));
}

void LiveReport::answer(WebExchange& exchange) {
  const WebRequest& request = exchange.request();
  if (request.method != "GET" && request.method != "HEAD") {
    exchange.reply(405, "text/plain", "405: GET alone\n");
    return;
  }
  if (request.path != "/" && request.path != "/update") {
    exchange.reply(404, "text/plain", "404: the page is at /\n");
    return;
  }
  std::string body, tag, trouble;
  {
    const std::lock_guard lock(mutex_);
    refresh();
    body = request.path == "/" ? page_ : update_;
    tag = tag_, trouble = trouble_;
  }
  WebHeaders headers = {{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}};
  if (request.path == "/") {
    exchange.reply(200, "text/html; charset=utf-8", body, headers);
    return;
  }
  headers.emplace_back("ETag", tag);
  if (!trouble.empty()) headers.emplace_back("X-Pope-Trouble", percent_encoded(trouble));
  const bool known = request.header("if-none-match") == tag;
  exchange.reply(known ? 304 : 200, "application/json", known ? "" : body, headers);
}

Json watch_runs(const std::vector<fs::path>& runs, const ReportConfig& report, const WatchConfig& config) {
  const CatchInterrupts catches;
  LiveReport live(runs, report, config);
  std::atomic<std::int64_t> requests = 0;
  WebServer server("127.0.0.1", config.port, {.connections = 64, .body_bytes = 1024},
                   [&](WebExchange& exchange) {
                     ++requests;
                     live.answer(exchange);
                   });
  log_line(fmt::format("the report is at {}/: Ctrl-C ends it", server.url()));
  while (!interrupted()) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  server.stop(1);
  return {{"url", server.url()}, {"requests", requests.load()}};
}

}  // namespace pope
