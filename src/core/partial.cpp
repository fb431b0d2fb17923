// One line: {"item": …, "rollouts_end": bytes, "tokens": …, "seconds": …}, the last two over all starts.
#include "core/partial.h"

#include <fmt/format.h>

#include <utility>

#include "core/error.h"
#include "core/progress.h"

namespace pope {
namespace fs = std::filesystem;

namespace {

fs::path file_of(const fs::path& run, const std::string& name) { return run / (name + ".partial.jsonl"); }

}  // namespace

PartialResults::PartialResults(const fs::path& run, const std::string& name)
    : file_(file_of(run, name)), rollouts_(run / "rollouts" / (name + ".jsonl.zst")) {
  repair_jsonl(file_);
  std::uintmax_t rollouts_end = 0;
  if (fs::exists(file_)) {
    read_jsonl(file_, [&](Json&& row, std::size_t line) {
      try {
        rollouts_end = row.at("rollouts_end").get<std::uintmax_t>();
        tokens_before_ = row.at("tokens").get<std::int64_t>();
        seconds_before_ = row.at("seconds").get<double>();
        done_.push_back(std::move(row.at("item")));
      } catch (const Json::exception&) {
        throw Error(
            "resume",
            fmt::format("{}:{}: expected item, rollouts_end, tokens and seconds", file_.string(), line),
            "the file is damaged: choose another --out, or remove the line and those after it");
      }
    });
  }
  tokens_ = tokens_before_;
  if (fs::exists(rollouts_)) fs::resize_file(rollouts_, rollouts_end);
  if (!done_.empty()) log_line("resuming: " + std::to_string(done_.size()) + " finished before");
}

void PartialResults::add(Json item, const std::vector<Json>& records, std::int64_t sampled_tokens) {
  append_rows(rollouts_, records);
  tokens_ = tokens_before_ + sampled_tokens;
  append_jsonl(file_, {{"item", std::move(item)},
                       {"rollouts_end", fs::exists(rollouts_) ? fs::file_size(rollouts_) : 0},
                       {"tokens", tokens_},
                       {"seconds", seconds()}});
}

double PartialResults::seconds() const {
  return seconds_before_ + std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

void PartialResults::remove(const fs::path& run, const std::string& name) { fs::remove(file_of(run, name)); }

}  // namespace pope
