// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>

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
  if (block.alive < block.threads) {
    me.worker->fail(me, cudaErrorLaunchFailure, ReportKind::kBarrierDivergence,
                    format("reaches __syncthreads at %s, but %d threads of its block have returned",
                           describe(site).c_str(), block.threads - block.alive));
  }
  if (barrier.arrived == 0) {
    barrier.site = site;
    barrier.expected = block.threads;
  } else if (!same_site(barrier.site, site)) {
    me.worker->fail(
        me, cudaErrorLaunchFailure, ReportKind::kBarrierDivergence,
        format("reaches __syncthreads at %s while %d threads of its block wait at %s",
               describe(site).c_str(), barrier.arrived, describe(barrier.site).c_str()));
  }
  return arrive(barrier, me, "__syncthreads", predicate, site);
}

[[noreturn]] void refuse_part(Thread& me, Site site, std::string text) {
  text.insert(0, format("reaches a named barrier at %s ", describe(site).c_str()));
  me.worker->fail(me, cudaErrorLaunchFailure, ReportKind::kBarrierDivergence, std::move(text));
}

BarrierVote part_barrier(Thread& me, int id, int threads, bool predicate, Site site) {
  if (id < 1 || id >= Block::kBarriers) {
    refuse_part(me, site, format("with id %d; ids are 1 to %d", id, Block::kBarriers - 1));
  }
  if (threads < 32 || threads % 32 != 0 || threads > me.block->threads) {
    refuse_part(me, site,
                format("for %d threads; whole warps of a block of %d are possible", threads,
                       me.block->threads));
  }
  Barrier& barrier = me.block->barrier[static_cast<std::size_t>(id)];
  if (barrier.arrived == 0) {
    barrier.site = site;
    barrier.expected = threads;
  } else if (barrier.expected != threads) {
    refuse_part(me, site,
                format("for %d threads, but others wait for %d at %s", threads, barrier.expected,
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
    me.worker->fail(me, cudaErrorLaunchFailure, ReportKind::kBarrierDivergence,
                    format("reaches grid_sync at %s, but the launch is not cooperative",
                           describe(site).c_str()));
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
