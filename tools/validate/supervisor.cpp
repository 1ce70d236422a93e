// SPDX-License-Identifier: Apache-2.0
#include "tools/validate/supervisor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

extern char** environ;

namespace leet::validate {
namespace {

using Clock = std::chrono::steady_clock;

// Where a worker finds its pipe. Not stdout: a plugin may print there.
constexpr int kWorkerDescriptor = 3;
// Workers started again in one lane, after which its remaining cases are skipped.
constexpr int kRestarts = 5;

std::string how_it_ended(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    return fmt::format("killed by signal {} ({})", WTERMSIG(wait_status),
                       strsignal(WTERMSIG(wait_status)));
  }
  return fmt::format("exited with {} before it was done", WEXITSTATUS(wait_status));
}

// One line of worker.cpp's write_line().
struct Message {
  std::optional<std::int64_t> begin;
  std::optional<std::int64_t> end;
  bool done = false;
  double seconds = 0;  // this and the result: of `end`
  Result result = {};
};

// Nothing where the line is not one that a worker writes: a plugin can write to the pipe as well.
std::optional<Message> read_message(const std::string& line) {
  const nlohmann::json object = nlohmann::json::parse(line, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  Message message;
  const auto index = [&](const char* key) -> std::optional<std::int64_t> {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_number_integer()) return std::nullopt;
    return found->get<std::int64_t>();
  };
  message.begin = index("begin");
  message.end = index("end");
  message.done = object.contains("done");
  if (!message.begin && !message.end && !message.done) return std::nullopt;
  if (!message.end) return message;

  const auto status = index("status");
  const auto check = object.find("check");
  const auto text = object.find("message");
  const auto seconds = object.find("seconds");
  const bool complete = status && *status >= 0 &&
                        *status <= static_cast<std::int64_t>(Status::kTimeout) &&
                        check != object.end() && check->is_string() && text != object.end() &&
                        text->is_string() && seconds != object.end() && seconds->is_number();
  if (!complete) return std::nullopt;
  message.seconds = seconds->get<double>();
  message.result = {static_cast<Status>(*status), check->get<std::string>(),
                    text->get<std::string>()};
  return message;
}

// A part of one plugin's cases and the process that works on it.
class Lane {
 public:
  Lane(const Job& job, const std::vector<Case>& cases, Outcome& outcome)
      : job_(job), cases_(cases), outcome_(outcome) {}
  ~Lane() {
    if (pid_ > 0) end_process(true);
  }
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  bool finished() const { return finished_; }
  bool running() const { return pid_ > 0; }
  int descriptor() const { return descriptor_; }
  Clock::time_point deadline() const { return deadline_; }

  core::Status start(Clock::duration timeout) {
    timeout_ = timeout;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return failure("pipe2");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], kWorkerDescriptor);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    std::vector<std::string> arguments = worker_arguments(job_, kWorkerDescriptor);
    std::vector<char*> argv;
    std::string program = "leet";
    argv.push_back(program.data());
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    sigaddset(&blocked, SIGINT);
    posix_spawnattr_setsigmask(&attributes, &blocked);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    const int error =
        posix_spawn(&pid_, "/proc/self/exe", &actions, &attributes, argv.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    descriptor_ = ends[0];
    if (error != 0) {
      close(descriptor_);
      pid_ = -1;
      errno = error;
      return failure("posix_spawn");
    }
    current_ = kLoadIndex;
    done_ = false;
    buffer_.clear();
    deadline_ = Clock::now() + timeout_;
    return {};
  }

  // Takes what the pipe has. At its end, judges how the worker ended.
  void receive() {
    std::array<char, 65536> chunk;
    const ssize_t count = read(descriptor_, chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) return;
    if (count > 0) {
      buffer_.append(chunk.data(), static_cast<std::size_t>(count));
      for (std::size_t end; (end = buffer_.find('\n')) != std::string::npos;) {
        const std::string line = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        if (take(line)) continue;
        reject(line);
        return;
      }
      return;
    }
    const int status = end_process(false);
    if (done_ && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
      finished_ = true;
      return;
    }
    if (done_) {
      finished_ = true;
      outcome_.load = {
          Status::kCrash, {}, "after the last case, the process " + how_it_ended(status)};
      return;
    }
    give_up(Status::kCrash, how_it_ended(status));
  }

