#include "learn/launch.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "core/error.h"

namespace pope {
namespace {

class LaunchOf : public testing::Test {
 protected:
  LaunchOf() { clear(); }
  ~LaunchOf() override { clear(); }
  static void set(const char* name, const char* value) { ::setenv(name, value, 1); }
  static void clear() {
    for (const char* name :
         {"RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "OMPI_COMM_WORLD_RANK",
          "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", "SLURM_PROCID", "SLURM_NTASKS",
          "SLURM_TASKS_PER_NODE", "TORCHELASTIC_USE_AGENT_STORE", "TORCHELASTIC_RESTART_COUNT"})
      ::unsetenv(name);
  }
  static void expect_error(const char* text) {
    EXPECT_THAT([] { launch_of_environment(); }, testing::ThrowsMessage<Error>(testing::HasSubstr(text)));
  }
};

TEST_F(LaunchOf, NobodyIsOneProcess) {
  EXPECT_EQ(launch_of_environment().size, 1);
  set("WORLD_SIZE", "1"), set("RANK", "0");
  EXPECT_EQ(launch_of_environment().size, 1);
}

TEST_F(LaunchOf, Torchrun) {
  set("WORLD_SIZE", "4"), set("RANK", "3"), set("LOCAL_WORLD_SIZE", "2"), set("MASTER_ADDR", "node"),
      set("MASTER_PORT", "1234");
  Launch launch = launch_of_environment();
  EXPECT_EQ(launch.rank, 3);
  EXPECT_EQ(launch.size, 4);
  EXPECT_EQ(processes_here(), 2);
  EXPECT_EQ(launch.address, "node");
  EXPECT_EQ(launch.port, 1234);
  EXPECT_FALSE(launch.served);
  set("TORCHELASTIC_USE_AGENT_STORE", "True"), set("TORCHELASTIC_RESTART_COUNT", "2");
  launch = launch_of_environment();
  EXPECT_TRUE(launch.served);
  EXPECT_EQ(launch.prefix, "/pope/2");
}

TEST_F(LaunchOf, MpirunOnOneMachineNeedsNoAddress) {
  set("OMPI_COMM_WORLD_SIZE", "2"), set("OMPI_COMM_WORLD_RANK", "1"), set("OMPI_COMM_WORLD_LOCAL_SIZE", "2");
  EXPECT_EQ(launch_of_environment().address, "127.0.0.1");
  set("OMPI_COMM_WORLD_LOCAL_SIZE", "1");
  expect_error("MASTER_ADDR is not set");
}

TEST_F(LaunchOf, SlurmNeedsAnAddress) {
  set("SLURM_NTASKS", "2"), set("SLURM_PROCID", "1");
  EXPECT_EQ(launch_of_environment().size, 1);  // a batch script
  set("MASTER_ADDR", "node");
  EXPECT_EQ(launch_of_environment().rank, 1);
  EXPECT_EQ(processes_here(), 1);
  set("SLURM_TASKS_PER_NODE", "2(x3),1");
  EXPECT_EQ(processes_here(), 2);
}

TEST_F(LaunchOf, Nonsense) {
  set("WORLD_SIZE", "two"), set("RANK", "0");
  expect_error("expected a number in WORLD_SIZE, got 'two'");
  set("WORLD_SIZE", "2"), set("RANK", "2");
  expect_error("expected RANK from 0 to 1 (WORLD_SIZE is 2), got 2");
  ::unsetenv("RANK");
  expect_error("got none");
}

}  // namespace
}  // namespace pope
