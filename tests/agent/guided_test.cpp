// Traces, guided mode and reflection: who is shown what, what it earns, and that help is never taken for
// competence.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/fake_agent.h"
#include "agent/learner_store.h"
#include "agent/lesson.h"
#include "agent/planner.h"
#include "agent/run.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

using fake::finish;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Trace trace(const std::string& name, int steps, const std::string& type = "sums") {
  Trace trace{.type = type, .source = "senior"};
  for (int i = 1; i <= steps; ++i) trace.steps.push_back(name + " step " + std::to_string(i) + " " + name);
  return trace;
}

class TraceTest : public testing::Test {
 protected:
  TraceTest() : database_(dir_ / "store.db"), store_(database_, {.per_type = 3, .half_life = 10}) {
    open_schema(database_);
  }
  void outcomes(int count, const std::string& type = "sums") {
    change(database_, "insert or ignore into tasks(id, type, body, priority) values('t', 'x', '', 0)");
    for (int i = 0; i < count; ++i)
      change(database_,
             "insert into attempts(task, type, agent, worker, started, end) values('t', ?, 'agent', 'w', 0, "
             "'failed')",
             type);
  }
  std::string bodies() {
    std::string all;
    for (const Trace& one : store_.all()) all += std::to_string(one.id) + dump(to_json(one)) + "\n";
    return all;
  }
  TempDir dir_;
  Database database_;
  TraceStore store_;
};

TEST_F(TraceTest, QualityIsGuidedWinsPerUseAndWorthDecays) {
  const std::int64_t id = store_.add(trace("a", 4), 1);
  EXPECT_DOUBLE_EQ(store_.find(id)->quality(), 0.5);
  store_.record_guided(id, true, 2);
  EXPECT_DOUBLE_EQ(store_.find(id)->quality(), 2.0 / 3);
  store_.record_guided(id, false, 3);
  EXPECT_DOUBLE_EQ(store_.find(id)->quality(), 2.0 / 4);
  outcomes(10);
  EXPECT_DOUBLE_EQ(store_.worth(*store_.find(id)), 0.25);  // one half-life
  outcomes(50, "other");
  EXPECT_DOUBLE_EQ(store_.worth(*store_.find(id)), 0.25);
}

TEST_F(TraceTest, TheMostWorthIsChosenButNoneOfTheTaskAtHand) {
  Trace own = trace("a", 4);
  own.tasks = {"t1"};
  own.first_quality = 0.9;
  const std::int64_t best = store_.add(own, 1), other = store_.add(trace("b", 4), 1);
  EXPECT_EQ(store_.choose("sums", "t2")->id, best);
  EXPECT_EQ(store_.choose("sums", "t1")->id, other);
  EXPECT_FALSE(store_.choose("files", "t2"));
}

TEST_F(TraceTest, NearDuplicatesAreMergedWithAllTheirTasks) {
  Trace first = trace("alpha", 8), second = first;
  first.tasks = {"t1"};
  second.tasks = {"t2"};
  second.steps[7] += " indeed";
  const std::int64_t id = store_.add(first, 1);
  EXPECT_EQ(store_.add(second, 2), id);
  EXPECT_NE(store_.add(trace("beta", 8), 3), id);
  EXPECT_THAT(store_.find(id)->tasks, ElementsAre("t1", "t2"));
  EXPECT_FALSE(store_.choose("sums", "t1").value().id == id);
  EXPECT_FALSE(store_.choose("sums", "t2").value().id == id);
  Trace elsewhere = first;
  elsewhere.type = "files";
  EXPECT_NE(store_.add(elsewhere, 4), id);
}

TEST_F(TraceTest, TheStoreIsBoundedPerType) {
  const std::int64_t bad = store_.add(trace("a", 4), 1);
  store_.record_guided(bad, false, 1);
  for (const char* name : {"b", "c", "d"}) store_.add(trace(name, 4), 1);
  store_.add(trace("e", 4, "files"), 1);
  EXPECT_EQ(store_.of_type("sums").size(), 3u);
  EXPECT_FALSE(store_.find(bad));
  EXPECT_EQ(store_.of_type("files").size(), 1u);
}

