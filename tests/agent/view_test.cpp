// What is read off the store: status, history, the page, and problems to train on.
#include "agent/view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/fake_agent.h"
#include "agent/page.h"
#include "agent/run.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ViewTest : public testing::Test {
 protected:
  ViewTest() : database_(dir_ / "store.db") {
    open_schema(database_);
    config_.max_failures = 1;
    config_.approaches = {"direct"};
    config_.scratch = dir_.path().string();
    std::vector<Task> tasks;
    for (int i = 0; i < 14; ++i) {
      Task task{.id = "t" + std::to_string(i), .type = "<sums>", .instruction = "Add <b>1</b> and 1."};
      task.check.answer = i == 13 ? "3" : "2";
      tasks.push_back(task);
    }
    tasks[0].type = "files";
    tasks[0].check = {.command = "grep -q 2 $CHECK/answer.txt"};
    Queue(database_).add(tasks);
    Trace trace{.type = "<sums>", .source = "senior"};
    for (int i = 0; i < 8; ++i) trace.steps.push_back("know " + std::to_string(i) + " <i>");
    TraceStore(database_, config_.trace_limits).add(trace, 1);
    int calls = 0;
    const fake::PlayedModel played([&](const std::string& conversation, std::uint64_t) {
      const bool guided = fake::count_of(conversation, "know") > 0;
      return "<script>I think</script>\n" + fake::finish(++calls == 1 || guided ? "2" : "4");
    });
    run_agent({.store = dir_ / "store.db", .config = config_, .model = played.model, .verifier = *verifier_});
  }
  TempDir dir_;
  Database database_;
  AgentConfig config_;
  std::unique_ptr<Verifier> verifier_ = make_verifier(VerifyConfig{});
};

TEST_F(ViewTest, StatusAndHistory) {
  const Json status = agent_status(database_);
  EXPECT_EQ(status["tasks"]["succeeded"].get<int>() + status["tasks"]["dead"].get<int>(), 14);
  EXPECT_EQ(status["tasks"]["waiting"], 0);
  ASSERT_EQ(status["types"].size(), 2u);
  EXPECT_EQ(status["types"][0]["outcomes"], 13);
  EXPECT_EQ(status["types"][0]["approaches"][0]["guided"], true);
  EXPECT_EQ(status["dead_letters"].size(), status["tasks"]["dead"].get<std::size_t>());
  EXPECT_EQ(status["traces"], 1);
  const Json rows = attempt_rows(database_, 5);
  ASSERT_EQ(rows.size(), 5u);
  EXPECT_EQ(rows[0]["attempt"], 14);
  const Json record = attempt_record(database_, 1);
  EXPECT_EQ(record["end"], "passed");
  EXPECT_EQ(record["instruction"], "Add <b>1</b> and 1.");
  EXPECT_EQ(record["steps"][0]["tool"], "finish");
  EXPECT_EQ(record["weights_after"]["approaches"]["direct"]["half_ticks"], 22);
  EXPECT_THAT(error_of([&] { attempt_record(database_, 99); }), HasSubstr("no attempt 99"));
  const Json traces = trace_rows(database_, config_.trace_limits);
  EXPECT_EQ(traces[0]["uses"], traces[0]["guided_wins"]);
  EXPECT_GT(traces[0]["uses"], 2);
}

TEST_F(ViewTest, ThePageShowsEverythingAndRunsNothing) {
  const std::string page = agent_page(database_, config_.trace_limits, 100);
  EXPECT_THAT(page, AllOf(HasSubstr("agent: &lt;sums&gt;"), HasSubstr("Weights of the approaches"),
                          HasSubstr("Length of the prefix"), HasSubstr("guided by 1 steps of trace 1"),
                          HasSubstr("&lt;script&gt;I think"), HasSubstr("Dead letters")));
  EXPECT_THAT(page, AllOf(Not(HasSubstr("<script")), Not(HasSubstr("<b>1</b>")), Not(HasSubstr("<i>"))));
  // The newest alone.
  EXPECT_EQ(fake::count_of(agent_page(database_, config_.trace_limits, 3), "<details class=\"rollout\""), 3);
}

TEST_F(ViewTest, WhatWasSolvedIsExportedAsProblems) {
  const Exported exported = export_problems(database_);
  EXPECT_EQ(exported.by_command, 1);
  ASSERT_GT(exported.problems.size(), 2u);
  const Problem& first = exported.problems[0];
  EXPECT_EQ(first.statement, "Add <b>1</b> and 1.");
  EXPECT_EQ(first.answer, "2");
  EXPECT_EQ(first.solution, "<script>I think</script>\n2");
  EXPECT_EQ(first.source, "<sums>");
  write_problems(dir_ / "out.jsonl", exported.problems);
  EXPECT_EQ(read_problems(dir_ / "out.jsonl").size(), exported.problems.size());
  for (const Problem& problem : exported.problems)
    EXPECT_TRUE(verifier_->verify(problem, problem.solution).correct);
}

}  // namespace
}  // namespace pope
