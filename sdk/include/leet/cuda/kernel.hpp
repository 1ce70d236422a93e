// SPDX-License-Identifier: Apache-2.0
//
// What a portable CUDA kernel includes, and all that it includes of CUDA: nvcc compiles it for a
// GPU, and any C++20 compiler for the emulator (sdk/emulator/README.md), which runs it on the CPU.
// The rules for kernels that do both are on that page.
#ifndef LEET_CUDA_KERNEL_HPP
#define LEET_CUDA_KERNEL_HPP

#include <leet/cuda/language.hpp>
#include <leet/cuda/launch.hpp>
#include <leet/cuda/memory.hpp>
#include <leet/cuda/numbers.hpp>
#include <leet/cuda/shared_memory.hpp>
#include <leet/cuda/site.hpp>
#include <leet/cuda/tiles.hpp>

#endif  // LEET_CUDA_KERNEL_HPP
