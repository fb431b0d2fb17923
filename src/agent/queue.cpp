// See queue.h. Every public call is one transaction.
#include "agent/queue.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "core/error.h"

namespace pope {
namespace {

std::optional<bool> bit_of(Verified verified) {
  if (verified == Verified::unknown) return std::nullopt;
  return verified == Verified::passed;
}

constexpr const char* kModes[] = {"unguided", "guided", "reflected"};
constexpr const char* kEnds[] = {"passed", "failed", "fault", "released", "lost"};

Mode mode_of(const std::string& name) {
  return static_cast<Mode>(std::find(std::begin(kModes), std::end(kModes), name) - std::begin(kModes));
}

}  // namespace

const char* name_of(Mode mode) { return kModes[static_cast<std::size_t>(mode)]; }
const char* name_of(End end) { return kEnds[static_cast<std::size_t>(end)]; }

End AttemptEnd::end() const {
  if (verified == Verified::unknown) return released ? End::released : End::fault;
  return verified == Verified::passed ? End::passed : End::failed;
}

Json to_json(const AttemptPlan& plan) {
  return {{"approach", plan.approach},         {"mode", name_of(plan.mode)},    {"trace", plan.trace},
          {"prefix_steps", plan.prefix_steps}, {"reflection", plan.reflection}, {"note", plan.note}};
}

AttemptPlan plan_from_json(const Json& json) {
  AttemptPlan plan;
  plan.approach = json.at("approach").get<std::string>();
  plan.mode = mode_of(json.at("mode").get<std::string>());
  plan.trace = json.at("trace").get<std::int64_t>();
  plan.prefix_steps = json.at("prefix_steps").get<int>();
  plan.reflection = json.at("reflection").get<std::int64_t>();
  plan.note = json.at("note").get<std::string>();
  return plan;
}

int Queue::add(const std::vector<Task>& tasks) {
  Transaction transaction(database_);
  int added = 0;
  for (const Task& task : tasks) {
    const std::string body = dump(to_json(task));
    Query there(database_, "select body from tasks where id = ?", task.id);
    if (there.next()) {
      if (there.text(0) != body)
        throw Error("add tasks", "the store has another task with the id '" + task.id + "'",
                    "give the new one another id");
      continue;
    }
    change(database_, "insert into tasks(id, type, body, priority) values(?, ?, ?, ?)", task.id, task.type,
           body, task.priority);
    ++added;
  }
  transaction.commit();
  return added;
}

std::optional<Lease> Queue::claim(const std::string& worker, const std::string& agent, std::int64_t now,
                                  std::int64_t lease_ms) {
  Transaction transaction(database_);
  Query found(
      database_,
      "select body, next_plan, type, failures from tasks where state = 'waiting' and not_before <= ? and "
      "(avoid <> ? or avoid_until <= ?) order by priority desc, number limit 1",
      now, worker, now);
  if (!found.next()) return std::nullopt;
  Lease claim;
  claim.task = task_from_json(Json::parse(found.text(0)), "store");
  claim.worker = worker;
  claim.failures = static_cast<int>(found.integer(3));
  if (!found.is_null(1)) claim.plan = plan_from_json(Json::parse(found.text(1)));
  std::optional<std::string> plan;
  if (claim.plan) plan = found.text(1);
  change(database_, "insert into attempts(task, type, agent, worker, started, plan) values(?, ?, ?, ?, ?, ?)",
         claim.task.id, found.text(2), agent, worker, now, plan);
  claim.attempt = database_.last_id();
  change(database_, "update tasks set state = 'running', attempt = ?, lease_until = ? where id = ?",
         claim.attempt, now + lease_ms, claim.task.id);
  transaction.commit();
  return claim;
}

bool Queue::renew(const Lease& claim, std::int64_t now, std::int64_t lease_ms) {
  return change(database_,
                "update tasks set lease_until = ? where id = ? and state = 'running' and attempt = ?",
                now + lease_ms, claim.task.id, claim.attempt) == 1;
}

bool Queue::holds(const Lease& claim) {
  Query found(database_, "select 1 from tasks where id = ? and state = 'running' and attempt = ?",
              claim.task.id, claim.attempt);
  return found.next();
}

bool Queue::finish(const Lease& claim, const AttemptEnd& outcome, const RetryPolicy& policy, std::int64_t now,
                   const std::optional<AttemptPlan>& next) {
  Transaction transaction(database_);
  const bool holds = this->holds(claim);
  // The reaper has ended a lost attempt already, and said why; what came of it is added for the record.
  change(database_,
         "update attempts set ended = coalesce(ended, ?), end = ?, executed = ?, claimed = ?, verified = ?, "
         "cause = coalesce(cause, ?), evidence = ?, own_steps = ?, calls = ?, tokens = ?, seconds = ?, "
         "steps = ? where number = ?",
         now, name_of(holds ? outcome.end() : End::lost), outcome.executed, outcome.claimed,
         bit_of(outcome.verified), outcome.cause, outcome.evidence, outcome.own_steps, outcome.calls,
         outcome.tokens, outcome.seconds, dump(outcome.steps), claim.attempt);
  if (holds) move_on(claim.task.id, outcome.end(), outcome.cause, claim.worker, policy, now, next);
  transaction.commit();
  return holds;
}

void Queue::move_on(const std::string& task, End end, const std::string& cause, const std::string& worker,
                    const RetryPolicy& policy, std::int64_t now, const std::optional<AttemptPlan>& next) {
  Query counts(database_, "select failures, faults, attempt from tasks where id = ?", task);
  counts.next();
  const std::int64_t failures = counts.integer(0) + (end == End::failed),
                     faults = counts.integer(1) + (end == End::fault);
  std::string state = "waiting", reason, avoid;
  std::int64_t not_before = 0, avoid_until = 0;
  std::optional<std::string> plan;
  if (next) plan = dump(to_json(*next));
  if (end == End::passed) {
    state = "succeeded";
  } else if (end == End::failed && failures >= policy.max_failures) {
    state = "dead";
    reason = fmt::format("the check refused {} attempts; the last: {}", failures, cause);
  } else if (end == End::fault && faults >= policy.max_faults) {
    state = "dead";
    reason = fmt::format("{} attempts could not be made; the last: {}", faults, cause);
  } else if (end == End::fault) {
    constexpr std::int64_t kMostMs = 3600000;
    const std::int64_t wait = std::min(policy.backoff_ms << std::min<std::int64_t>(faults - 1, 20), kMostMs);
    not_before = now + wait;
    avoid_until = not_before + wait;
    avoid = worker;
  }
  if (end == End::fault || end == End::released) {  // the same again
    Query made(database_, "select plan from attempts where number = ?", counts.integer(2));
    if (made.next() && !made.is_null(0)) plan = made.text(0);
  }
  change(database_,
         "update tasks set state = ?, reason = ?, failures = ?, faults = ?, not_before = ?, avoid = ?, "
         "avoid_until = ?, "
         "next_plan = ?, attempt = null, lease_until = 0 where id = ?",
         state, reason, failures, faults, not_before, avoid, avoid_until, plan, task);
}

void Queue::bury(const Lease& claim, const std::string& reason) {
  Transaction transaction(database_);
  change(database_,
         "update tasks set state = 'dead', reason = ?, attempt = null, lease_until = 0 where id = ?", reason,
         claim.task.id);
  change(database_, "delete from attempts where number = ?", claim.attempt);
  transaction.commit();
}

void Queue::record_plan(const Lease& claim, const AttemptPlan& plan, const std::string& prompt_key,
                        const std::string& weights) {
  change(database_,
         "update attempts set plan = ?, approach = ?, mode = ?, trace = ?, prefix_steps = ?, reflection = ?, "
         "prompt_key = ?, weights_before = ? where number = ?",
         dump(to_json(plan)), plan.approach, name_of(plan.mode), plan.trace, plan.prefix_steps,
         plan.reflection, prompt_key, weights, claim.attempt);
}

std::set<std::string> Queue::tried(const std::string& task) {
  Query query(database_, "select prompt_key from attempts where task = ? and end in ('passed', 'failed')",
              task);
  std::set<std::string> keys;
  while (query.next()) keys.insert(query.text(0));
  return keys;
}

int Queue::reap(const RetryPolicy& policy, std::int64_t now) {
  Transaction transaction(database_);
  struct Lost {
    std::string task, worker;
    std::int64_t attempt;
  };
  std::vector<Lost> all;
  {
    Query late(database_,
               "select tasks.id, attempts.worker, attempts.number from tasks join attempts on "
               "attempts.number = tasks.attempt where tasks.state = 'running' and tasks.lease_until < ?",
               now);
    while (late.next()) all.push_back({late.text(0), late.text(1), late.integer(2)});
  }
  for (const Lost& lost : all) {
    const std::string cause = "the worker " + lost.worker + " is gone: its lease has passed";
    change(database_, "update attempts set ended = ?, end = 'lost', cause = ? where number = ?", now, cause,
           lost.attempt);
    move_on(lost.task, End::fault, cause, lost.worker, policy, now, std::nullopt);
  }
  transaction.commit();
  return static_cast<int>(all.size());
}

bool Queue::work_left() {
  Query found(database_, "select 1 from tasks where state in ('waiting', 'running') limit 1");
  return found.next();
}

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::string worker_name() {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  return fmt::format("{}:{}", host, getpid());
}

}  // namespace pope
