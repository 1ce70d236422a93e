// SPDX-License-Identifier: Apache-2.0
//
// Rows that will be read next, fetched into the second-level cache a few lines at a time between
// the tiles of a product. The processor's own prefetchers stop at the end of a page and lose count
// of as many streams as a chunk has.
#ifndef LEET_CPU_PREFETCH_HPP
#define LEET_CPU_PREFETCH_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace leet::cpu {

class Prefetcher {
 public:
  // Forgets what is left; then add().
  void clear() { streams_ = stream_ = 0; }

  // `rows` rows of `bytes` each, `stride` bytes apart.
  void add(const std::byte* first, std::int64_t rows, std::int64_t bytes, std::int64_t stride) {
    if (streams_ == kStreams || rows == 0) return;
    if (stride == bytes) {  // one long row
      bytes *= rows;
      rows = 1;
    }
    stream_of_[streams_++] = {first, rows, bytes, stride};
  }

  // Spreads what was added over `steps` calls of step().
  void spread(std::int64_t steps) {
    std::int64_t lines = 0;
    for (std::size_t i = 0; i < streams_; ++i) {
      lines += stream_of_[i].rows * (stream_of_[i].bytes / kLine + 1);
    }
    lines_a_step_ = lines / std::max<std::int64_t>(steps, 1) + 1;
    offset_ = 0;
  }

  void step() {
    for (std::int64_t line = 0; line < lines_a_step_ && stream_ < streams_; ++line) {
      Stream& stream = stream_of_[stream_];
      __builtin_prefetch(stream.row + offset_, 0, 2);
      offset_ += kLine;
      if (offset_ < stream.bytes) continue;
      offset_ = 0;
      stream.row += stream.stride;
      if (--stream.rows == 0) ++stream_;
    }
  }

 private:
  static constexpr std::int64_t kLine = 64;
  static constexpr std::size_t kStreams = 4;  // q, k, v and out

  struct Stream {
    const std::byte* row;
    std::int64_t rows, bytes, stride;
  };

  Stream stream_of_[kStreams];
  std::size_t streams_ = 0, stream_ = 0;
  std::int64_t offset_ = 0, lines_a_step_ = 0;
};

}  // namespace leet::cpu
#endif  // LEET_CPU_PREFETCH_HPP
