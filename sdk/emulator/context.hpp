// SPDX-License-Identifier: Apache-2.0
//
// Switching between stacks. context_x86_64.cpp does it in a few instructions, context_ucontext.cpp
// on any processor, by the C library and about a hundred times slower: each switch is a system
// call. One of the two is linked.
#ifndef LEET_EMULATOR_CONTEXT_HPP
#define LEET_EMULATOR_CONTEXT_HPP

namespace leet::emulator {

// A suspended computation; what the pointer is depends on the implementation.
struct Context {
  void* saved = nullptr;
};

// Makes the next switch to `context` call `entry`, which never returns, on the stack whose bytes
// are [low, top).
void prepare_context(Context& context, char* low, char* top, void (*entry)());

// Suspends the caller in `from` and goes on with `to`; returns when something switches to `from`.
void switch_context(Context& from, const Context& to);

}  // namespace leet::emulator
#endif  // LEET_EMULATOR_CONTEXT_HPP