TEST_F(TraceTest, EveryChangeIsJournalledAndCanBeRolledBack) {
  const std::int64_t id = store_.add(trace("a", 4), 1);
  const std::string one = bodies();
  store_.record_guided(id, true, 2);
  store_.add(trace("a", 4), 3);                                            // a merge
  for (const char* name : {"b", "c", "d"}) store_.add(trace(name, 4), 4);  // and an eviction
  const std::string all = bodies();
  std::string changes;
  for (const Json& row : store_.journal()) changes += row["change"].get<std::string>() + " ";
  EXPECT_EQ(changes, "add win merge add add add evict ");
  EXPECT_EQ(store_.rollback(1, 5), 6);
  EXPECT_EQ(bodies(), one);
  EXPECT_EQ(store_.rollback(7, 6), 6);  // the rollback itself
  EXPECT_EQ(bodies(), all);
}

TEST_F(TraceTest, ImportedTracesAreCheckedAndLoseTheirSecrets) {
  write_file(
      dir_ / "good.jsonl",
      R"({"type": "sums", "source": "senior", "steps": ["export TOKEN=abcdef123456", "go"], "quality": 0.8})"
      "\n");
  EXPECT_EQ(store_.import(dir_ / "good.jsonl", 1), 1);
  EXPECT_THAT(store_.all()[0].steps[0], AllOf(HasSubstr("TOKEN=[redacted]"), Not(HasSubstr("abcdef"))));
  EXPECT_EQ(store_.all()[0].first_quality, 0.8);
  const auto refusal = [&](const std::string& row) {
    write_file(dir_ / "bad.jsonl", row + "\n");
    return error_of([&] { store_.import(dir_ / "bad.jsonl", 1); });
  };
  EXPECT_THAT(refusal(R"({"type": "sums", "source": "senior", "steps": ["one"]})"),
              AllOf(HasSubstr("bad.jsonl:1"), HasSubstr("expected 2 to 64 steps, got 1")));
  EXPECT_THAT(refusal(R"({"type": "sums", "source": "me", "steps": ["a", "b"]})"), HasSubstr("got 'me'"));
  EXPECT_THAT(refusal(R"({"source": "senior", "steps": ["a", "b"]})"), HasSubstr("type is missing"));
  EXPECT_THAT(refusal(R"({"type": "s", "sorce": "senior", "steps": ["a", "b"]})"), HasSubstr("'sorce'"));
  EXPECT_EQ(store_.all().size(), 1u);
}

TEST_F(TraceTest, TheFirstPrefixIsTheShortestThatWonElseARandomOneBelowAQuarter) {
  Trace one = trace("a", 40);
  one.id = store_.add(one, 1);
  std::set<int> drawn;
  for (std::uint64_t i = 0; i < 200; ++i)
    drawn.insert(first_prefix(database_, "agent", one, RngStream(i, {})));
  EXPECT_EQ(*drawn.begin(), 1);
  EXPECT_EQ(*drawn.rbegin(), 9);
  outcomes(1);
  const auto won = [&](int prefix, const char* agent) {
    change(database_,
           "insert into attempts(task, type, agent, worker, started, end, mode, trace, prefix_steps) "
           "values('t', 'sums', "
           "?, 'w', 0, 'passed', 'guided', ?, ?)",
           agent, one.id, prefix);
  };
  won(15, "agent");
  won(12, "agent");
  won(3, "another");
  EXPECT_EQ(first_prefix(database_, "agent", one, RngStream(1, {})), 12);
}

