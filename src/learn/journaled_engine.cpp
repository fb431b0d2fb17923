// See journaled_engine.h. When a step comes again, its random streams, prompts and number of optimiser steps
// are the same. So are its weights, where the step before had the same weights (by induction), rollouts
// (where it sampled something anew, what is kept of later steps is removed) and digest.
#include "learn/journaled_engine.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <deque>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/files.h"
#include "core/progress.h"
#include "core/rng.h"
#include "learn/checkpoint.h"

namespace pope {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kPrefix = "step-";

fs::path folder_of(const fs::path& run) { return run / "journal"; }

std::uint64_t sum_of(const Json& row) { return key_of(dump(row)); }

Json to_json(const Rollout& rollout) {
  std::vector<std::uint32_t> bits;  // JSON has no NaN
  for (const float logprob : rollout.logprobs) bits.push_back(std::bit_cast<std::uint32_t>(logprob));
  return {{"tokens", rollout.tokens},
          {"logprob_bits", bits},
          {"truncated", rollout.finish == FinishReason::length},
          {"policy_version", rollout.policy_version}};
}

Rollout from_json(const Json& row) {
  Rollout rollout;
  row.at("tokens").get_to(rollout.tokens);
  for (const Json& bits : row.at("logprob_bits"))
    rollout.logprobs.push_back(std::bit_cast<float>(bits.get<std::uint32_t>()));
  rollout.finish = row.at("truncated").get<bool>() ? FinishReason::length : FinishReason::stop;
  row.at("policy_version").get_to(rollout.policy_version);
  return rollout;
}

}  // namespace

JournaledEngine::JournaledEngine(Engine& engine, fs::path run) : engine_(engine), run_(std::move(run)) {}

void JournaledEngine::turn_to(std::int64_t t, std::int64_t version, std::optional<std::uint64_t> before) {
  step_ = t + 1;
  version_ = version;
  before_ = before;
  is_last_ = false;
  file_ = folder_of(run_) / fmt::format("{}{:06}.jsonl", kPrefix, step_);
  kept_.clear();
  if (const std::optional<std::int64_t> done = newest_checkpoint_step(run_)) remove_files(1, *done);
  read();
}

void JournaledEngine::forget() {
  kept_.clear();
  remove_files(step_, step_);
}

void JournaledEngine::remove(const fs::path& run) {
  std::error_code code;  // what stays is no reason to end a run
  fs::remove_all(folder_of(run), code);
}

void JournaledEngine::remove_files(std::int64_t from, std::int64_t to) const {
  std::error_code code;  // as above
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_of(run_), code)) {
    const std::string name = entry.path().filename().string();
    std::int64_t step = 0;
    if (!name.starts_with(kPrefix)) continue;
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), step);
    if (from <= step && step <= to) files.push_back(entry.path());
  }
  for (const fs::path& file : files) fs::remove(file, code);
}

void JournaledEngine::read() {
  repair_jsonl(file_);
  if (!fs::exists(file_)) return;
  const std::string content = read_file(file_);
  int damaged = 0;
  for (std::size_t begin = 0; begin < content.size();) {
    const std::size_t end = std::min(content.find('\n', begin), content.size());
    try {
      Json row = Json::parse(content.begin() + static_cast<std::ptrdiff_t>(begin),
                             content.begin() + static_cast<std::ptrdiff_t>(end));
      const std::uint64_t sum = row.at("sum");
      row.erase("sum");
      if (sum_of(row) != sum) {
        ++damaged;
      } else if (row.at("version") == version_ && (!before_ || row.at("before") == *before_)) {
        kept_[{row.at("stream"), row.at("prompt"), row.at("sample")}] = from_json(row.at("rollout"));
      }
    } catch (const Json::exception&) {
      ++damaged;
    }
    begin = end + 1;
  }
  if (damaged > 0) {
    log_line(fmt::format("note: {} lines of {} are damaged: these rollouts are sampled again", damaged,
                         file_.string()));
  }
}

JournaledEngine::Key JournaledEngine::key_of_first(const Request& request) {
  const std::string_view bytes(reinterpret_cast<const char*>(request.prompt.data()),
                               request.prompt.size() * sizeof(int));
  return {request.rng_key, key_of(bytes), request.first_sample};
}

void JournaledEngine::add(const Key& key, const Rollout& rollout) {
  if (!std::exchange(is_last_, true)) remove_files(step_ + 1, std::numeric_limits<std::int64_t>::max());
  const auto [stream, prompt, sample] = key;
  Json row = {{"stream", stream}, {"prompt", prompt}, {"sample", sample}};
  row["version"] = version_;
  row["before"] = before_.value_or(0);
  row["rollout"] = to_json(rollout);
  row["sum"] = sum_of(row);
  append_jsonl(file_, row);
}

void JournaledEngine::run(const SamplingConfig& sampling, std::uint64_t seed,
                          std::span<const int> stop_tokens, const NextRequest& next, const OnRollout& done,
                          const ContinueSampling& go_on) {
  std::map<std::size_t, Key> keys;  // of the first sample, by the request's tag
  const auto key_of_sample = [&](std::size_t tag, int sample) {
    Key key = keys.at(tag);
    std::get<int>(key) = sample;
    return key;
  };
  std::deque<Request> parts;  // of requests, what was not kept
  const auto next_part = [&]() -> std::optional<Request> {
    while (parts.empty()) {
      if (!go_on()) return std::nullopt;
      const std::optional<Request> request = next();
      if (!request) return std::nullopt;
      keys[request->tag] = key_of_first(*request);
      bool goes_on = false;
      for (int i = request->first_sample; i < request->first_sample + request->samples; ++i) {
        const auto kept = kept_.extract(key_of_sample(request->tag, i));
        if (kept) {
          Rollout rollout = std::move(kept.mapped());
          rollout.tag = request->tag;
          rollout.sample = i;
          done(std::move(rollout));
        } else if (goes_on) {
          ++parts.back().samples;
        } else {
          parts.push_back(*request);
          parts.back().first_sample = i;
          parts.back().samples = 1;
        }
        goes_on = !kept;
      }
    }
    Request part = std::move(parts.front());
    parts.pop_front();
    return part;
  };
  std::optional<Request> first = next_part();
  if (!first) return;  // no server has to be given the weights
  engine_.run(
      sampling, seed, stop_tokens, [&] { return first ? std::exchange(first, std::nullopt) : next_part(); },
      [&](Rollout&& rollout) {
        add(key_of_sample(rollout.tag, rollout.sample), rollout);
        done(std::move(rollout));
      },
      go_on);
}

}  // namespace pope
