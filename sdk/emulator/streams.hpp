// SPDX-License-Identifier: Apache-2.0
//
// Streams as queues of work that nobody has done yet. Waiting for a point of a stream does what
// leads up to it, the work of other streams that it has to follow included, and nothing else.
#ifndef LEET_EMULATOR_STREAMS_HPP
#define LEET_EMULATOR_STREAMS_HPP

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <leet/cuda/emulated/types.hpp>
#include <map>
#include <memory>
#include <vector>

namespace leet::emulator {

class Stream;

// Everything that was put into a stream up to some moment.
struct StreamPoint {
  std::shared_ptr<Stream> stream;
  std::uint64_t position = 0;
};

class Stream {
 public:
  explicit Stream(bool blocking) : blocking_(blocking) {}

  using Work = std::function<void()>;
  void put(Work work, std::vector<StreamPoint> after);
  // What is put next also follows that point.
  void put_wait(const StreamPoint& point) { put({}, {point}); }

  bool blocking() const { return blocking_; }  // ordered with the null stream
  std::uint64_t put_so_far() const { return put_; }
  bool done(std::uint64_t position) const { return done_ >= position; }
  void run_up_to(std::uint64_t position);
  // Does one piece of work, of this stream or of one that it follows.
  void run_one();
  void drop_work();

 private:
  struct Task {
    Work work;
    std::vector<StreamPoint> after;
  };

  const bool blocking_;
  std::deque<Task> queue_;
  std::uint64_t put_ = 0;
  std::uint64_t done_ = 0;
};

struct Event {
  using Time = std::chrono::steady_clock::time_point;

  bool timing = true;
  bool recorded = false;
  StreamPoint point;
  std::shared_ptr<Time> time;  // of the last record, when its point is done

  bool done() const { return !recorded || point.stream->done(point.position); }
};

// The streams and events of the device, by handle.
class Streams {
 public:
  Streams();

  // Null: no such handle. The null handle is the null stream.
  std::shared_ptr<Stream> find(cudaStream_t handle) const;
  Event* find(cudaEvent_t handle);
  cudaStream_t create_stream(bool blocking);
  cudaEvent_t create_event(bool timing);
  // What is in the stream is still done.
  bool destroy(cudaStream_t handle);
  bool destroy(cudaEvent_t handle);

  // In the order that CUDA gives: after what is in the stream, and between the null stream and all
  // blocking ones.
  void put(const std::shared_ptr<Stream>& stream, Stream::Work work);
  void run_all();
  // Forgets everything.
  void clear();
  void drop_work();

 private:
  std::shared_ptr<Stream> null_stream_;
  std::map<cudaStream_t, std::shared_ptr<Stream>> streams_;
  std::map<cudaEvent_t, Event> events_;
  std::vector<std::shared_ptr<Stream>> destroyed_;  // with work left
  // Handles are the addresses of these bytes; none comes back, so a destroyed one is recognised.
  std::deque<char> handles_;
};

}  // namespace leet::emulator
#endif  // LEET_EMULATOR_STREAMS_HPP
