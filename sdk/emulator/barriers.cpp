// SPDX-License-Identifier: Apache-2.0
#include "block.hpp"
#include "report.hpp"
#include "worker.hpp"

namespace leet::emulator {
namespace {

// Whoever arrives last releases the others and goes on first, unless the order is to be shaken.
BarrierVote arrive(Barrier& barrier, Thread& me, const char* name, bool predicate, Site site) {
  barrier.votes += predicate ? 1 : 0;
  ++barrier.arrived;
  if (barrier.arrived < barrier.expected) {
    barrier.waiting.push_back(&me);
    me.worker->wait(me, name, site);
    return me.vote;
  }
  const BarrierVote vote = {barrier.votes, barrier.votes > 0, barrier.votes == barrier.expected};
  for (Thread* thread : barrier.waiting) {
    thread->vote = vote;
  }
  me.worker->make_ready(barrier.waiting);
  barrier.waiting.clear();
  barrier.arrived = 0;
  barrier.votes = 0;
  if (me.worker->grid().settings.thread_order != Order::kForward) {
    me.worker->yield(me);
  }
  return vote;
}

BarrierVote block_barrier(Thread& me, bool predicate, Site site) {
  Block& block = *me.block;
  Barrier& barrier = block.barrier[0];
  const auto diverged = [&](const std::string& text) {
    me.worker->fail(me, cudaErrorLaunchFailure, ReportKind::kBarrierDivergence,
                    "reaches __syncthreads at " + describe(site) + text);
  };
  if (block.alive < block.threads) {
    diverged(format(", but %d threads of its block have returned", block.threads - block.alive));
  }
  if (barrier.arrived == 0) {
    barrier.site = site;
    barrier.expected = block.threads;
  } else if (!same_site(barrier.site, site)) {
    diverged(format(" while %d threads of its block wait at %s", barrier.arrived,
                    describe(barrier.site).c_str()));
  }
  return arrive(barrier, me, "__syncthreads", predicate, site);
}

BarrierVote part_barrier(Thread& me, int id, int threads, bool predicate, Site site) {
  const auto refused = [&](const std::string& text) {
    me.worker->fail(me, cudaErrorLaunchFailure, ReportKind::kBarrierDivergence,
                    "reaches a named barrier at " + describe(site) + text);
  };
  if (id < 1 || id >= Block::kBarriers) {
    refused(format(" with id %d; ids are 1 to %d", id, Block::kBarriers - 1));
  }
  if (threads < 32 || threads % 32 != 0 || threads > me.block->threads) {
    refused(format(" for %d threads; whole warps of a block of %d are possible", threads,
                   me.block->threads));
  }
  Barrier& barrier = me.block->barrier[static_cast<std::size_t>(id)];
  if (barrier.arrived == 0) {
    barrier.site = site;
    barrier.expected = threads;
  } else if (barrier.expected != threads) {
    refused(format(" for %d threads, but others wait for %d at %s", threads, barrier.expected,
                   describe(barrier.site).c_str()));
  }
  return arrive(barrier, me, "a named barrier", predicate, site);
}

}  // namespace

BarrierVote barrier(int id, int threads, bool predicate, Site site) {
  Thread& me = current();
  return id == 0 && threads == 0 ? block_barrier(me, predicate, site)
                                 : part_barrier(me, id, threads, predicate, site);
}

void grid_barrier(Site site) {
  Thread& me = current();
  const Grid& grid = me.worker->grid();
  if (!grid.launch.cooperative) {
    me.worker->fail(
        me, cudaErrorLaunchFailure, ReportKind::kBarrierDivergence,
        "reaches grid_sync at " + describe(site) + ", but the launch is not cooperative");
  }
  Barrier& barrier = me.worker->grid_barrier;
  barrier.expected = static_cast<int>(grid.blocks) * me.block->threads;
  arrive(barrier, me, "grid_sync", false, site);
}

void spin_pause(Site site) {
  Thread& me = current();
  me.worker->spin(me, site);
}

void misaligned(const void* address, std::size_t alignment, Site site) {
  Thread& me = current();
  me.worker->fail(me, cudaErrorMisalignedAddress, ReportKind::kMisaligned,
                  format("accesses %zu bytes at %p, at %s; the address has to be a multiple of %zu",
                         alignment, address, describe(site).c_str(), alignment));
}

}  // namespace leet::emulator
