// SPDX-License-Identifier: Apache-2.0
#include "streams.hpp"

#include <algorithm>
#include <utility>

namespace leet::emulator {
namespace {

// As on a device, a full queue makes the host wait.
constexpr std::size_t kMaxQueued = 1024;

StreamPoint end_of(const std::shared_ptr<Stream>& stream) { return {stream, stream->put_so_far()}; }

}  // namespace

void Stream::put(Work work, std::vector<StreamPoint> after) {
  std::erase_if(after, [](const StreamPoint& p) { return p.stream->done(p.position); });
  queue_.push_back({std::move(work), std::move(after)});
  ++put_;
  if (queue_.size() > kMaxQueued) {
    run_up_to(done_ + 1);
  }
}

void Stream::run_up_to(std::uint64_t position) {
  while (done_ < position) {
    // What a task follows was put earlier than the task, so this ends, and never comes back to it.
    const Task task = std::move(queue_.front());
    queue_.pop_front();
    for (const StreamPoint& point : task.after) {
      point.stream->run_up_to(point.position);
    }
    if (task.work) {
      task.work();
    }
    ++done_;
  }
}

void Stream::run_one() {
  Stream* stream = this;
  while (!stream->queue_.empty()) {
    const auto& after = stream->queue_.front().after;
    const auto open = std::find_if(after.begin(), after.end(), [](const StreamPoint& p) {
      return !p.stream->done(p.position);
    });
    if (open == after.end()) {
      stream->run_up_to(stream->done_ + 1);
      return;
    }
    stream = open->stream.get();
  }
}

void Stream::drop_work() {
  queue_.clear();
  done_ = put_;
}

Streams::Streams() : null_stream_(std::make_shared<Stream>(true)) {}

std::shared_ptr<Stream> Streams::find(cudaStream_t handle) const {
  if (handle == nullptr) {
    return null_stream_;
  }
  const auto found = streams_.find(handle);
  return found != streams_.end() ? found->second : nullptr;
}

Event* Streams::find(cudaEvent_t handle) {
  const auto found = events_.find(handle);
  return found != events_.end() ? &found->second : nullptr;
}

cudaStream_t Streams::create_stream(bool blocking) {
  auto* const handle = reinterpret_cast<cudaStream_t>(&handles_.emplace_back());
  streams_[handle] = std::make_shared<Stream>(blocking);
  return handle;
}

cudaEvent_t Streams::create_event(bool timing) {
  auto* const handle = reinterpret_cast<cudaEvent_t>(&handles_.emplace_back());
  events_[handle].timing = timing;
  return handle;
}

bool Streams::destroy(cudaStream_t handle) {
  const auto found = streams_.find(handle);
  if (found == streams_.end()) {
    return false;
  }
  if (!found->second->done(found->second->put_so_far())) {
    destroyed_.push_back(found->second);
  }
  streams_.erase(found);
  return true;
}

bool Streams::destroy(cudaEvent_t handle) { return events_.erase(handle) != 0; }

void Streams::put(const std::shared_ptr<Stream>& stream, Stream::Work work) {
  std::vector<StreamPoint> after;
  if (stream == null_stream_) {
    for (const auto& [handle, other] : streams_) {
      if (other->blocking()) {
        after.push_back(end_of(other));
      }
    }
    for (const auto& other : destroyed_) {
      if (other->blocking()) {
        after.push_back(end_of(other));
      }
    }
  } else if (stream->blocking()) {
    after.push_back(end_of(null_stream_));
  }
  stream->put(std::move(work), std::move(after));
}

void Streams::run_all() {
  null_stream_->run_up_to(null_stream_->put_so_far());
  for (const auto& [handle, stream] : streams_) {
    stream->run_up_to(stream->put_so_far());
  }
  for (const auto& stream : std::exchange(destroyed_, {})) {
    stream->run_up_to(stream->put_so_far());
  }
}

void Streams::drop_work() {
  null_stream_->drop_work();
  for (const auto& [handle, stream] : streams_) {
    stream->drop_work();
  }
  destroyed_.clear();
}

void Streams::clear() {
  drop_work();
  streams_.clear();
  events_.clear();
}

}  // namespace leet::emulator
