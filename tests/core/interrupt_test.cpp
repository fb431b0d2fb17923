// Requests to stop: by signals to this process and to forked ones.
#include "core/interrupt.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace pope {
namespace {

// The exit code of a forked process that does `work`; minus the signal that ended it.
template <class Work>
int exit_of(const Work& work) {
  const pid_t child = fork();
  if (child == 0) {
    work();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(Interrupt, TheFirstSignalIsARequest) {
  std::signal(SIGINT, SIG_DFL);  // a shell ignores it for what it runs in the background
  for (const auto& [signal, code] : {std::pair(SIGINT, 130), std::pair(SIGTERM, 143)}) {
    const CatchInterrupts catch_interrupts;
    EXPECT_FALSE(interrupted());
    EXPECT_NO_THROW(stop_if_interrupted());
    std::raise(signal);
    EXPECT_TRUE(interrupted());
    try {
      stop_if_interrupted();
      FAIL() << "expected Interrupted";
    } catch (const Interrupted& stopped) {
      EXPECT_STREQ(stopped.what(), "stopped; give the same command to go on");
      EXPECT_EQ(stopped.exit_code(), code);
    }
    EXPECT_STREQ(Interrupted("after step 7").what(), "stopped after step 7; give the same command to go on");
  }
  EXPECT_FALSE(interrupted());
}

TEST(Interrupt, TheSecondSignalEndsAtOnce) {
  EXPECT_EQ(exit_of([] {
              std::signal(SIGINT, SIG_DFL);
              const CatchInterrupts catch_interrupts;
              std::raise(SIGTERM);
              std::raise(SIGINT);
            }),
            130);
}

TEST(Interrupt, SignalsEndTheProgramWhereNobodyCatchesThem) {
  EXPECT_EQ(exit_of([] {
              { const CatchInterrupts catch_interrupts; }
              std::raise(SIGTERM);
            }),
            -SIGTERM);
}

TEST(Interrupt, WhatIsIgnoredStaysSo) {
  EXPECT_EQ(exit_of([] {
              std::signal(SIGINT, SIG_IGN);
              const CatchInterrupts catch_interrupts;
              std::raise(SIGINT);
              if (interrupted()) _exit(1);
            }),
            0);
}

}  // namespace
}  // namespace pope
