// pope train as two processes, as torchrun starts them: they leave what one process does, up to the order of
// sums; a process that is lost costs the step that it was lost in.
#include <gmock/gmock.h>

#include <filesystem>
#include <string>
#include <vector>

#include "apps/tiny_runs.h"

namespace pope {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Processes : public TinyRuns {};

TEST_F(Processes, TwoLeaveWhatOneDoes) {
  ASSERT_EQ(run(train("one")), 0) << said(0);
  const int port = free_port();
  const pid_t second = start(train("two"), 1, 2, port), first = start(train("two"), 0, 2, port);
  ASSERT_EQ(wait_for(first), 0) << said(0);
  ASSERT_EQ(wait_for(second), 0) << said(1);
  EXPECT_EQ(said(1), "");  // process 0 shows progress and result
  EXPECT_GT(distance("one", "two"), 0);
  // AdamW divides by the root of small second moments, which enlarges what another order of sums changes.
  EXPECT_LT(distance("one", "two"), 2e-4);
  const std::vector<Json> one = rows_of(dir_ / "one/metrics.jsonl"),
                          two = rows_of(dir_ / "two/metrics.jsonl");
  ASSERT_EQ(one.size(), 6u);
  ASSERT_EQ(two.size(), 6u);
  for (const char* key : {"groups/total", "rollouts/total", "rollouts/hard"})
    EXPECT_EQ(one[5][key], two[5][key]) << key;
  EXPECT_GT(one[0]["grad_norm"].get<double>(), 0);
  EXPECT_NEAR(one[0]["grad_norm"].get<double>(), two[0]["grad_norm"].get<double>(), 1e-5);
  const pid_t again[] = {start(train("two"), 0, 2, port), start(train("two"), 1, 2, port)};
  for (const pid_t child : again) EXPECT_EQ(wait_for(child), 0);
  EXPECT_THAT(said(0), HasSubstr("is complete"));
}

// The optimiser's state divided among two: the same run, file by file; its checkpoints are anybody's.
TEST_F(Processes, AShardedOptimizerLeavesTheSameFiles) {
  const int port = free_port();
  for (const std::string& out : {std::string("whole"), std::string("sharded")}) {
    const std::string more = out == "sharded" ? " --set optimizer.sharded=true" : "";
    const pid_t second = start(train(out) + more, 1, 2, port), first = start(train(out) + more, 0, 2, port);
    ASSERT_EQ(wait_for(first), 0) << said(0);
    ASSERT_EQ(wait_for(second), 0) << said(1);
  }
  for (const char* file : {"model/model.safetensors", "checkpoints/step-000006/optimizer.safetensors"})
    EXPECT_EQ(read_file(dir_ / ("whole/" + std::string(file))),
              read_file(dir_ / ("sharded/" + std::string(file))));
  ASSERT_EQ(run(train("sharded") + " --set train.steps=8"), 0) << said(0);
  expect_rows("sharded", 8);
  const std::string longer = train("sharded") + " --set optimizer.sharded=true --set train.steps=300";
  const pid_t first = start(longer, 0, 2, port), second = start(longer, 1, 2, port);
  ASSERT_TRUE(has_begun("sharded", 20)) << said(0);
  ::kill(second, SIGKILL);
  wait_for(second);
  EXPECT_EQ(wait_for(first), 1);
  EXPECT_THAT(said(0), HasSubstr("process 0 of 2 has lost another one"));
  const pid_t all[] = {start(longer, 0, 2, port), start(longer, 1, 2, port)};
  for (const pid_t child : all) EXPECT_EQ(wait_for(child), 0) << said(0);
  expect_rows("sharded", 300);
}

TEST_F(Processes, OfALostOneTheRestIsSavedAndAnyNumberGoesOn) {
  const int port = free_port();
  for (const int lost : {0, 1}) {
    const std::string out = "without-" + std::to_string(lost);
    const std::string longer = train(out) + " --set train.steps=300";
    pid_t all[2];
    for (const int rank : {0, 1}) all[rank] = start(longer, rank, 2, port);
    ASSERT_TRUE(has_begun(out)) << said(0);
    ::kill(all[lost], SIGKILL);
    wait_for(all[lost]);
    EXPECT_EQ(wait_for(all[1 - lost]), 1);
    EXPECT_THAT(said(1 - lost),
                HasSubstr("process " + std::to_string(1 - lost) + " of 2 has lost another one"));
    EXPECT_THAT(said(1 - lost), HasSubstr("the same command goes on"));
    ASSERT_EQ(run(longer), 0) << said(0);
    EXPECT_THAT(said(0), HasSubstr("resuming after step "));
    expect_rows(out, 300);
  }
}

TEST_F(Processes, OneThatIsAskedToStopStopsAll) {
  const std::string longer = train("asked") + " --set train.steps=300";
  const int port = free_port();
  const pid_t first = start(longer, 0, 2, port), second = start(longer, 1, 2, port);
  ASSERT_TRUE(has_begun("asked")) << said(0);
  ::kill(second, SIGTERM);
  EXPECT_EQ(wait_for(second), 143);
  // Where the second one was sampling just then, it leaves at once, and the first one says that it is lost.
  EXPECT_THAT(wait_for(first), testing::AnyOf(143, 1)) << said(0);
  ASSERT_EQ(run(longer), 0) << said(0);
  expect_rows("asked", 300);
}

// Its moments are in both processes, so both go on to the end of the step and save them.
TEST_F(Processes, AShardedRunThatIsAskedToStopIsSaved) {
  const std::string longer = train("asked") + " --set optimizer.sharded=true --set train.steps=300";
  const int port = free_port();
  const pid_t first = start(longer, 0, 2, port), second = start(longer, 1, 2, port);
  ASSERT_TRUE(has_begun("asked")) << said(0);
  ::kill(second, SIGTERM);
  EXPECT_EQ(wait_for(second), 143) << said(1);
  EXPECT_EQ(wait_for(first), 143) << said(0);
  EXPECT_THAT(said(0), testing::Not(HasSubstr("cannot be saved")));
  ASSERT_EQ(run(longer), 0) << said(0);
  EXPECT_THAT(said(0), HasSubstr("resuming after step "));
  expect_rows("asked", 300);
}

TEST_F(Processes, OneThatIsAskedToStopDoesNotWaitForOneThatHangs) {
  const std::string longer = train("hangs") + " --set train.steps=300";
  const int port = free_port();
  const pid_t first = start(longer, 0, 2, port), second = start(longer, 1, 2, port);
  ASSERT_TRUE(has_begun("hangs")) << said(0);
  ::kill(second, SIGSTOP);
  ::usleep(1500000);  // until the first one waits
  ::kill(first, SIGTERM);
  EXPECT_EQ(wait_for(first), 143) << said(0);
  ::kill(second, SIGKILL);
  wait_for(second);
  ASSERT_EQ(run(longer), 0) << said(0);
  expect_rows("hangs", 300);
}

// As where machines do not see the same files.
TEST_F(Processes, BeginWithTheSameWeights) {
  ASSERT_EQ(run(train("here")), 0) << said(0);
  fs::copy(dir_ / "here", dir_ / "there", fs::copy_options::recursive);
  fs::remove_all(dir_ / "there/checkpoints/step-000006");
  const int port = free_port();
  const pid_t first = start(train("here") + " --set train.steps=8", 0, 2, port),
              second = start(train("there") + " --set train.steps=8", 1, 2, port);
  EXPECT_EQ(wait_for(second), 1);
  EXPECT_EQ(wait_for(first), 1);
  EXPECT_THAT(said(1), HasSubstr("process 1 begins after step 4 with other weights than process 0"));
}

TEST_F(Processes, AreStartedByOneCommand) {
  const int port = free_port();
  const pid_t first = start(train("other"), 0, 2, port),
              second = start(train("other") + " --set optimizer.lr=0.02", 1, 2, port);
  EXPECT_EQ(wait_for(second), 1);
  EXPECT_EQ(wait_for(first), 1);
  EXPECT_THAT(said(1), HasSubstr("process 1 was started with other settings or inputs than process 0, at"));
  EXPECT_THAT(said(1), HasSubstr("lr: 0.02'"));
  EXPECT_THAT(said(0), HasSubstr("process 0 of 2 has lost another one"));
}

TEST_F(Processes, ATooSmallStepIsRefused) {
  const int port = free_port();
  std::vector<pid_t> all;
  for (const int rank : {0, 1})
    all.push_back(start(train("small") + " --set train.prompts_per_step=1", rank, 2, port));
  for (const pid_t child : all) EXPECT_EQ(wait_for(child), 1);
  EXPECT_THAT(said(0), HasSubstr("at least one for each of the 2 processes"));
}

}  // namespace
}  // namespace pope
