// The queue: what is claimed by whom, what an end does to a task, and that nothing is lost or done twice when
// workers are killed.
#include "agent/queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "core/rng.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

using testing::HasSubstr;

Task task(const std::string& id, int priority = 0) {
  Task task{.id = id, .type = "arithmetic", .instruction = "Add 1 and 1."};
  task.check.answer = "2";
  task.priority = priority;
  return task;
}

AttemptEnd ended(End end) {
  AttemptEnd outcome{.executed = true, .claimed = true, .released = end == End::released, .cause = "because"};
  if (end == End::passed) outcome.verified = Verified::passed;
  if (end == End::failed) outcome.verified = Verified::failed;
  return outcome;
}

class QueueTest : public testing::Test {
 protected:
  QueueTest() : database_(dir_ / "store.db"), queue_(database_) { open_schema(database_); }
  std::string column(const std::string& name, const std::string& id) {
    Query query(database_, "select " + name + " from tasks where id = ?", id);
    query.next();
    return query.text(0);
  }
  TempDir dir_;
  Database database_;
  Queue queue_;
  RetryPolicy policy_{.max_failures = 2, .max_faults = 3, .backoff_ms = 1000};
};

TEST_F(QueueTest, TheLargestPriorityFirstThenTheOldest) {
  EXPECT_EQ(queue_.add({task("a"), task("b", 5), task("c", 5)}), 3);
  EXPECT_EQ(queue_.add({task("a"), task("d")}), 1);  // the same again is left
  EXPECT_THAT(error_of([&] { queue_.add({task("a", 1)}); }), HasSubstr("another task with the id 'a'"));
  std::string order;
  while (const auto claim = queue_.claim("w", "agent", 10, 100)) order += claim->task.id;
  EXPECT_EQ(order, "bcad");
}

TEST_F(QueueTest, ATaskComesBackAsItWasGiven) {
  Task given = task("a");
  given.files = {{"data/in.txt", "1\n2\n"}};
  given.check = {.command = "grep -q 3 out.txt", .files = {{"gold.txt", "3"}}, .timeout_s = 2.5};
  given.limits = {.steps = 3, .calls = 4, .tokens = 5, .seconds = 6};
  queue_.add({given});
  const Lease claim = queue_.claim("w", "agent", 10, 100).value();
  EXPECT_EQ(dump(to_json(claim.task)), dump(to_json(given)));
  EXPECT_EQ(claim.task.check.timeout_s, 2.5);
  EXPECT_EQ(claim.task.limits.seconds, 6);
}

TEST_F(QueueTest, OnlyAPassedCheckEndsATask) {
  queue_.add({task("a")});
  Lease claim = queue_.claim("w", "agent", 10, 100).value();
  AttemptEnd outcome = ended(End::failed);
  outcome.claimed = true;  // whatever the agent says
  EXPECT_TRUE(queue_.finish(claim, outcome, policy_, 20));
  EXPECT_EQ(column("state", "a"), "waiting");
  EXPECT_FALSE(queue_.finish(claim, ended(End::passed), policy_, 21));  // it was ended before
  EXPECT_EQ(column("state", "a"), "waiting");
  claim = queue_.claim("w", "agent", 30, 100).value();
  EXPECT_TRUE(queue_.finish(claim, ended(End::passed), policy_, 40));
  EXPECT_EQ(column("state", "a"), "succeeded");
  EXPECT_FALSE(queue_.claim("w", "agent", 50, 100));
  EXPECT_FALSE(queue_.work_left());
}

TEST_F(QueueTest, FailuresOfTheTaskMakeADeadLetterAtOnce) {
  queue_.add({task("a")});
  for (int i = 0; i < 2; ++i)
    queue_.finish(queue_.claim("w", "agent", 10, 100).value(), ended(End::failed), policy_, 20);
  EXPECT_EQ(column("state", "a"), "dead");
  EXPECT_EQ(column("reason", "a"), "the check refused 2 attempts; the last: because");
}

