// SPDX-License-Identifier: Apache-2.0
#include "core/child_process.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <string>
#include <vector>

namespace leet::core {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using How = ChildEnd::How;
using Clock = std::chrono::steady_clock;

std::vector<std::string> shell(const std::string& script) { return {"/bin/sh", "-c", script}; }

ChildEnd run(const std::string& script, const ChildLimits& limits = {}) {
  return run_children({shell(script)}, limits, 1).at(0);
}

TEST(ChildProcess, KeepsItsThreeStreamsApart) {
  const ChildEnd end = run("echo out; echo err >&2; echo results >&3; exit 3");
  EXPECT_EQ(end.how, How::kExited);
  EXPECT_EQ(end.number, 3);
  EXPECT_EQ(end.out, "out\n");
  EXPECT_EQ(end.err, "err\n");
  EXPECT_EQ(end.results, "results\n");
}

TEST(ChildProcess, SaysWhatCannotBeStarted) {
  const auto ends = run_children({{"/nowhere/program"}, shell("exit 0")}, {}, 2);
  EXPECT_EQ(ends.at(0).how, How::kNotStarted);
  EXPECT_THAT(ends.at(0).why, HasSubstr("/nowhere/program: No such file"));
  EXPECT_EQ(ends.at(1).how, How::kExited);
}

TEST(ChildProcess, SeesSignals) {
  const ChildEnd end = run("kill -SEGV $$");
  EXPECT_EQ(end.how, How::kSignalled);
  EXPECT_EQ(end.number, SIGSEGV);
}

TEST(ChildProcess, EndsTheWholeGroupAtTheDeadline) {
  const auto start = Clock::now();
  const ChildEnd end =
      run("sleep 60 & echo $! >&3; wait", {std::chrono::milliseconds(200), 1 << 30});
  EXPECT_EQ(end.how, How::kTimedOut);
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(20));
  // The grandchild is gone too, or is about to be collected by the system.
  const pid_t grandchild = std::stoi(end.results);
  for (int i = 0; i < 500 && kill(grandchild, 0) == 0; ++i) usleep(10000);
  EXPECT_NE(kill(grandchild, 0), 0);
}

TEST(ChildProcess, DoesNotWaitForWhoeverHoldsItsStreams) {
  const auto start = Clock::now();
  EXPECT_EQ(run("sleep 60 & exit 0").how, How::kExited);
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(20));
}

TEST(ChildProcess, EndsWhatIsTooLarge) {
  // dd holds one block of this size in memory, and fills it again and again.
  const ChildEnd end =
      run("exec dd if=/dev/zero of=/dev/null bs=200M", {std::chrono::seconds(60), 100 << 20});
  EXPECT_EQ(end.how, How::kTooLarge);
}

TEST(ChildProcess, KeepsTheBeginningOfAFlood) {
  const ChildEnd end = run("yes | head -c 1000000; echo end >&3");
  EXPECT_EQ(end.how, How::kExited);
  EXPECT_THAT(end.out, SizeIs(64 * 1024));
  EXPECT_EQ(end.results, "end\n");
}

TEST(ChildProcess, StartsFromACleanState) {
  const int leaked = open("/dev/zero", O_RDONLY);  // without O_CLOEXEC, as hosts have them
  const int high = fcntl(leaked, F_DUPFD, 50);
  signal(SIGPIPE, SIG_IGN);
  sigset_t blocked, before;
  sigfillset(&blocked);
  pthread_sigmask(SIG_SETMASK, &blocked, &before);
  const ChildEnd end =
      run("ls -l /proc/self/fd | grep -c dev/zero >&3; grep -E 'SigBlk|SigIgn' /proc/self/status; "
          "echo stdin $(cat | wc -c); echo group $(($(ps -o pgid= -p $$) - $$))");
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  signal(SIGPIPE, SIG_DFL);
  close(leaked);
  close(high);
  EXPECT_EQ(end.results, "0\n");
  EXPECT_THAT(end.out, HasSubstr("SigBlk:\t0000000000000000"));
  EXPECT_THAT(end.out, HasSubstr("stdin 0\n"));
  EXPECT_THAT(end.out, HasSubstr("group 0\n")) << end.err;  // its leader
  // libc ignores two signals of its own.
  const std::size_t ignored = end.out.find("SigIgn:");
  ASSERT_NE(ignored, std::string::npos) << end.out;
  EXPECT_EQ(std::stoull(end.out.substr(ignored + 8), nullptr, 16) & 1ull << (SIGPIPE - 1), 0u);
}

TEST(ChildProcess, GivesManyInOrder) {
  std::vector<std::vector<std::string>> commands;
  for (int i = 0; i < 20; ++i) {
    commands.push_back(
        shell("sleep 0.0" + std::to_string(i * 7 % 10) + "; exit " + std::to_string(i)));
  }
  const auto ends = run_children(commands, {}, 4);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ends.at(static_cast<std::size_t>(i)).number, i);
}

TEST(ChildProcess, LivesWithAHostThatIgnoresItsChildren) {
  signal(SIGCHLD, SIG_IGN);
  const ChildEnd end = run("echo results >&3");
  signal(SIGCHLD, SIG_DFL);
  EXPECT_EQ(end.how, How::kUnseen);
  EXPECT_EQ(end.results, "results\n");
}

}  // namespace
}  // namespace leet::core
