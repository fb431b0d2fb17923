// The tables of the store.
#include <fmt/format.h>

#include "agent/queue.h"
#include "core/error.h"

namespace pope {
namespace {

constexpr std::int64_t kApplication = 0x706F7065;  // "pope"

constexpr const char* kTables = R"(
create table tasks(
  number integer primary key,         -- the order of arrival
  id text not null unique,
  type text not null,
  body text not null,                 -- the whole task, JSON
  priority integer not null,
  state text not null default 'waiting' check(state in ('waiting', 'running', 'succeeded', 'dead')),
  reason text not null default '',    -- why it is dead
  failures integer not null default 0,
  faults integer not null default 0,
  not_before integer not null default 0,
  avoid text not null default '',     -- the worker that could not run it,
  avoid_until integer not null default 0,
  next_plan text,                     -- JSON, that the next attempt must follow
  attempt integer,                    -- the running one
  lease_until integer not null default 0);
create index tasks_by_claim on tasks(state, priority desc, number);

create table attempts(
  number integer primary key autoincrement,
  task text not null references tasks(id),
  type text not null,
  agent text not null,
  worker text not null,
  started integer not null,
  ended integer,                      -- null: it runs, or its worker is gone and nobody has reaped it
  plan text,                          -- JSON
  approach text,
  mode text check(mode in ('unguided', 'guided', 'reflected')),
  trace integer, prefix_steps integer, reflection integer,
  prompt_key text,                    -- of the first message: no task is given the same one twice
  executed integer, claimed integer,
  verified integer,                   -- 1 passed, 0 failed, null unknown
  end text check(end in ('passed', 'failed', 'fault', 'released', 'lost')),
  cause text, evidence text,
  own_steps integer, calls integer, tokens integer, seconds real,
  weights_before text, weights_after text,
  steps text);
create index attempts_by_task on attempts(task);
create index attempts_by_type on attempts(agent, type);

create table learners(
  agent text not null, type text not null, state text not null,
  primary key(agent, type)) without rowid;

create table traces(
  id integer primary key autoincrement,
  type text not null,
  body text not null);                -- JSON
create index traces_by_type on traces(type);

create table trace_journal(
  sequence integer primary key autoincrement,
  at integer not null, trace integer not null, type text not null,
  change text not null check(change in ('add', 'merge', 'win', 'failure', 'evict', 'rollback')),
  before text, after text);           -- JSON; null: it was not there

create table reflections(
  id integer primary key autoincrement,
  task text not null,
  attempt integer not null,           -- that failed
  body text not null,                 -- JSON: what was said
  outcome text not null default 'pending' check(outcome in ('pending', 'trace', 'helped', 'warning')),
  trace integer not null default 0);
)";

std::int64_t pragma(Database& database, const char* sql) {
  Query query(database, sql);
  query.next();
  return query.integer(0);
}

// Whether nothing is there yet. Error: what is there is not ours.
bool is_new(Database& database) {
  const std::int64_t version = pragma(database, "pragma user_version");
  const std::int64_t application = pragma(database, "pragma application_id");
  const std::int64_t tables = pragma(database, "select count(*) from sqlite_master");
  if (tables == 0 && application == 0 && version == 0) return true;
  if (application != kApplication)
    throw Error("open store", "expected a store of pope agent, got a database of another program",
                "name another file");
  if (version != kSchemaVersion)
    throw Error("open store",
                fmt::format("expected a store of version {}, got one of version {}", kSchemaVersion, version),
                "use the pope that made it, or a new file");
  return false;
}

}  // namespace

void open_schema(Database& database) {
  is_new(database);  // a file of another program is not to be changed at all
  database.write_ahead();
  Transaction transaction(database);
  if (is_new(database)) {
    database.execute(kTables);
    database.execute(fmt::format("pragma application_id = {}", kApplication).c_str());
    database.execute(fmt::format("pragma user_version = {}", kSchemaVersion).c_str());
  }
  transaction.commit();
}

}  // namespace pope
