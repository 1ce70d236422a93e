// SPDX-License-Identifier: Apache-2.0
//
// Where in a kernel's source an operation stands. Operations take one as their last, defaulted
// argument: the emulator names it in its reports, and compares the sites of the threads that meet
// at a barrier. CUDA's compiler sees an empty struct.
#ifndef LEET_CUDA_SITE_HPP
#define LEET_CUDA_SITE_HPP

namespace leet::cuda {

#if defined(__CUDACC__)
struct Site {};
#else
struct Site {
  const char* file;
  int line;
  constexpr Site(const char* file_ = __builtin_FILE(), int line_ = __builtin_LINE())
      : file(file_), line(line_) {}
};
#endif

}  // namespace leet::cuda
#endif  // LEET_CUDA_SITE_HPP
