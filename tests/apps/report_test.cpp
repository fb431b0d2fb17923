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

// A run that is just being made anew, say. It is said once, and the page of before stays.
TEST(ReportWatch, GoesOnOverAnErrorThatPasses) {
  TempDir folder;
  const std::filesystem::path run = folder / "run", page = folder / "page.html";
  write_file(run / "environment.json", R"({"verb": "train"})");
  write_file(run / "config.yaml", "run: {label: POPE, seed: 1}\n");
  Settings settings;
  Options options;
  settings.declare(options);
  settings.report.watch = 1;
  const Invocation invocation = invocation_of(settings, options, page, run);
  ::testing::internal::CaptureStderr();
  auto result = std::async(std::launch::async, [&] { return report_verb.run(invocation); });
  const auto running = [&](int milliseconds) {
    return result.wait_for(std::chrono::milliseconds(milliseconds)) != std::future_status::ready;
  };
  while (!std::filesystem::exists(page) && running(1)) {
  }
  const std::string before = read_file(page);
  std::filesystem::remove(run / "environment.json");
  EXPECT_TRUE(running(2500));
  EXPECT_EQ(read_file(page), before);
  write_file(run / "result.json", "{}");
  write_file(run / "environment.json", R"({"verb": "train"})");
  EXPECT_FALSE(result.get().contains("watch"));
  EXPECT_NE(read_file(page), before);
  const std::string said = ::testing::internal::GetCapturedStderr();
  const std::size_t at = said.find("the page stays as it was: ");
  EXPECT_THAT(said.substr(at), HasSubstr("it has no environment.json"));
  EXPECT_EQ(said.find("the page stays as it was: ", at + 1), std::string::npos) << said;
  // Where there is no page yet it is an error as ever.
  std::filesystem::remove(run / "environment.json");
  EXPECT_THAT(error_of([&] { report_verb.run(invocation); }), HasSubstr("it has no environment.json"));
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