class GuidedTest : public testing::Test {
 protected:
  GuidedTest() : database_(dir_ / "store.db") {
    open_schema(database_);
    config_.backoff_s = 0.01;
    config_.approaches = {"direct"};
    config_.scratch = dir_.path().string();
  }
  // `tasks` of each type, in turn.
  void add(int tasks, const std::vector<std::string>& types = {"sums"}) {
    std::vector<Task> all;
    for (int i = 0; i < tasks; ++i) {
      for (const std::string& type : types) {
        Task task{.id = type + std::to_string(i), .type = type};
        task.instruction = "Add " + std::to_string(i) + ".";
        task.check.answer = "2";
        all.push_back(task);
      }
    }
    Queue(database_).add(all);
  }
  Json run(const fake::Says& says) {
    const fake::PlayedModel played(says);
    return run_agent(
        {.store = dir_ / "store.db", .config = config_, .model = played.model, .verifier = *verifier_});
  }
  std::vector<std::string> rows(const std::string& sql, int columns = 1) {
    Query query(database_, sql);
    std::vector<std::string> all;
    while (query.next()) {
      std::string row = query.text(0);
      for (int i = 1; i < columns; ++i) row += "|" + query.text(i);
      all.push_back(row);
    }
    return all;
  }
  TempDir dir_;
  Database database_;
  AgentConfig config_;
  std::unique_ptr<Verifier> verifier_ = make_verifier(VerifyConfig{});
};

// A type that is never solved: a guided win, a prefix that shrinks, and in the end wins at length 0.
TEST_F(GuidedTest, OutOfTheValley) {
  config_.max_failures = 1;
  add(60);
  TraceStore(database_, config_.trace_limits).add(trace("know", 16), 1);
  int skill = 0;  // what guided wins teach the played model
  std::set<int> shown;
  run([&](const std::string& conversation, std::uint64_t) {
    const int prefix = fake::count_of(conversation, "know step");
    shown.insert(prefix);
    const bool able = prefix + skill >= 4;
    if (able && prefix > 0) ++skill;
    return finish(able ? "2" : "3");
  });
  const auto attempts = rows("select mode, end, prefix_steps, trace from attempts order by number", 4);
  EXPECT_THAT(std::vector(attempts.begin(), attempts.begin() + 5), testing::Each("unguided|failed|0|0"));
  EXPECT_THAT(attempts[5], testing::StartsWith("guided|"));
  EXPECT_THAT(attempts[6], testing::StartsWith("unguided|"));
  EXPECT_THAT(attempts[7], testing::StartsWith("guided|"));
  EXPECT_THAT(rows("select 1 from attempts where mode = 'guided' and end = 'passed'"),
              Not(testing::IsEmpty()));
  // Never more than half of the trace, and so never its end.
  EXPECT_LE(*shown.rbegin(), 8);
  EXPECT_THAT(std::vector(attempts.end() - 10, attempts.end()), testing::Each("unguided|passed|0|0"));
  const LearnerState state = load_learner(database_, "agent", "sums");
  EXPECT_FALSE(state.approaches.at("direct").guided);
}

TEST_F(GuidedTest, AGuidedSuccessIsHalfATickAndAGuidedFailureLowersTheTraceAlone) {
  config_.max_failures = 1;
  add(12);
  TraceStore traces(database_, config_.trace_limits);
  const std::int64_t id = traces.add(trace("know", 16), 1);
  int guided = 0;
  run([&](const std::string& conversation, std::uint64_t) {
    return finish(fake::count_of(conversation, "know step") > 0 && ++guided == 1 ? "2" : "3");
  });
  const auto half_ticks = rows(
      "select mode, end, json_extract(weights_before, '$.approaches.direct.half_ticks'), "
      "json_extract(weights_after, "
      "'$.approaches.direct.half_ticks') from attempts order by number",
      4);
  EXPECT_THAT(half_ticks,
              ElementsAre("unguided|failed|20|18", "unguided|failed|18|16", "unguided|failed|16|14",
                          "unguided|failed|14|12", "unguided|failed|12|10", "guided|passed|10|11",
                          "unguided|failed|11|9", "guided|failed|9|9", "unguided|failed|9|7",
                          "guided|failed|7|7", "unguided|failed|7|5", "guided|failed|5|5"));
  EXPECT_EQ(load_learner(database_, "agent", "sums").approaches.at("direct").unguided_success, 0);
  EXPECT_EQ(traces.find(id)->uses, 4);
  EXPECT_DOUBLE_EQ(traces.find(id)->quality(), 2.0 / 6);
}