TEST_F(QueueTest, AFaultIsTriedAgainElsewhereWithTheSamePlan) {
  queue_.add({task("a")});
  const Lease claim = queue_.claim("w1", "agent", 10, 100).value();
  const AttemptPlan plan{.approach = "direct", .mode = Mode::guided, .trace = 7, .prefix_steps = 2};
  change(database_, "update attempts set plan = ? where number = ?", dump(to_json(plan)), claim.attempt);
  queue_.finish(claim, ended(End::fault), policy_, 100);
  EXPECT_TRUE(queue_.work_left());
  EXPECT_FALSE(queue_.claim("w2", "agent", 1099, 100));
  EXPECT_FALSE(queue_.claim("w1", "agent", 2099, 100));  // where it failed, after twice the time
  const Lease again = queue_.claim("w2", "agent", 1100, 100).value();
  EXPECT_EQ(dump(to_json(again.plan.value())), dump(to_json(plan)));
  queue_.finish(again, ended(End::fault), policy_, 2000);
  EXPECT_FALSE(queue_.claim("w1", "agent", 3999, 100));  // twice as long
  const Lease third = queue_.claim("w1", "agent", 4000, 100).value();
  queue_.finish(third, ended(End::fault), policy_, 5000);
  EXPECT_EQ(column("state", "a"), "dead");
  EXPECT_THAT(column("reason", "a"), HasSubstr("3 attempts could not be made"));
  EXPECT_EQ(column("failures", "a"), "0");
}

TEST_F(QueueTest, AStopByRequestCostsNothing) {
  queue_.add({task("a")});
  for (int i = 0; i < 5; ++i)
    queue_.finish(queue_.claim("w", "agent", 10, 100).value(), ended(End::released), policy_, 20);
  EXPECT_EQ(column("state", "a"), "waiting");
  EXPECT_EQ(column("faults", "a"), "0");
}

TEST_F(QueueTest, AnExpiredLeaseIsReapedAndTheLateWorkerCountsForNothing) {
  queue_.add({task("a")});
  const Lease late = queue_.claim("w1", "agent", 10, 100).value();
  EXPECT_TRUE(queue_.renew(late, 50, 100));
  EXPECT_EQ(queue_.reap(policy_, 150), 0);
  EXPECT_EQ(queue_.reap(policy_, 151), 1);
  EXPECT_FALSE(queue_.renew(late, 152, 100));
  const Lease next = queue_.claim("w2", "agent", 2000, 100).value();
  EXPECT_FALSE(queue_.finish(late, ended(End::passed), policy_, 2010));
  EXPECT_EQ(column("state", "a"), "running");
  Query lost(database_, "select end, verified, ended, cause from attempts where number = ?", late.attempt);
  ASSERT_TRUE(lost.next());
  EXPECT_EQ(lost.text(0), "lost");
  EXPECT_EQ(lost.integer(1), 1);
  EXPECT_EQ(lost.integer(2), 151);
  EXPECT_EQ(lost.text(3), "the worker w1 is gone: its lease has passed");
  EXPECT_TRUE(queue_.finish(next, ended(End::passed), policy_, 2020));
}

TEST_F(QueueTest, AStoreOfAnotherProgramOrVersionIsRefusedAndLeftAsItIs) {
  const auto refusal = [&](const std::string& name) {
    return error_of([&] {
      Database database(dir_ / name);
      open_schema(database);
    });
  };
  for (const char* made : {"create table t(x)", "pragma application_id = 5", "pragma user_version = 5"}) {
    Database(dir_ / "other.db").execute(made);
    const std::string before = read_file(dir_ / "other.db");
    EXPECT_THAT(refusal("other.db"), HasSubstr("another program")) << made;
    EXPECT_EQ(read_file(dir_ / "other.db"), before) << made;
    EXPECT_FALSE(std::filesystem::exists(dir_ / "other.db-wal"));
    std::filesystem::remove(dir_ / "other.db");
  }
  database_.execute("pragma user_version = 99");
  EXPECT_THAT(refusal("store.db"), HasSubstr("one of version 99"));
  write_file(dir_ / "text.db", std::string(10000, 'x'));
  EXPECT_THAT(refusal("text.db"), HasSubstr("text.db"));
  EXPECT_THAT(error_of([&] { Database database(dir_ / "no/folder.db"); }), HasSubstr("no/folder.db"));
}

