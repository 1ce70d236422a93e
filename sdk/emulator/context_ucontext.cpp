// SPDX-License-Identifier: Apache-2.0
//
// By <ucontext.h>. A suspended computation's ucontext_t lies on its own stack.
#include "context.hpp"

#include <ucontext.h>

#include <cstddef>
#include <cstdint>

namespace leet::emulator {

void prepare_context(Context& context, char* low, char* top, void (*entry)()) {
  char* const below = top - sizeof(ucontext_t);
  auto* prepared =
      reinterpret_cast<ucontext_t*>(below - reinterpret_cast<std::uintptr_t>(below) % 64);
  getcontext(prepared);
  prepared->uc_stack.ss_sp = low;
  prepared->uc_stack.ss_size = static_cast<std::size_t>(reinterpret_cast<char*>(prepared) - low);
  prepared->uc_link = nullptr;
  makecontext(prepared, entry, 0);
  context.saved = prepared;
}

void switch_context(Context& from, const Context& to) {
  ucontext_t here;
  from.saved = &here;
  swapcontext(&here, static_cast<const ucontext_t*>(to.saved));
}

}  // namespace leet::emulator
