// See trace_store.h.
#include "agent/trace_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "agent/redact.h"
#include "core/chars.h"
#include "core/error.h"

namespace pope {
namespace {

constexpr double kNearDuplicate = 0.8;
constexpr auto kColumns = "id, body";

const std::vector<std::string>& sources() {
  static const std::vector<std::string> all = {"senior", "council", "self"};
  return all;
}

std::set<std::string> triples(const std::vector<std::string>& steps) {
  std::vector<std::string> words = {""};
  for (const std::string& step : steps) {
    for (const char c : step + " ") {
      if (c == ' ' || c == '\n' || c == '\t') {
        if (!words.back().empty()) words.emplace_back();
      } else {
        words.back() += lower(c);
      }
    }
  }
  words.pop_back();
  std::set<std::string> all;
  for (std::size_t i = 0; i < words.size(); ++i)
    all.insert(words[i] + "\n" + (i + 1 < words.size() ? words[i + 1] : "") + "\n" +
               (i + 2 < words.size() ? words[i + 2] : ""));
  return all;
}

void require_steps(const std::vector<std::string>& steps) {
  if (steps.size() < kLeastSteps || steps.size() > kMostSteps)
    throw Error("add trace",
                fmt::format("expected {} to {} steps, got {}", kLeastSteps, kMostSteps, steps.size()),
                "a part of a trace is shown, at most half");
  for (const std::string& step : steps) {
    if (trim(step).empty() || step.size() > kMostStep)
      throw Error("add trace",
                  fmt::format("expected steps of 1 to {} bytes, got one of {}", kMostStep, step.size()));
  }
}

}  // namespace

Json to_json(const Trace& trace) {
  return {{"type", trace.type},
          {"source", trace.source},
          {"steps", trace.steps},
          {"first_quality", trace.first_quality},
          {"uses", trace.uses},
          {"guided_wins", trace.guided_wins},
          {"retry_wins", trace.retry_wins},
          {"tasks", trace.tasks},
          {"attempt", trace.attempt},
          {"created", trace.created},
          {"last_useful", trace.last_useful}};
}

Trace trace_from_json(const Json& json) {
  Trace trace;
  json.at("type").get_to(trace.type);
  json.at("source").get_to(trace.source);
  json.at("steps").get_to(trace.steps);
  json.at("first_quality").get_to(trace.first_quality);
  json.at("uses").get_to(trace.uses);
  json.at("guided_wins").get_to(trace.guided_wins);
  json.at("retry_wins").get_to(trace.retry_wins);
  json.at("tasks").get_to(trace.tasks);
  json.at("attempt").get_to(trace.attempt);
  json.at("created").get_to(trace.created);
  json.at("last_useful").get_to(trace.last_useful);
  return trace;
}

double similarity(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  const std::set<std::string> first = triples(a), second = triples(b);
  const auto both = std::count_if(first.begin(), first.end(),
                                  [&](const std::string& triple) { return second.contains(triple); });
  const auto either = std::ssize(first) + std::ssize(second) - both;
  return either == 0 ? 1 : static_cast<double>(both) / static_cast<double>(either);
}

std::int64_t TraceStore::clock(const std::string& type) {
  Query query(database_, "select count(*) from attempts where type = ? and end in ('passed', 'failed')",
              type);
  query.next();
  return query.integer(0);
}

double TraceStore::worth(const Trace& trace) {
  const std::int64_t age = std::max<std::int64_t>(clock(trace.type) - trace.last_useful, 0);
  return trace.quality() * std::exp2(-static_cast<double>(age) / limits_.half_life);
}

std::vector<Trace> TraceStore::of_type(const std::string& type) {
  Query query(database_, fmt::format("select {} from traces where type = ? order by id", kColumns), type);
  std::vector<Trace> traces;
  while (query.next()) {
    traces.push_back(trace_from_json(Json::parse(query.text(1))));
    traces.back().id = query.integer(0);
  }
  return traces;
}

std::vector<Trace> TraceStore::all() {
  std::vector<std::string> types;
  Query query(database_, "select distinct type from traces order by type");
  while (query.next()) types.push_back(query.text(0));
  std::vector<Trace> traces;
  for (const std::string& type : types) {
    for (Trace& trace : of_type(type)) traces.push_back(std::move(trace));
  }
  return traces;
}

std::optional<Trace> TraceStore::find(std::int64_t id) {
  Query query(database_, "select body from traces where id = ?", id);
  if (!query.next()) return std::nullopt;
  Trace trace = trace_from_json(Json::parse(query.text(0)));
  trace.id = id;
  return trace;
}

std::optional<Trace> TraceStore::choose(const std::string& type, const std::string& task) {
  std::optional<Trace> best;
  double most = -1;
  for (Trace& trace : of_type(type)) {
    if (std::find(trace.tasks.begin(), trace.tasks.end(), task) != trace.tasks.end()) continue;
    if (const double worth = this->worth(trace); worth > most) {
      most = worth;
      best = std::move(trace);
    }
  }
  return best;
}

void TraceStore::write(const Trace& trace) {
  change(database_, "insert or replace into traces(id, type, body) values(?, ?, ?)", trace.id, trace.type,
         dump(to_json(trace)));
}

void TraceStore::journal(const std::string& what, std::int64_t now, const std::optional<Trace>& before,
                         const std::optional<Trace>& after) {
  const Trace& one = after ? *after : *before;
  std::optional<std::string> old_body, new_body;
  if (before) old_body = dump(to_json(*before));
  if (after) new_body = dump(to_json(*after));
  change(database_,
         "insert into trace_journal(at, trace, type, change, before, after) values(?, ?, ?, ?, ?, ?)", now,
         one.id, one.type, what, old_body, new_body);
}

std::int64_t TraceStore::add(Trace trace, std::int64_t now) {
  require_steps(trace.steps);
  for (std::string& step : trace.steps) step = shortened(redacted(step), kMostStep);
  Transaction transaction(database_);
  trace.created = now;
  trace.last_useful = clock(trace.type);
  for (const Trace& there : of_type(trace.type)) {
    if (similarity(there.steps, trace.steps) < kNearDuplicate) continue;
    Trace merged = there;
    merged.uses += trace.uses;
    merged.guided_wins += trace.guided_wins;
    merged.retry_wins += trace.retry_wins;
    merged.last_useful = std::max(merged.last_useful, trace.last_useful);
    for (const std::string& task : trace.tasks) {
      if (std::find(merged.tasks.begin(), merged.tasks.end(), task) == merged.tasks.end())
        merged.tasks.push_back(task);
    }
    write(merged);
    journal("merge", now, there, merged);
    transaction.commit();
    return merged.id;
  }
  change(database_, "insert into traces(type, body) values(?, '')", trace.type);
  trace.id = database_.last_id();
  write(trace);
  journal("add", now, std::nullopt, trace);
  evict(trace.type, now);
  const bool stays = find(trace.id).has_value();
  transaction.commit();
  return stays ? trace.id : 0;
}

void TraceStore::evict(const std::string& type, std::int64_t now) {
  std::vector<Trace> traces = of_type(type);
  if (std::ssize(traces) <= limits_.per_type) return;
  const auto least = std::min_element(traces.begin(), traces.end(),
                                      [&](const Trace& a, const Trace& b) { return worth(a) < worth(b); });
  change(database_, "delete from traces where id = ?", least->id);
  journal("evict", now, *least, std::nullopt);
}

int TraceStore::import(const std::filesystem::path& path, std::int64_t now) {
  Transaction transaction(database_);
  int added = 0;
  read_jsonl(path, [&](Json&& row, std::size_t line) {
    const auto refuse = [&](const std::string& message) {
      throw Error("import traces", fmt::format("{}:{}: {}", path.string(), line, message));
    };
    Trace trace;
    if (!row.is_object()) refuse("expected an object");
    for (const auto& [name, value] : row.items()) {
      if (name == "type" && value.is_string()) {
        trace.type = value.get<std::string>();
      } else if (name == "source" && value.is_string()) {
        trace.source = value.get<std::string>();
      } else if (name == "quality" && value.is_number() && value.get<double>() >= 0 &&
                 value.get<double>() <= 1) {
        trace.first_quality = value.get<double>();
      } else if (name == "steps" && value.is_array()) {
        for (const Json& step : value) {
          if (!step.is_string()) refuse("steps: expected texts");
          trace.steps.push_back(step.get<std::string>());
        }
      } else {
        refuse("expected type, source (texts), steps (a list of texts) and quality (0 to 1), got '" + name +
               "': " + shortened(dump(value), 60));
      }
    }
    if (trace.type.empty()) refuse("type is missing");
    if (std::find(sources().begin(), sources().end(), trace.source) == sources().end())
      refuse("source: expected senior, council or self, got '" + trace.source + "'");
    try {
      add(std::move(trace), now);
    } catch (const Error& error) {
      refuse(error.what());
    }
    ++added;
  });
  transaction.commit();
  return added;
}

void TraceStore::record_guided(std::int64_t id, bool passed, std::int64_t now) {
  const std::optional<Trace> before = find(id);
  if (!before) return;  // it was evicted meanwhile
  Trace after = *before;
  ++after.uses;
  if (passed) {
    ++after.guided_wins;
    after.last_useful = clock(after.type);
  }
  write(after);
  journal(passed ? "win" : "failure", now, before, after);
}

int TraceStore::rollback(std::int64_t sequence, std::int64_t now) {
  struct Entry {
    std::int64_t trace;
    std::optional<Trace> before, after;
  };
  Transaction transaction(database_);
  std::vector<Entry> entries;
  {
    Query query(database_,
                "select trace, before, after from trace_journal where sequence > ? order by sequence desc",
                sequence);
    const auto body = [&](int column, std::int64_t id) -> std::optional<Trace> {
      if (query.is_null(column)) return std::nullopt;
      Trace trace = trace_from_json(Json::parse(query.text(column)));
      trace.id = id;
      return trace;
    };
    while (query.next())
      entries.push_back({query.integer(0), body(1, query.integer(0)), body(2, query.integer(0))});
  }
  for (const Entry& entry : entries) {
    if (entry.before) {
      write(*entry.before);
    } else {
      change(database_, "delete from traces where id = ?", entry.trace);
    }
    journal("rollback", now, entry.after, entry.before);
  }
  transaction.commit();
  return static_cast<int>(entries.size());
}

std::vector<Json> TraceStore::journal() {
  std::vector<Json> rows;
  Query query(database_,
              "select sequence, at, trace, type, change, before, after from trace_journal order by sequence");
  while (query.next()) {
    rows.push_back({{"sequence", query.integer(0)},
                    {"at", query.integer(1)},
                    {"trace", query.integer(2)},
                    {"type", query.text(3)},
                    {"change", query.text(4)},
                    {"before", query.is_null(5) ? Json() : Json::parse(query.text(5))},
                    {"after", query.is_null(6) ? Json() : Json::parse(query.text(6))}});
  }
  return rows;
}

}  // namespace pope
