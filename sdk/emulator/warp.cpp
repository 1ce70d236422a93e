// SPDX-License-Identifier: Apache-2.0
#include "warp.hpp"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

#include "report.hpp"
#include "worker.hpp"

namespace leet::emulator {
namespace {

[[noreturn]] void diverged(Thread& me, const char* name, std::uint32_t mask, Site site,
                           std::string text) {
  text.insert(0, format("in %s at %s, mask %08x: ", name, describe(site).c_str(), mask));
  me.worker->fail(me, cudaErrorLaunchFailure, ReportKind::kWarpDivergence, std::move(text));
}

std::uint32_t existing_lanes(const Block& block, std::uint32_t warp) {
  const int lanes = block.threads - static_cast<int>(warp) * 32;
  return lanes >= 32 ? 0xffffffffu : (1u << lanes) - 1;
}

// The operation that the lane joins, or a free entry.
Collective& find(Warp& warp, const WarpOperation& operation, Thread& me, std::uint32_t mask,
                 Site site) {
  const std::uint32_t lane = 1u << me.view.lane;
  Collective* free = nullptr;
  for (Collective& collective : warp.collectives) {
    if (collective.name == nullptr) {
      free = free != nullptr ? free : &collective;
      continue;
    }
    if ((collective.mask & lane) == 0) {
      continue;
    }
    if (collective.name != operation.name || collective.mask != mask ||
        (operation.aligned && !same_site(collective.site, site))) {
      diverged(me, operation.name, mask, site,
               format("lanes %08x of its warp wait for this lane in %s at %s, mask %08x",
                      collective.arrived, collective.name, describe(collective.site).c_str(),
                      collective.mask));
    }
    return collective;
  }
  if (free == nullptr) {
    diverged(me, operation.name, mask, site, "too many operations of one warp at a time");
  }
  free->name = operation.name;
  free->mask = mask;
  free->arrived = 0;
  free->site = site;
  return *free;
}

}  // namespace

void meet(const WarpOperation& operation, std::uint32_t mask, void* operand, Site site) {
  Thread& me = current();
  Block& block = *me.block;
  Warp& warp = block.warp[me.view.warp];
  const std::uint32_t lane = 1u << me.view.lane;
  if ((mask & lane) == 0) {
    diverged(me, operation.name, mask, site, "the calling lane is not in the mask");
  }
  const std::uint32_t existing = existing_lanes(block, me.view.warp);
  if (operation.aligned && existing != 0xffffffffu) {
    diverged(me, operation.name, mask, site,
             format("needs a full warp; the block has %d threads", block.threads));
  }
  mask &= existing;
  if ((mask & warp.exited) != 0) {
    diverged(me, operation.name, mask, site,
             format("lanes %08x of the mask have returned", mask & warp.exited));
  }

  Collective& collective = find(warp, operation, me, mask, site);
  collective.operands[me.view.lane] = operand;
  collective.arrived |= lane;
  if (collective.arrived != mask) {
    me.worker->wait(me, operation.name, site);
    return;
  }
  if (operation.complete != nullptr) {
    operation.complete(collective.operands, mask);
  }
  collective.name = nullptr;
  std::array<Thread*, 32> released;
  std::size_t count = 0;
  for (std::uint32_t others = mask & ~lane; others != 0; others &= others - 1) {
    released[count++] =
        block.thread[me.view.warp * 32 + static_cast<unsigned>(std::countr_zero(others))];
  }
  me.worker->make_ready({released.data(), count});
  if (me.worker->grid().settings.thread_order != Order::kForward) {
    me.worker->yield(me);
  }
}

// ---- The operations ----

namespace {

template <class Operand, class Body>
void for_each_lane(const std::array<void*, 32>& operands, std::uint32_t mask, Body body) {
  for (std::uint32_t lanes = mask; lanes != 0; lanes &= lanes - 1) {
    body(*static_cast<Operand*>(operands[static_cast<std::size_t>(std::countr_zero(lanes))]));
  }
}

struct Shuffle {
  std::uint64_t value;
  std::uint32_t source;
  std::uint64_t result;
};
constexpr WarpOperation kShuffle = {
    "__shfl_sync",
    [](const std::array<void*, 32>& operands, std::uint32_t mask) {
      for_each_lane<Shuffle>(operands, mask, [&](Shuffle& lane) {
        const std::uint32_t source = lane.source % 32;
        const bool defined = (mask >> source & 1u) != 0;
        lane.result =
            defined ? static_cast<const Shuffle*>(operands[source])->value : ~std::uint64_t{0};
      });
    },
    false};

struct Ballot {
  bool predicate;
  std::uint32_t result;
};
constexpr WarpOperation kBallot = {
    "__ballot_sync",
    [](const std::array<void*, 32>& operands, std::uint32_t mask) {
      std::uint32_t votes = 0;
      for (std::uint32_t lanes = mask; lanes != 0; lanes &= lanes - 1) {
        const int lane = std::countr_zero(lanes);
        const bool vote =
            static_cast<const Ballot*>(operands[static_cast<std::size_t>(lane)])->predicate;
        votes |= static_cast<std::uint32_t>(vote) << lane;
      }
      for_each_lane<Ballot>(operands, mask, [&](Ballot& lane) { lane.result = votes; });
    },
    false};

struct Reduce {
  Reduction reduction;
  std::int64_t value;
  std::int64_t result;
};
std::int64_t combine(Reduction reduction, std::int64_t a, std::int64_t b) {
  switch (reduction) {
    case Reduction::kAdd:
      return a + b;
    case Reduction::kMin:
      return std::min(a, b);
    case Reduction::kMax:
      return std::max(a, b);
    case Reduction::kAnd:
      return a & b;
    case Reduction::kOr:
      return a | b;
    case Reduction::kXor:
      return a ^ b;
  }
  return 0;
}
constexpr WarpOperation kReduce = {
    "__reduce_sync",
    [](const std::array<void*, 32>& operands, std::uint32_t mask) {
      const auto* first =
          static_cast<const Reduce*>(operands[static_cast<std::size_t>(std::countr_zero(mask))]);
      std::int64_t result = first->value;
      for_each_lane<Reduce>(operands, mask & (mask - 1), [&](Reduce& lane) {
        result = combine(first->reduction, result, lane.value);
      });
      for_each_lane<Reduce>(operands, mask, [&](Reduce& lane) { lane.result = result; });
    },
    false};

constexpr WarpOperation kWarpBarrier = {"__syncwarp", nullptr, false};

}  // namespace

void warp_barrier(std::uint32_t mask, Site site) { meet(kWarpBarrier, mask, nullptr, site); }

std::uint64_t shuffle(std::uint32_t mask, std::uint64_t value, std::uint32_t source, Site site) {
  Shuffle operand = {value, source, 0};
  meet(kShuffle, mask, &operand, site);
  return operand.result;
}

std::uint32_t ballot(std::uint32_t mask, bool predicate, Site site) {
  Ballot operand = {predicate, 0};
  meet(kBallot, mask, &operand, site);
  return operand.result;
}

std::int64_t reduce(std::uint32_t mask, Reduction reduction, std::int64_t value, Site site) {
  Reduce operand = {reduction, value, 0};
  meet(kReduce, mask, &operand, site);
  return operand.result;
}

}  // namespace leet::emulator
