// The queue of tasks in the store. Workers of several processes claim tasks under a lease, one attempt each;
// a worker that is gone loses its lease, and the task goes to another. Time is an argument, milliseconds
// since 1970.
//
// Every attempt is a row from the moment it is claimed. Only the worker whose attempt the task still names
// may end it: so a task is ended once, and what a late worker brings is recorded and counts for nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/database.h"
#include "agent/task.h"

namespace pope {

// Makes the tables in a new file. Error: a database of another program, which is left as it is, or of another
// version.
void open_schema(Database& database);
inline constexpr int kSchemaVersion = 2;

// How often what is tried again, and when a task is a dead letter.
struct RetryPolicy {
  int max_failures = 6;            // attempts that the check refused
  int max_faults = 5;              // attempts that the infrastructure broke: engine, sandbox, check, worker
  std::int64_t backoff_ms = 2000;  // before the second try after a fault, twice as long before the next, …
};

// What an attempt is helped by: nothing, a trace, a reflection.
enum class Mode { unguided, guided, reflected };
const char* name_of(Mode mode);

// How an attempt goes about its task. The first message of the model depends on nothing else.
struct AttemptPlan {
  std::string approach;
  Mode mode = Mode::unguided;
  std::int64_t trace = 0;  // 0: none
  int prefix_steps = 0;
  std::int64_t reflection = 0;
  std::string note;  // why not guided: "no trace", "length 0"
};
Json to_json(const AttemptPlan& plan);
AttemptPlan plan_from_json(const Json& json);

struct Lease {
  std::int64_t attempt = 0;
  Task task;
  std::string worker;
  int failures = 0;  // attempts of the task that the check refused
  std::optional<AttemptPlan>
      plan;  // that must be followed: the same again after a fault, or a retry with a reflection
};

enum class Verified { passed, failed, unknown };  // unknown: no check was made, or the check itself failed

// What an attempt was for its task: done, not done, broken by the infrastructure (the same again elsewhere),
// stopped by request, or of a worker that had lost its lease.
enum class End { passed, failed, fault, released, lost };
const char* name_of(End end);

// What became of an attempt. `executed`: its actions ran to an end of its own making or to a limit;
// `claimed`: the agent said that it is done; `verified`: what the external check says, and nothing else makes
// a success.
struct AttemptEnd {
  bool executed = false, claimed = false;
  Verified verified = Verified::unknown;
  bool released = false;  // stopped by request
  std::string cause;      // a line: what failed
  std::string evidence;   // of the check
  int own_steps = 0, calls = 0;
  std::int64_t tokens = 0;
  double seconds = 0;
  Json steps = Json::array();  // what was said and done, step by step

  // While the lease is held.
  End end() const;
};

class Queue {
 public:
  explicit Queue(Database& database) : database_(database) {}

  // Those that are new. A task that is there as it is given is left; Error where its id names another one.
  int add(const std::vector<Task>& tasks);

  // The waiting task with the largest priority, of those the oldest, or nothing. A worker comes back to a
  // task that it could not run itself only after twice the time.
  std::optional<Lease> claim(const std::string& worker, const std::string& agent, std::int64_t now,
                             std::int64_t lease_ms);
  // False: the lease is lost, and the work is for nothing.
  bool renew(const Lease& claim, std::int64_t now, std::int64_t lease_ms);
  bool holds(const Lease& claim);

  // Records the outcome and moves the task on. False: the lease was lost; the attempt is recorded so.
  // `next`: the plan that the next attempt must follow.
  bool finish(const Lease& claim, const AttemptEnd& outcome, const RetryPolicy& policy, std::int64_t now,
              const std::optional<AttemptPlan>& next = std::nullopt);
  // Takes the claim back, as if it had not been, and makes the task a dead letter: "every plan was tried".
  void bury(const Lease& claim, const std::string& reason);
  // Keeps how the attempt goes about its task, before it begins.
  void record_plan(const Lease& claim, const AttemptPlan& plan, const std::string& prompt_key,
                   const std::string& weights);
  // The keys of the first messages that attempts at the task were given and that came to an end.
  std::set<std::string> tried(const std::string& task);

  // Ends attempts whose lease has passed as faults; how many.
  int reap(const RetryPolicy& policy, std::int64_t now);

  // Whether a task waits or runs, in whatever process.
  bool work_left();

 private:
  void move_on(const std::string& task, End end, const std::string& cause, const std::string& worker,
               const RetryPolicy& policy, std::int64_t now, const std::optional<AttemptPlan>& next);
  Database& database_;
};

std::int64_t now_ms();
// "HOST:PID", which names this process among the workers.
std::string worker_name();

}  // namespace pope