  void expire() {
    end_process(true);
    if (done_) {
      finished_ = true;
      outcome_.load = {Status::kTimeout, {}, "the process did not end after its last case"};
      return;
    }
    give_up(Status::kTimeout,
            fmt::format("no result after {:g} s", std::chrono::duration<double>(timeout_).count()));
  }

 private:
  static core::Status failure(const char* function) {
    return core::Error{LEET_STATUS_INTERNAL, fmt::format("no worker could be started: {}: {}",
                                                         function, std::strerror(errno))};
  }

  // Whether the line is one that this lane's worker may send.
  bool take(const std::string& line) {
    const auto message = read_message(line);
    if (!message || !is_mine(message->begin) || !is_mine(message->end)) return false;
    deadline_ = Clock::now() + timeout_;
    if (message->begin) current_ = *message->begin;
    if (message->done) done_ = true;
    if (!message->end) return true;
    outcome_.seconds += message->seconds;
    record(*message->end, message->result);
    current_ = next_after(*message->end);
    return true;
  }

  bool is_mine(std::optional<std::int64_t> index) const {
    if (!index || *index == kLoadIndex) return true;
    const auto from = static_cast<std::int64_t>(job_.from);
    return *index >= from && *index < static_cast<std::int64_t>(cases_.size()) &&
           (*index - from) % static_cast<std::int64_t>(job_.stride) == 0;
  }

  // Nothing that comes after such a line can be believed.
  void reject(const std::string& line) {
    end_process(true);
    const std::string message = fmt::format("the process sent what is no result: '{:.100}'", line);
    if (done_) {
      finished_ = true;
      outcome_.load = Result::fail(message);
      return;
    }
    give_up(Status::kFail, message);
  }

  std::int64_t next_after(std::int64_t index) const {
    return index == kLoadIndex ? static_cast<std::int64_t>(job_.from)
                               : index + static_cast<std::int64_t>(job_.stride);
  }

  void record(std::int64_t index, Result result) {
    if (index == kLoadIndex) {
      // A later worker's success does not undo an earlier one's failure.
      if (!outcome_.load || outcome_.load->status == Status::kPass) outcome_.load = result;
    } else if (static_cast<std::size_t>(index) < cases_.size()) {
      outcome_.results[static_cast<std::size_t>(index)] = std::move(result);
    }
  }

  // The case in progress gets the result; the next one is tried in a new process.
  void give_up(Status status, const std::string& message) {
    const std::int64_t failed = current_;
    record(failed, {status, {}, message});
    job_.from = static_cast<std::size_t>(next_after(failed));
    const bool at_load = failed == kLoadIndex;
    if (at_load || ++restarts_ > kRestarts) {
      for (std::size_t i = job_.from; i < cases_.size(); i += job_.stride) {
        outcome_.results[i] =
            Result::skip(at_load ? "the plugin could not be loaded"
                                 : fmt::format("given up after {} crashes or timeouts", restarts_));
      }
      finished_ = true;
    }
    finished_ = finished_ || job_.from >= cases_.size();
  }

  int end_process(bool kill_it) {
    if (kill_it) kill(pid_, SIGKILL);
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    close(descriptor_);
    pid_ = -1;
    descriptor_ = -1;
    return status;
  }

  Job job_;
  const std::vector<Case>& cases_;
  Outcome& outcome_;
  pid_t pid_ = -1;
  int descriptor_ = -1;
  std::string buffer_;
  std::int64_t current_ = kLoadIndex;
  Clock::time_point deadline_{};
  Clock::duration timeout_{};
  int restarts_ = 0;
  bool done_ = false;
  bool finished_ = false;
};

}  // namespace