// What an attempt may be is said by the tables, too.
TEST_F(QueueTest, TheTablesTakeOnlyTheNamesThatThereAre) {
  queue_.add({task("a")});
  queue_.claim("w", "agent", 10, 100);
  for (const char* set : {"end = 'done'", "mode = 'helped'"})
    EXPECT_THAT(error_of([&] { change(database_, std::string("update attempts set ") + set); }),
                HasSubstr("CHECK constraint"));
  EXPECT_EQ(change(database_, "update attempts set end = 'released', mode = 'reflected'"), 1);
}

TEST_F(QueueTest, ATransactionWithoutCommitLeavesNothing) {
  {
    Transaction outer(database_);
    queue_.add({task("a")});  // its own commit is within the outer one
  }
  EXPECT_FALSE(queue_.claim("w", "agent", 10, 100));
}

// A worker of its own process, until no task is left: claims, works for a moment, notes what it did, ends.
void work(const std::filesystem::path& store, const RetryPolicy& policy) {
  Database database(store);
  Queue queue(database);
  for (;;) {
    queue.reap(policy, now_ms());
    const auto claim = queue.claim(worker_name(), "agent", now_ms(), 60);
    if (!claim) {
      if (!queue.work_left()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(3));
      continue;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(claim->attempt % 7));
    queue.finish(*claim, ended(End::passed), policy, now_ms());
  }
}

TEST(QueueKill, NoTaskIsLostOrDoubledWhenWorkersAreKilledAHundredTimes) {
  TempDir dir;
  const std::filesystem::path store = dir / "store.db";
  constexpr int kTasks = 400, kWorkers = 4, kKills = 100;
  const RetryPolicy policy{.max_failures = 1, .max_faults = 1000, .backoff_ms = 1};
  {
    Database database(store);
    open_schema(database);
    std::vector<Task> tasks;
    for (int i = 0; i < kTasks; ++i) tasks.push_back(task("t" + std::to_string(i)));
    Queue(database).add(tasks);
  }
  const auto start = [&] {
    const pid_t pid = fork();
    if (pid == 0) {
      work(store, policy);
      _exit(0);
    }
    return pid;
  };
  std::vector<pid_t> workers;
  for (int i = 0; i < kWorkers; ++i) workers.push_back(start());
  RngStream random(1, {key_of("kills")});
  int killed = 0;
  for (; killed < kKills; ++killed) {
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(20000)));
    pid_t& victim = workers[random.below(kWorkers)];
    kill(victim, SIGKILL);
    waitpid(victim, nullptr, 0);
    victim = start();
  }
  for (const pid_t pid : workers) {
    int status = 0;
    waitpid(pid, &status, 0);
    EXPECT_EQ(status, 0);
  }
  Database database(store);
  const auto count = [&](const std::string& sql) {
    Query query(database, sql);
    query.next();
    return query.integer(0);
  };
  EXPECT_EQ(count("select count(*) from tasks where state = 'succeeded'"), kTasks);
  EXPECT_EQ(count("select count(*) from attempts where end = 'passed'"), kTasks);
  EXPECT_EQ(count("select count(distinct task) from attempts where end = 'passed'"), kTasks);
  // Whatever was begun has a row with an end.
  EXPECT_EQ(count("select count(*) from attempts where end is null"), 0);
  EXPECT_GT(count("select count(*) from attempts where end = 'lost'"), 0);
  EXPECT_EQ(count("select sum(faults) from tasks"),
            count("select count(*) from attempts where end = 'lost'"));
  Query intact(database, "pragma integrity_check");
  intact.next();
  EXPECT_EQ(intact.text(0), "ok");
}

}  // namespace
}  // namespace pope
