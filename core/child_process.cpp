// SPDX-License-Identifier: Apache-2.0
//
// posix_spawn and no fork: between fork and exec a copy of a threaded process may do next to
// nothing, and what other libraries registered with pthread_atfork would run.
#include "core/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <memory>
#include <utility>

extern char** environ;

namespace leet::core {
namespace {

using Clock = std::chrono::steady_clock;

// How often memory and the end are looked at. The end of the results wakes the loop by itself.
constexpr std::chrono::milliseconds kTick{5};
constexpr std::size_t kLongest = 64 * 1024;  // kept of each stream; the rest is read and dropped

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }

  int get() const { return number_; }
  bool open() const { return number_ >= 0; }
  void reset() {
    if (number_ >= 0) close(number_);
    number_ = -1;
  }

 private:
  int number_ = -1;
};

struct Pipe {
  Descriptor read, write;
};

// Both ends lie above the four descriptors of a child, so that handing them over can't overwrite
// one that is still to be handed over.
bool make_pipe(Pipe& made) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  const Descriptor read(ends[0]), write(ends[1]);
  made.read = Descriptor(fcntl(read.get(), F_DUPFD_CLOEXEC, kResultDescriptor + 1));
  made.write = Descriptor(fcntl(write.get(), F_DUPFD_CLOEXEC, kResultDescriptor + 1));
  if (!made.read.open() || !made.write.open()) return false;
  return fcntl(made.read.get(), F_SETFL, O_NONBLOCK) == 0;
}

class Actions {
 public:
  Actions() { posix_spawn_file_actions_init(&actions_); }
  ~Actions() { posix_spawn_file_actions_destroy(&actions_); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

class Attributes {
 public:
  Attributes() {
    posix_spawnattr_init(&attributes_);
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  }
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

class Child {
 public:
  Child() = default;
  ~Child() {
    if (running_) end_group();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void start(std::vector<std::string> command, const ChildLimits& limits) {
    std::array<Pipe, 3> pipes;  // of stdout, stderr and the results: descriptors 1 to 3
    for (Pipe& pipe : pipes) {
      if (!make_pipe(pipe)) return fail("pipe", errno);
    }
    Actions actions;
    posix_spawn_file_actions_addopen(actions.get(), STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    for (std::size_t i = 0; i < pipes.size(); ++i) {
      posix_spawn_file_actions_adddup2(actions.get(), pipes[i].write.get(),
                                       static_cast<int>(i) + STDOUT_FILENO);
    }
    // Not every descriptor of a host is closed on exec.
    posix_spawn_file_actions_addclosefrom_np(actions.get(), kResultDescriptor + 1);
    std::vector<char*> arguments;
    for (std::string& argument : command) arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    const Attributes attributes;
    const int error = posix_spawn(&pid_, command.at(0).c_str(), actions.get(), attributes.get(),
                                  arguments.data(), environ);
    if (error != 0) return fail(command[0].c_str(), error);
    running_ = true;
    deadline_ = Clock::now() + limits.deadline;
    memory_bytes_ = limits.memory_bytes;
    for (std::size_t i = 0; i < pipes.size(); ++i) streams_[i].from = std::move(pipes[i].read);
  }

  bool running() const { return running_; }

  void add_descriptors(std::vector<pollfd>& polled) const {
    for (const Stream& stream : streams_) {
      if (stream.from.open()) polled.push_back({stream.from.get(), POLLIN, 0});
    }
  }

  // Takes what it has written and looks how it is.
  void attend() {
    for (Stream& stream : streams_) drain(stream);
    siginfo_t info{};
    const int waited = waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
    if (waited != 0 && errno == ECHILD) {
      finish(ChildEnd::How::kUnseen, 0);
    } else if (waited == 0 && info.si_pid == pid_) {
      finish(info.si_code == CLD_EXITED ? ChildEnd::How::kExited : ChildEnd::How::kSignalled,
             info.si_status);
    } else if (Clock::now() >= deadline_) {
      finish(ChildEnd::How::kTimedOut, 0);
    } else if (resident_bytes() > memory_bytes_) {
      finish(ChildEnd::How::kTooLarge, 0);
    }
  }

  ChildEnd take_end() { return std::move(end_); }

 private:
  struct Stream {
    Descriptor from;
    std::string text;
  };

  void fail(const char* what, int error) {
    end_.how = ChildEnd::How::kNotStarted;
    end_.why = fmt::format("{}: {}", what, std::strerror(error));
  }

  static void drain(Stream& stream) {
    std::array<char, 4096> chunk;
    // Bounded, so that one that floods can't keep the loop from its deadline.
    for (int i = 0; stream.from.open() && i < 64; ++i) {
      const ssize_t count = read(stream.from.get(), chunk.data(), chunk.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return;  // nothing more for now
      if (count == 0) return stream.from.reset();
      const auto room = kLongest - std::min(kLongest, stream.text.size());
      stream.text.append(chunk.data(), std::min(room, static_cast<std::size_t>(count)));
    }
  }

  std::int64_t resident_bytes() const {
    std::ifstream statm(fmt::format("/proc/{}/statm", pid_));
    std::int64_t size = 0, resident = 0;
    statm >> size >> resident;
    return resident * sysconf(_SC_PAGESIZE);
  }

  void finish(ChildEnd::How how, int number) {
    // One that the host has collected may have given its number to another by now.
    if (how != ChildEnd::How::kUnseen) end_group();
    running_ = false;
    for (Stream& stream : streams_) {
      drain(stream);
      stream.from.reset();
    }
    end_.how = how;
    end_.number = number;
    end_.out = std::move(streams_[0].text);
    end_.err = std::move(streams_[1].text);
    end_.results = std::move(streams_[2].text);
  }

  // Before the child is collected, so that its number can't be another group's yet.
  void end_group() {
    kill(-pid_, SIGKILL);
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    running_ = false;
  }

  pid_t pid_ = -1;
  bool running_ = false;
  Clock::time_point deadline_{};
  std::int64_t memory_bytes_ = 0;
  std::array<Stream, 3> streams_;
  ChildEnd end_;
};

}  // namespace

std::vector<ChildEnd> run_children(const std::vector<std::vector<std::string>>& commands,
                                   const ChildLimits& limits, std::size_t at_once) {
  std::vector<ChildEnd> ends(commands.size());
  std::vector<std::pair<std::size_t, std::unique_ptr<Child>>> children;  // by index of the command
  std::size_t next = 0;
  for (;;) {
    while (next < commands.size() && children.size() < std::max<std::size_t>(1, at_once)) {
      auto child = std::make_unique<Child>();
      child->start(commands[next], limits);
      children.emplace_back(next++, std::move(child));
    }
    if (children.empty()) return ends;
    std::vector<pollfd> polled;
    for (const auto& [index, child] : children) child->add_descriptors(polled);
    // A child that has closed a stream is about to end.
    const bool ending = polled.size() < children.size() * 3;
    poll(polled.data(), polled.size(), ending ? 1 : static_cast<int>(kTick.count()));
    for (auto& [index, child] : children) {
      if (child->running()) child->attend();
      if (!child->running()) ends[index] = child->take_end();
    }
    std::erase_if(children, [](const auto& entry) { return !entry.second->running(); });
  }
}

}  // namespace leet::core