TEST_F(GuidedTest, WithoutATraceItRunsUnguidedAndSaysSo) {
  config_.max_failures = 1;
  add(8);
  TraceStore(database_, config_.trace_limits).add(trace("know", 16, "others"), 1);
  run([&](const std::string& conversation, std::uint64_t) {
    EXPECT_THAT(conversation, Not(HasSubstr("know")));
    return finish("3");
  });
  EXPECT_THAT(rows("select mode, json_extract(plan, '$.note') from attempts where number > 5", 2),
              testing::Each("unguided|no trace"));
}

// Types apart: whatever happens to others, the same is done and learned on this one.
TEST_F(GuidedTest, NoTypeChangesWhatIsLearnedOnAnother) {
  config_.max_failures = 2;
  config_.approaches = {"direct", "decompose"};
  const auto says = [](const std::string& conversation, std::uint64_t key) {
    return finish(fake::count_of(conversation, "know step") > 2 || key % 7 == 0 ? "2" : "3");
  };
  const auto learned = [&] {
    std::vector<std::string> all = rows("select state from learners where type = 'sums'");
    for (Trace& one : TraceStore(database_, config_.trace_limits).of_type("sums")) {
      one.attempt = 0;
      one.created = 0;
      all.push_back(dump(to_json(one)));
    }
    return all;
  };
  TraceStore(database_, config_.trace_limits).add(trace("know", 16), 1);
  add(25);
  run(says);
  std::vector<std::string> alone = learned();
  database_.execute("delete from attempts; delete from tasks; delete from learners; delete from traces");
  TraceStore(database_, config_.trace_limits).add(trace("know", 16), 1);
  TraceStore(database_, config_.trace_limits).add(trace("know", 12, "others"), 1);
  change(database_, "update traces set id = 1 where type = 'sums'");
  change(database_, "update traces set id = 2 where type = 'others'");
  add(25, {"sums", "others"});
  run(says);
  EXPECT_EQ(learned(), alone);
  EXPECT_FALSE(rows("select state from learners where type = 'others'").empty());
}

constexpr auto kJudgement =
    "INSIGHTS\n- it added wrongly\nGUIDANCE\n1. count the ones\n2. say two\nTENSIONS\n* none";

TEST_F(GuidedTest, AReflectionWhoseRetryPassedBecomesATrace) {
  config_.reflection = true;
  add(1);
  std::vector<std::string> conversations;
  run([&](const std::string& conversation, std::uint64_t) -> std::string {
    conversations.push_back(conversation);
    if (conversation.find("You are the judge") != std::string::npos) return kJudgement;
    if (conversation.find("You are the") != std::string::npos)
      return "view " + std::to_string(conversations.size());
    return finish(conversation.find("count the ones") != std::string::npos ? "2" : "3");
  });
  ASSERT_EQ(conversations.size(), 9u);  // the attempt, 3 + 3 + 1, the retry
  // A ring: each sees the next one's view.
  EXPECT_THAT(conversations[4], AllOf(HasSubstr("the tester said:\nview 3"), Not(HasSubstr("view 4"))));
  EXPECT_THAT(conversations[6], HasSubstr("the engineer said:\nview 2"));
  EXPECT_THAT(conversations[7], AllOf(HasSubstr("view 5"), HasSubstr("view 6"), HasSubstr("view 7")));
  EXPECT_THAT(conversations[8], AllOf(HasSubstr("- count the ones"), HasSubstr("it added wrongly")));
  EXPECT_THAT(rows("select mode, end, calls, reflection from attempts order by number", 4),
              ElementsAre("unguided|failed|8|0", "reflected|passed|1|1"));
  EXPECT_THAT(rows("select outcome, trace from reflections", 2), ElementsAre("trace|1"));
  const Trace kept = TraceStore(database_, config_.trace_limits).find(1).value();
  EXPECT_THAT(kept.steps, ElementsAre("count the ones", "say two"));
  EXPECT_EQ(kept.source, "council");
  EXPECT_EQ(kept.retry_wins, 1);
  EXPECT_THAT(kept.tasks, ElementsAre("sums0"));
  // Help is no competence: the weight has moved by the failure, and half a tick back.
  EXPECT_EQ(load_learner(database_, "agent", "sums").approaches.at("direct").half_ticks, 19);
}

