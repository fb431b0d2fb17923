// See rollout_sample.h.
#include "report/rollout_sample.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "core/error.h"
#include "core/rng.h"
#include "report/excerpt.h"

namespace pope {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kLongest = 24000;  // bytes of a text; of longer ones the middle is left out

std::string text_of(const Json& record, const char* key) {
  const auto found = record.find(key);
  if (found == record.end() || found->is_null()) return "";
  return without_middle(found->is_string() ? found->get<std::string>() : dump(*found), kLongest);
}

std::int64_t last_write(const fs::path& file) {
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 ? status.st_mtime : 0;
}

}  // namespace

void RolloutSample::add(RunData& run) {
  if (limit_ <= 0 || !fs::is_directory(run.path / "rollouts")) return;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(run.path / "rollouts")) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".jsonl") || name.ends_with(".jsonl.zst")) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::error_code unreadable;
  const std::string folder = fs::weakly_canonical(run.path, unreadable).filename().string();
  for (const fs::path& file : files) {
    const std::int64_t written = most_newest_ > 0 ? last_write(file) : 0;
    try {
      read_jsonl(file, [&](Json&& record, std::size_t line) {
        if (!record.is_object()) return;
        const std::uint64_t hash = key_of(folder + '\0' + dump(record));
        if (most_newest_ > 0) record["written"] = {written, line};
        offer(run, std::move(record), {hash, fmt::format("{}:{:09}", file.string(), line)});
      });
    } catch (const Error& error) {
      const std::string what = error.what();
      run.notes.push_back("rollouts/" + file.filename().string() +
                          " is damaged: " + what.substr(0, what.find('\n')));
    }
  }
}

void RolloutSample::offer(const RunData& run, Json&& record, Place place) {
  const bool guided = record.value("guided", Json(false)) == true,
             correct = record.value("correct", Json(false)) == true;
  const std::string finish = text_of(record, "finish"), set = text_of(record, "set");
  const std::string verdict = finish == "length" ? "truncated" : correct ? "correct" : "incorrect";
  Json row = {{"id", fmt::format("{:016x}", place.first)},
              {"run", run.name},
              {"method", run.label},
              {"verb", run.verb},
              {"set", set},
              {"guided", guided},
              {"verdict", verdict}};
  for (const char* key :
       {"problem_id", "problem", "guidance", "answer", "completion", "extracted", "reason"}) {
    row[key] = text_of(record, key);
  }
  row["tokens"] = record.value("tokens", Json());
  row["step"] = record.value("step", Json());
  if (most_newest_ > 0) {
    row["written"] = record["written"];
    newest_.emplace(std::pair(record["written"][0].get<std::int64_t>(), place.second), row);
    if (static_cast<int>(newest_.size()) > most_newest_) newest_.erase(newest_.begin());
  }

  const std::string stratum = run.label + '\0' + set + '\0' + (guided ? "g" : "u") + '\0' + verdict;
  strata_[stratum].emplace(std::move(place), std::move(row));
  if (++kept_ <= limit_) return;
  auto largest = strata_.begin();
  for (auto it = strata_.begin(); it != strata_.end(); ++it) {
    if (it->second.size() > largest->second.size()) largest = it;
  }
  largest->second.erase(std::prev(largest->second.end()));
  if (largest->second.empty()) strata_.erase(largest);
  --kept_;
}

Json RolloutSample::take(const std::vector<std::string>& methods) const {
  using Stratum = std::vector<const Json*>;
  std::vector<Stratum> strata;
  std::size_t longest = 0;
  for (const auto& [name, kept] : strata_) {
    Stratum& rows = strata.emplace_back();
    for (const auto& [place, row] : kept) rows.push_back(&row);
    longest = std::max(longest, rows.size());
  }
  const auto place = [&](const Stratum& rows) {
    return std::find(methods.begin(), methods.end(), (*rows[0])["method"].get<std::string>());
  };
  std::stable_sort(strata.begin(), strata.end(),
                   [&](const Stratum& a, const Stratum& b) { return place(a) < place(b); });
  Json result = Json::array();
  for (std::size_t turn = 0; turn < longest; ++turn) {
    for (const Stratum& rows : strata) {
      if (turn < rows.size()) result.push_back(*rows[turn]);
    }
  }
  std::set<std::string> there;
  for (const Json& row : result) there.insert(row["id"]);
  for (auto row = newest_.rbegin(); row != newest_.rend(); ++row) {
    if (there.insert(row->second["id"]).second) result.push_back(row->second);
  }
  return result;
}

}  // namespace pope
