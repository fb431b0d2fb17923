// See evolution.h. The files are those of docs/formats.md, "Evolved templates"; whoever wrote them, a row
// enters the report only once it has the fields in their types.
#include "report/evolution.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/error.h"
#include "report/excerpt.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestText = 24000;  // bytes
constexpr std::size_t kReplies = 300'000;    // of all replies of a run together
constexpr std::size_t kShortestReply = 400;  // a reply is not cut below this …
constexpr std::size_t kLongestReply = 6000;  // … but to this

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// The rows of a file of the run; those that cannot be read are noted.
std::vector<Json> rows_of(RunData& run, const char* file) {
  std::vector<Json> rows;
  try {
    if (fs::exists(run.path / file))
      read_jsonl(run.path / file, [&](Json&& row, std::size_t) { rows.push_back(std::move(row)); });
  } catch (const Error& error) {
    run.notes.push_back(fmt::format("{} is read up to a damaged line: {}", file, first_line(error.what())));
  }
  return rows;
}

// The row with typed fields; throws Json::exception where one is missing or of another type.
Json candidate_of(const Json& row, int number, std::vector<std::string>& dev) {
  const auto parents = row.at("parents").get<std::vector<int>>();
  const bool descends =
      std::all_of(parents.begin(), parents.end(), [&](int parent) { return parent >= 0 && parent < number; });
  const Json& by_instance = row.at("scores");
  if (row.at("candidate").get<int>() != number || !descends || parents.empty() != (number == 0) ||
      !by_instance.is_object())
    throw Json::other_error::create(501, "no candidate", nullptr);
  if (number == 0) {
    for (const auto& [id, score] : by_instance.items()) dev.push_back(id);
  }
  Json texts = Json::object(), scores = Json::array();
  for (const auto& [component, text] : row.at("texts").items())
    texts[component] = without_middle(text.get<std::string>(), kLongestText);
  for (const std::string& id : dev) scores.push_back(by_instance.at(id).get<double>());
  return {{"candidate", number},
          {"parents", parents},
          {"component", row.at("component").get<std::string>()},
          {"texts", std::move(texts)},
          {"mean", row.at("mean").get<double>()},
          {"scores", std::move(scores)},
          {"wins", Json::array()},
          {"weight", row.at("weight").get<int>()},
          {"iteration", row.at("iteration").get<int>()},
          {"metric_calls", row.at("metric_calls").get<std::int64_t>()}};
}

void set_wins(Json& candidates, std::size_t instances) {
  for (std::size_t k = 0; k < instances; ++k) {
    double best = 0;
    for (const Json& one : candidates) best = std::max(best, one["scores"][k].get<double>());
    for (Json& one : candidates) {
      if (best > 0 && one["scores"][k].get<double>() == best) one["wins"].push_back(k);
    }
  }
}

Json proposal_of(const Json& row, std::size_t longest_reply) {
  const Json& candidate = row.at("candidate");
  return {{"iteration", row.at("iteration").get<int>()},
          {"parents", row.at("parents").get<std::vector<int>>()},
          {"component", row.at("component").get<std::string>()},
          {"instances", row.at("instances").get<std::vector<std::string>>()},
          {"before", row.at("before").get<double>()},
          {"after", row.at("after").get<double>()},
          {"outcome", row.at("outcome").get<std::string>()},
          {"note", row.at("note").get<std::string>()},
          {"candidate", candidate.is_null() ? Json() : Json(candidate.get<int>())},
          {"reply", without_middle(row.at("reply").get<std::string>(), longest_reply)}};
}

Json proposals_of(RunData& run, const std::vector<Json>& rows) {
  const std::size_t longest =
      std::clamp(kReplies / std::max<std::size_t>(1, rows.size()), kShortestReply, kLongestReply);
  Json proposals = Json::array();
  int damaged = 0;
  for (const Json& row : rows) {
    try {
      proposals.push_back(proposal_of(row, longest));
    } catch (const Json::exception&) {
      ++damaged;
    }
  }
  if (damaged > 0) run.notes.push_back(fmt::format("{} rows of proposals.jsonl are damaged", damaged));
  return proposals;
}

// What a run that goes on has paid so far, from the items that it keeps.
void add_costs(RunData& run, Json& row) {
  std::int64_t calls = 0, reflections = 0, rollout_tokens = 0, reply_tokens = 0, prompt_tokens = 0;
  for (const Json& line : rows_of(run, "evolved.partial.jsonl")) {
    try {
      const Json& item = line.at("item");
      if (item.contains("evaluation")) {
        rollout_tokens += item["evaluation"].at("tokens").get<std::int64_t>();
        ++calls;
      } else if (item.contains("reflection")) {
        reply_tokens += item["reflection"].at("tokens").get<std::int64_t>();
        prompt_tokens += item["reflection"].at("prompt_tokens").get<std::int64_t>();
        ++reflections;
      }
    } catch (const Json::exception&) {
      continue;  // the run itself will say so
    }
  }
  row["metric_calls"] = calls;
  row["reflections"] = reflections;
  row["rollout_tokens"] = rollout_tokens;
  row["reflection_tokens"] = reply_tokens;
  row["reflection_prompt_tokens"] = prompt_tokens;
}

Json number_of(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && end == text.data() + text.size() ? Json(value) : Json();
}

// Numbers of candidates that there are.
Json cover_of(const RunData& run, std::size_t candidates) {
  Json cover = Json::array();
  const Json kept = run.result ? run.result->value("cover", Json()) : Json();
  for (const Json& one : kept.is_array() ? kept : Json::array()) {
    if (one.is_number_unsigned() && one.get<std::size_t>() < candidates) cover.push_back(one);
  }
  return cover;
}

Json evolving_row(RunData& run) {
  std::vector<std::string> dev;
  Json candidates = Json::array(), outcomes = Json::object();
  for (const Json& row : rows_of(run, "candidates.jsonl")) {
    try {
      candidates.push_back(candidate_of(row, static_cast<int>(candidates.size()), dev));
    } catch (const Json::exception&) {
      run.notes.push_back(
          fmt::format("candidate {} and those after it are left out: damaged", candidates.size()));
      break;
    }
  }
  set_wins(candidates, dev.size());
  Json proposals = proposals_of(run, rows_of(run, "proposals.jsonl"));
  int iterations = 0;
  for (const Json& one : proposals) {
    const std::string outcome = one["outcome"];
    outcomes[outcome] = outcomes.value(outcome, 0) + 1;
    iterations = std::max(iterations, one["iteration"].get<int>());
  }
  Json row = {{"run", run.name},
              {"complete", run.result.has_value()},
              {"ended", Json()},
              {"dev", dev},
              {"budget", number_of(run.setting("evolve.budget"))},
              {"metric_calls", Json()},
              {"iterations", iterations}};
  if (run.result) {
    for (const char* key : {"ended", "metric_calls", "iterations", "reflections", "rollout_tokens",
                            "reflection_tokens", "reflection_prompt_tokens"})
      row[key] = run.result->value(key, Json());
  } else {
    add_costs(run, row);
  }
  row["outcomes"] = std::move(outcomes);
  row["cover"] = cover_of(run, candidates.size());
  row["candidates"] = std::move(candidates);
  row["proposals"] = std::move(proposals);
  return row;
}

}  // namespace

Json build_evolving(std::vector<RunData>& runs) {
  Json rows = Json::array();
  for (RunData& run : runs) {
    if (run.verb == "evolve") rows.push_back(evolving_row(run));
  }
  return rows;
}

}  // namespace pope
