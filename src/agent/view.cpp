// See view.h.
#include "agent/view.h"

#include <fmt/format.h>

#include <map>

#include "agent/learner.h"
#include "agent/tools.h"
#include "core/error.h"

namespace pope {
namespace {

Json counts(Database& database, const char* sql, std::initializer_list<const char*> names) {
  Json json = Json::object();
  for (const char* name : names) json[name] = 0;
  Query query(database, sql);
  while (query.next()) json[query.text(0)] = query.integer(1);
  return json;
}

constexpr auto kAttempt =
    "number, task, type, agent, worker, approach, mode, trace, prefix_steps, reflection, own_steps, "
    "executed, claimed, "
    "verified, end, cause, evidence, calls, tokens, seconds, started";

Json attempt_row(const Query& query) {
  const auto flag = [&](int column) {
    return query.is_null(column) ? Json() : Json(query.integer(column) != 0);
  };
  return {{"attempt", query.integer(0)},
          {"task", query.text(1)},
          {"type", query.text(2)},
          {"agent", query.text(3)},
          {"worker", query.text(4)},
          {"approach", query.text(5)},
          {"mode", query.text(6)},
          {"trace", query.integer(7)},
          {"prefix_steps", query.integer(8)},
          {"reflection", query.integer(9)},
          {"own_steps", query.integer(10)},
          {"executed", flag(11)},
          {"claimed", flag(12)},
          {"verified", flag(13)},
          {"end", query.is_null(14) ? "running" : query.text(14)},
          {"cause", query.text(15)},
          {"evidence", query.text(16)},
          {"calls", query.integer(17)},
          {"tokens", query.integer(18)},
          {"seconds", query.real(19)},
          {"started", query.integer(20)}};
}

Json parsed(const Query& query, int column) {
  return query.is_null(column) ? Json() : Json::parse(query.text(column));
}

// What was said, without the form of the actions.
std::string solution_of(const Json& steps) {
  std::string solution;
  for (const Json& step : steps) {
    const Parsed reply = parse_action(step.at("reply").get_ref<const std::string&>());
    for (const std::string& part : {reply.thought, reply.action ? reply.action->text : std::string()}) {
      if (!part.empty()) solution += (solution.empty() ? "" : "\n") + part;
    }
  }
  return solution;
}

}  // namespace

Json agent_status(Database& database) {
  Json status;
  status["tasks"] = counts(database, "select state, count(*) from tasks group by state",
                           {"waiting", "running", "succeeded", "dead"});
  status["types"] = Json::array();
  Query learners(database, "select agent, type, state from learners order by agent, type");
  while (learners.next()) {
    const LearnerState state = learner_from_json(Json::parse(learners.text(2)));
    Json approaches = Json::array();
    for (const auto& [name, one] : state.approaches) {
      approaches.push_back({{"name", name},
                            {"weight", one.weight()},
                            {"teacher", one.teacher},
                            {"unguided_success", one.unguided_success},
                            {"guided", one.guided},
                            {"trace", one.trace},
                            {"prefix", one.guided ? prefix_length(one) : 0}});
    }
    status["types"].push_back({{"agent", learners.text(0)},
                               {"type", learners.text(1)},
                               {"outcomes", state.ended},
                               {"failures_in_a_row", state.failures_in_a_row},
                               {"approaches", std::move(approaches)}});
  }
  status["dead_letters"] = Json::array();
  Query dead(database, "select id, reason from tasks where state = 'dead' order by number");
  while (dead.next()) status["dead_letters"].push_back({{"task", dead.text(0)}, {"reason", dead.text(1)}});
  Query traces(database, "select count(*) from traces");
  traces.next();
  status["traces"] = traces.integer(0);
  status["reflections"] = counts(database, "select outcome, count(*) from reflections group by outcome",
                                 {"pending", "trace", "helped", "warning"});
  return status;
}

int waiting_by_command(Database& database) {
  Query query(
      database,
      "select count(*) from tasks where state = 'waiting' and json_extract(body, '$.check.command') is "
      "not null");
  query.next();
  return static_cast<int>(query.integer(0));
}

Json trace_rows(Database& database, const TraceLimits& limits) {
  TraceStore store(database, limits);
  Json rows = Json::array();
  for (const Trace& trace : store.all()) {
    Json row = {{"trace", trace.id}};
    row.update(to_json(trace));
    row["quality"] = trace.quality();
    row["worth"] = store.worth(trace);
    rows.push_back(std::move(row));
  }
  return rows;
}

Json attempt_rows(Database& database, int most) {
  Query query(database, fmt::format("select {} from attempts order by number desc limit ?", kAttempt), most);
  Json rows = Json::array();
  while (query.next()) rows.push_back(attempt_row(query));
  return rows;
}

Json attempt_record(Database& database, std::int64_t number) {
  Query query(
      database,
      fmt::format(
          "select {}, weights_before, weights_after, steps, (select body from tasks where id = task), "
          "(select body from reflections where id = reflection) from attempts where number = ?",
          kAttempt),
      number);
  if (!query.next())
    throw Error("agent", fmt::format("the store has no attempt {}", number), "pope agent history lists them");
  Json record = attempt_row(query);
  record["weights_before"] = parsed(query, 21);
  record["weights_after"] = parsed(query, 22);
  record["steps"] = parsed(query, 23);
  record["instruction"] = parsed(query, 24).at("instruction");
  record["lesson"] = parsed(query, 25);
  return record;
}

Exported export_problems(Database& database) {
  Exported exported;
  Query query(
      database,
      "select tasks.body, attempts.steps from tasks join attempts on attempts.task = tasks.id where "
      "tasks.state "
      "= 'succeeded' and attempts.end = 'passed' order by tasks.number, attempts.own_steps, attempts.number");
  std::string last;
  while (query.next()) {
    const Json task = Json::parse(query.text(0));
    if (task.at("id") == last) continue;
    last = task.at("id").get<std::string>();
    if (!task.at("check").contains("answer")) {
      ++exported.by_command;
      continue;
    }
    Problem problem;
    problem.id = last;
    problem.statement = task.at("instruction").get<std::string>();
    problem.answer = task.at("check").at("answer").get<std::string>();
    problem.solution = solution_of(Json::parse(query.text(1)));
    problem.source = task.at("type").get<std::string>();
    exported.problems.push_back(std::move(problem));
  }
  return exported;
}

}  // namespace pope
