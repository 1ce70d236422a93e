// SPDX-License-Identifier: Apache-2.0
//
// cp.async: the copy lands when its thread waits for it, the latest moment that the PTX ISA allows.
#include <cstdint>
#include <cstring>

#include "block.hpp"
#include "report.hpp"
#include "worker.hpp"

namespace leet::emulator {

void copy_async(void* shared, const void* global, std::uint32_t bytes, std::uint32_t source_bytes,
                Site site) {
  constexpr int kNan = 0xff;
  Thread& me = current();
  for (const void* address : {static_cast<const void*>(shared), global}) {
    if (reinterpret_cast<std::uintptr_t>(address) % bytes != 0) {
      misaligned(address, bytes, site);
    }
  }
  if (source_bytes > bytes || !me.block->shared.contains(shared, bytes)) {
    me.worker->fail(me, cudaErrorIllegalAddress, ReportKind::kSharedMemory,
                    format("starts cp.async at %s of %u out of %u bytes to %p; at most all of them "
                           "are copied, to the block's shared memory",
                           describe(site).c_str(), source_bytes, bytes, shared));
  }
  std::memset(shared, kNan, bytes);
  me.copies.push_back({shared, global, bytes, source_bytes, me.copy_group});
}

void commit_copies() { ++current().copy_group; }

void wait_for_copies(std::uint32_t groups_left) {
  Thread& me = current();
  std::erase_if(me.copies, [&](const PendingCopy& copy) {
    if (copy.group + groups_left >= me.copy_group) {
      return false;
    }
    if (copy.source_bytes != 0) {
      std::memcpy(copy.to, copy.from, copy.source_bytes);
    }
    std::memset(static_cast<char*>(copy.to) + copy.source_bytes, 0, copy.bytes - copy.source_bytes);
    return true;
  });
}

}  // namespace leet::emulator
