// SPDX-License-Identifier: Apache-2.0
//
// For x86-64 and the System V calling convention: the callee-saved registers go to the stack. The
// jump at the end is no return, which the processor would predict to go back to the caller.
#include <cstdint>

#include "context.hpp"

extern "C" [[gnu::visibility("hidden")]] void leet_emulator_switch(void** from, void* to);

asm(R"(
.text
.p2align 4
.globl leet_emulator_switch
.hidden leet_emulator_switch
.type leet_emulator_switch, @function
leet_emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  popq %rcx
  jmpq *%rcx
.size leet_emulator_switch, .-leet_emulator_switch
)");

namespace leet::emulator {

void prepare_context(Context& context, char*, char* top, void (*entry)()) {
  constexpr int kSavedRegisters = 6;
  auto** stack = reinterpret_cast<void**>(top - reinterpret_cast<std::uintptr_t>(top) % 16);
  *--stack = nullptr;  // the return address of entry: the end for whoever walks the stack
  *--stack = reinterpret_cast<void*>(entry);
  for (int i = 0; i < kSavedRegisters; ++i) {
    *--stack = nullptr;
  }
  context.saved = stack;
}

void switch_context(Context& from, const Context& to) {
  leet_emulator_switch(&from.saved, to.saved);
}

}  // namespace leet::emulator
