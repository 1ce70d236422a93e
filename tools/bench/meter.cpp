// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/meter.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <limits>
#include <string_view>

namespace leet::bench {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

// Waking a thread takes some 50 us; one that takes longer than this is not getting a CPU.
constexpr double kGatheringSeconds = 0.02;

double seconds_since_start() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The fastest of four runs of about 6 us each, long against the clock's own steps. The first run
// may still be fetching its instructions.
double no_op_loop() {
  double best = kNever;
  for (int run = 0; run < 4; ++run) {
    const double begin = seconds_since_start();
    for (int i = 0; i < 1600; ++i) asm volatile(".rept 60\n\tnop\n\t.endr");
    best = std::min(best, seconds_since_start() - begin);
  }
  return best;
}

// The second number of a schedstat file: nanoseconds spent ready to run, without a CPU.
std::optional<double> read_delay(int file) {
  char text[96];
  const ssize_t length = pread(file, text, sizeof text, 0);
  if (length <= 0) return std::nullopt;
  const std::string_view numbers(text, static_cast<std::size_t>(length));
  const std::size_t space = numbers.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  std::uint64_t nanoseconds = 0;
  const char* const begin = numbers.data() + space + 1;
  const char* const end = numbers.data() + numbers.size();
  if (std::from_chars(begin, end, nanoseconds).ec != std::errc()) return std::nullopt;
  return 1e-9 * static_cast<double>(nanoseconds);
}

}  // namespace

struct Meter::Clocks {
  double wall = 0;
  double cpu = 0;
  std::optional<double> delay;
};

Meter::Meter(core::ThreadPool& pool)
    : pool_(pool), threads_(pool.concurrency()), best_probe_(kNever) {
  std::vector<long> ids(static_cast<std::size_t>(threads_), -1);
  on_every_thread([&](int worker) { ids[static_cast<std::size_t>(worker)] = syscall(SYS_gettid); });
  for (const long id : ids) {
    delay_files_.push_back(
        open(fmt::format("/proc/self/task/{}/schedstat", id).c_str(), O_RDONLY | O_CLOEXEC));
  }
}

Meter::~Meter() {
  for (const int file : delay_files_) {
    if (file >= 0) close(file);
  }
}

Meter::Clocks Meter::read_clocks() const {
  Clocks clocks;
  double delay = 0;
  bool known = true;
  for (const int file : delay_files_) {
    const std::optional<double> of_thread = read_delay(file);
    known = known && of_thread;
    delay += of_thread.value_or(0);
  }
  if (known) clocks.delay = delay;
  timespec cpu{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  clocks.cpu = static_cast<double>(cpu.tv_sec) + 1e-9 * static_cast<double>(cpu.tv_nsec);
  clocks.wall = seconds_since_start();
  return clocks;
}

bool Meter::on_every_thread(const std::function<void(int worker)>& work) {
  struct Gathering {
    const std::function<void(int)>& work;
    int expected;
    std::atomic<int> arrived = 0;
    std::atomic<bool> complete = true;
  } gathering{work, threads_};
  const auto piece = [](void* arg, std::int64_t, std::int64_t, std::int32_t worker) {
    auto& ours = *static_cast<Gathering*>(arg);
    ours.arrived.fetch_add(1);
    const double limit = seconds_since_start() + kGatheringSeconds;
    while (ours.arrived.load() < ours.expected && ours.complete.load()) {
      if (seconds_since_start() > limit) ours.complete.store(false);
    }
    if (ours.complete.load()) ours.work(worker);
    return static_cast<leet_status>(LEET_STATUS_OK);
  };
  pool_.parallel_for(threads_, 1, piece, &gathering);
  return gathering.complete.load();
}

double Meter::probe() {
  std::vector<double> seconds(static_cast<std::size_t>(threads_), kNever);
  on_every_thread([&](int worker) { seconds[static_cast<std::size_t>(worker)] = no_op_loop(); });
  for (const double of_thread : seconds) best_probe_ = std::min(best_probe_, of_thread);
  return *std::max_element(seconds.begin(), seconds.end());
}

Sample Meter::sample(const std::function<void()>& work) {
  const double before = probe();
  const Clocks begin = read_clocks();
  work();
  const Clocks end = read_clocks();
  const double after = probe();
  Sample sample{end.wall - begin.wall, end.cpu - begin.cpu, std::nullopt, std::max(before, after)};
  if (begin.delay && end.delay) sample.delay = *end.delay - *begin.delay;
  return sample;
}

}  // namespace leet::bench
