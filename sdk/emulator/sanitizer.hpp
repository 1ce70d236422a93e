// SPDX-License-Identifier: Apache-2.0
//
// What AddressSanitizer has to be told: which stack runs, and which memory is nobody's. Empty
// functions without it.
#ifndef LEET_EMULATOR_SANITIZER_HPP
#define LEET_EMULATOR_SANITIZER_HPP

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace leet::emulator::sanitizer {

#if defined(__SANITIZE_ADDRESS__)
// Around a switch: before it with the stack that comes next, after it in whatever arrived.
// `leaving` keeps what the suspended computation needs; null for one that never comes back.
inline void before_switch(void** leaving, const void* low, std::size_t bytes) {
  __sanitizer_start_switch_fiber(leaving, low, bytes);
}
inline void after_switch(void* arriving, const void** from_low, std::size_t* from_bytes) {
  __sanitizer_finish_switch_fiber(arriving, from_low, from_bytes);
}
inline void poison(const void* memory, std::size_t bytes) {
  __asan_poison_memory_region(memory, bytes);
}
inline void unpoison(const void* memory, std::size_t bytes) {
  __asan_unpoison_memory_region(memory, bytes);
}
#else
inline void before_switch(void**, const void*, std::size_t) {}
inline void after_switch(void*, const void**, std::size_t*) {}
inline void poison(const void*, std::size_t) {}
inline void unpoison(const void*, std::size_t) {}
#endif

}  // namespace leet::emulator::sanitizer
#endif  // LEET_EMULATOR_SANITIZER_HPP