TEST_F(GuidedTest, AReflectionThatDidNotHelpIsAWarningAndNeverGuidance) {
  config_.reflection = true;
  config_.max_failures = 3;
  config_.approaches = {"direct", "decompose"};
  add(1);
  int retries = 0;
  run([&](const std::string& conversation, std::uint64_t) -> std::string {
    if (conversation.find("You are the judge") != std::string::npos) return kJudgement;
    if (conversation.find("You are the") != std::string::npos) return "view";
    retries += conversation.find("count the ones") != std::string::npos;
    return finish("3");
  });
  EXPECT_EQ(retries, 1);
  EXPECT_THAT(rows("select outcome from reflections"), ElementsAre("warning"));
  EXPECT_TRUE(TraceStore(database_, config_.trace_limits).all().empty());
  EXPECT_THAT(rows("select mode from attempts order by number"),
              ElementsAre("unguided", "reflected", "unguided"));
}

TEST_F(GuidedTest, TheCallsOfAReflectionAreBounded) {
  config_.reflection = true;
  config_.max_failures = 2;
  for (const auto& [budget, calls] : std::map<int, int>{{2, 2}, {3, 2}, {4, 2}, {5, 5}, {7, 7}, {100, 7}}) {
    database_.execute(
        "delete from reflections; delete from attempts; delete from tasks; delete from learners");
    config_.reflection_calls = budget;
    add(1);
    int made = 0;
    run([&](const std::string& conversation, std::uint64_t) -> std::string {
      const bool reflects = conversation.find("An agent failed at this task") != std::string::npos;
      made += reflects;
      return reflects ? kJudgement : finish("3");
    });
    EXPECT_EQ(made, calls) << budget;
  }
}

TEST_F(GuidedTest, AJudgeWithoutGuidanceOrABrokenEngineLeavesTheFailure) {
  config_.reflection = true;
  config_.max_failures = 2;
  config_.approaches = {"direct", "decompose"};
  add(2);
  int judged = 0;
  run([&](const std::string& conversation, std::uint64_t) -> std::string {
    if (conversation.find("You are the judge") != std::string::npos) {
      if (++judged == 1) throw Error("sample", "away");
      return "I cannot say.";
    }
    return conversation.find("You are the") != std::string::npos ? "view" : finish("3");
  });
  EXPECT_GE(judged, 2);
  EXPECT_TRUE(rows("select 1 from reflections").empty());
  EXPECT_THAT(rows("select distinct end from attempts"), ElementsAre("failed"));
}

TEST(Lesson, ListsAreReadWhateverStandsBeforeTheirLines) {
  const Lesson lesson =
      parse_lesson("Well.\n**INSIGHTS**\n- a\n\n## Guidance:\n* b\n2) c\n• d\nTENSIONS:\n- e\n---\n").value();
  EXPECT_THAT(lesson.insights, ElementsAre("a"));
  EXPECT_THAT(lesson.guidance, ElementsAre("b", "c", "d"));
  EXPECT_THAT(lesson.tensions, ElementsAre("e"));
  EXPECT_FALSE(parse_lesson("INSIGHTS\n- a"));
  EXPECT_FALSE(parse_lesson(""));
}

}  // namespace
}  // namespace pope
