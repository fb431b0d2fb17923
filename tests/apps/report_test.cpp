// pope report --watch: the page follows the runs, and ends with them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <thread>

#include "core/error.h"
#include "core/files.h"
#include "core/temp_dir.h"
#include "pope/settings.h"
#include "pope/verb.h"

namespace pope {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Invocation invocation_of(Settings& settings, const Options& options, const std::filesystem::path& out,
                         const std::filesystem::path& run) {
  return {settings, options, out, {run.string()}};
}

TEST(ReportWatch, WritesThePageAnewUntilTheRunIsComplete) {
  TempDir folder;
  const std::filesystem::path run = folder / "run", page = folder / "page.html";
  write_file(run / "environment.json", R"({"verb": "train"})");
  write_file(run / "config.yaml", "run: {label: POPE, seed: 1}\n");
  write_jsonl(run / "metrics.jsonl", {{{"step", 1}, {"grad_norm", 0.25}}});
  Settings settings;
  Options options;
  settings.declare(options);
  settings.report.watch = 1;
  const Invocation invocation = invocation_of(settings, options, page, run);
  report_verb.check(invocation);
  auto result = std::async(std::launch::async, [&] { return report_verb.run(invocation); });
  while (!std::filesystem::exists(page) &&
         result.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
    std::this_thread::yield();
  EXPECT_THAT(read_file(page), HasSubstr("id=\"reload\""));
  EXPECT_THAT(read_file(page), Not(HasSubstr("POPE: 0.5 at step 2")));
  append_jsonl(run / "metrics.jsonl", {{"step", 2}, {"grad_norm", 0.5}});
  write_file(run / "result.json", "{}");
  const Json report = result.get();
  EXPECT_FALSE(report.contains("watch"));
  EXPECT_THAT(read_file(page), HasSubstr("POPE: 0.5 at step 2"));
  EXPECT_THAT(read_file(page), Not(HasSubstr("id=\"reload\"")));
}

TEST(ReportWatch, NeedsAPage) {
  Settings settings;
  Options options;
  settings.declare(options);
  settings.report.watch = 1;
  EXPECT_THAT(error_of([&] { report_verb.check(invocation_of(settings, options, "", "run")); }),
              HasSubstr("--out FILE.html"));
}

}  // namespace
}  // namespace pope