std::vector<std::string> worker_arguments(const Job& job, int descriptor) {
  std::vector<std::string> arguments = {"validate-worker",
                                        "--file=" + job.file.string(),
                                        "--method=" + job.method,
                                        fmt::format("--device-type={}", job.device_type),
                                        fmt::format("--level={}", job.selection.level),
                                        fmt::format("--seed={}", job.settings.seed),
                                        fmt::format("--from={}", job.from),
                                        fmt::format("--stride={}", job.stride),
                                        fmt::format("--descriptor={}", descriptor)};
  // CLI11 would take the argument after an empty value for the value.
  const auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) arguments.push_back(option + value);
  };
  add("--filter=", job.selection.filter);
  add("--exclude=", job.selection.exclude);
  add("--only=", job.selection.only);
  add("--dump=", job.settings.dump.string());
  return arguments;
}

core::Result<std::vector<Outcome>> supervise(const std::vector<Job>& jobs,
                                             const std::vector<Case>& cases,
                                             const Supervision& supervision) {
  std::vector<Outcome> outcomes(jobs.size());
  std::vector<std::unique_ptr<Lane>> lanes;
  const std::size_t lanes_each =
      std::max<std::size_t>(1, static_cast<std::size_t>(supervision.jobs) / jobs.size());
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    outcomes[i].results.resize(cases.size());
    for (std::size_t lane = 0; lane < lanes_each; ++lane) {
      Job part = jobs[i];
      part.from = lane;
      part.stride = lanes_each;
      lanes.push_back(std::make_unique<Lane>(part, cases, outcomes[i]));
    }
  }

  const auto timeout = std::chrono::duration_cast<Clock::duration>(supervision.timeout);
  for (;;) {
    auto running = std::ranges::count_if(lanes, [](const auto& lane) { return lane->running(); });
    std::vector<pollfd> polled;
    std::vector<Lane*> watched;
    auto nearest = Clock::time_point::max();
    for (const auto& lane : lanes) {
      if (lane->finished()) continue;
      if (!lane->running() && running < supervision.jobs) {
        if (const core::Status started = lane->start(timeout); !started) return started.error();
        ++running;
      }
      if (!lane->running()) continue;
      polled.push_back({lane->descriptor(), POLLIN, 0});
      watched.push_back(lane.get());
      nearest = std::min(nearest, lane->deadline());
    }
    if (watched.empty()) break;

    polled.push_back({supervision.stop_descriptor, POLLIN, 0});  // poll passes over -1
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(nearest - Clock::now());
    poll(polled.data(), polled.size(), static_cast<int>(std::max<std::int64_t>(0, wait.count())));
    if (polled.back().revents != 0) break;
    for (std::size_t i = 0; i < watched.size(); ++i) {
      if (polled[i].revents != 0) {
        watched[i]->receive();
      } else if (Clock::now() >= watched[i]->deadline()) {
        watched[i]->expire();
      }
    }
    if (supervision.progress) {
      std::size_t done = 0;
      for (const Outcome& outcome : outcomes) {
        done += static_cast<std::size_t>(std::ranges::count_if(
            outcome.results, [](const auto& result) { return result.has_value(); }));
      }
      supervision.progress(done, jobs.size() * cases.size());
    }
  }
  return outcomes;
}

std::vector<Outcome> run_in_process(const std::vector<Job>& jobs, const std::vector<Case>& cases) {
  std::vector<Outcome> outcomes(jobs.size());
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    Outcome& outcome = outcomes[i];
    outcome.results.resize(cases.size());
    run_job(jobs[i], cases,
            {.begin = [](std::int64_t) {},
             .end =
                 [&](std::int64_t index, const Result& result, double seconds) {
                   outcome.seconds += seconds;
                   (index == kLoadIndex ? outcome.load
                                        : outcome.results[static_cast<std::size_t>(index)]) =
                       result;
                 }});
  }
  return outcomes;
}

}  // namespace leet::validate
