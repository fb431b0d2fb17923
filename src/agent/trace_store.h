// Privileged traces: how tasks of a type were done, step by step. They are shown in part, and less and less,
// to an agent that fails without (learner.h). The store is bounded, and everything that changes it is in a
// journal by which it can be rolled back.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/database.h"
#include "core/files.h"

namespace pope {

struct Trace {
  std::int64_t id = 0;
  std::string type;
  std::string source;  // senior | council | self
  std::vector<std::string> steps;
  double first_quality = 0.5;
  int uses = 0,
      guided_wins = 0;  // attempts that were shown a part of it, and those of them that the check took
  int retry_wins = 0;   // of a reflection: retries that the check took
  std::vector<std::string> tasks;  // that it was learned from
  std::int64_t attempt = 0;        // likewise; 0: imported
  std::int64_t created = 0;        // ms
  std::int64_t last_useful = 0;    // outcomes of the type until then

  // What it has earned: guided wins per use, with first_quality as the wins of two uses.
  double quality() const { return (guided_wins + 2 * first_quality) / (uses + 2); }
};
Json to_json(const Trace& trace);
Trace trace_from_json(const Json& json);

struct TraceLimits {
  int per_type = 50;       // the one of least worth goes
  double half_life = 200;  // outcomes of the type in which the worth of a trace that was not useful halves
};
// Steps of a trace, and bytes of one: fewer or more are refused.
constexpr std::size_t kLeastSteps = 2, kMostSteps = 64, kMostStep = 4096;

class TraceStore {
 public:
  TraceStore(Database& database, const TraceLimits& limits) : database_(database), limits_(limits) {}

  // Adds a trace without its secrets. A near-duplicate of the type, four fifths of whose words in threes are
  // the same, takes in its counts instead. The id that it has then; 0: it was of least worth and went at
  // once. Error: too few or too many steps, a step that is too long.
  std::int64_t add(Trace trace, std::int64_t now);
  // Adds those of a JSON Lines file {"type", "source", "steps", "quality"?}; how many. Error names file and
  // line.
  int import(const std::filesystem::path& path, std::int64_t now);

  std::optional<Trace> find(std::int64_t id);
  std::vector<Trace> of_type(const std::string& type);  // by id
  std::vector<Trace> all();
  // The trace of the type that is worth most and was not learned from the task; of equal ones the oldest.
  std::optional<Trace> choose(const std::string& type, const std::string& task);
  // quality · 2^(−age / half_life); the age in outcomes of the type since it was last useful.
  double worth(const Trace& trace);

  // An attempt that was shown a part of it has ended. A failure lowers its quality and changes nothing else.
  void record_guided(std::int64_t id, bool passed, std::int64_t now);

  // Undoes the changes after journal entry `sequence`, the newest first; how many. This is journalled, too.
  int rollback(std::int64_t sequence, std::int64_t now);
  std::vector<Json> journal();  // {sequence, at, trace, type, change, before, after}

 private:
  void write(const Trace& trace);
  void journal(const std::string& change, std::int64_t now, const std::optional<Trace>& before,
               const std::optional<Trace>& after);
  void evict(const std::string& type, std::int64_t now);
  std::int64_t clock(const std::string& type);
  Database& database_;
  TraceLimits limits_;
};

// Of two traces: the Jaccard index of their triples of words.
double similarity(const std::vector<std::string>& a, const std::vector<std::string>& b);

}  // namespace pope
