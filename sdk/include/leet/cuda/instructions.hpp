// SPDX-License-Identifier: Apache-2.0
#ifndef LEET_CUDA_INSTRUCTIONS_HPP
#define LEET_CUDA_INSTRUCTIONS_HPP

#include <leet/cuda/language.hpp>

#if LEET_CUDA_EMULATED
#include <leet/cuda/emulated/instructions.hpp>
#else
#include <leet/cuda/ptx.hpp>
#endif

#endif  // LEET_CUDA_INSTRUCTIONS_HPP
