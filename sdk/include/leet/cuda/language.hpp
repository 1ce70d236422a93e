// SPDX-License-Identifier: Apache-2.0
//
// CUDA C++ for the compiler at hand: nvcc's own, or the emulated one. LEET_CUDA_EMULATED says
// which; kernels need it only where they choose between a path for some architecture and the
// portable one, which has to exist.
#ifndef LEET_CUDA_LANGUAGE_HPP
#define LEET_CUDA_LANGUAGE_HPP

#if defined(__CUDACC__)
#define LEET_CUDA_EMULATED 0
#include <cooperative_groups.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#else
#define LEET_CUDA_EMULATED 1
#include <leet/cuda/emulated/language.hpp>
#include <leet/cuda/emulated/runtime.hpp>
#endif

#endif  // LEET_CUDA_LANGUAGE_HPP
