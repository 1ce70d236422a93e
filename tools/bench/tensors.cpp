// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/tensors.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <leet/plugin/dtype.hpp>
#include <utility>

#include "core/argument_check.hpp"
#include "tools/validate/random.hpp"

namespace leet::bench {
namespace {

constexpr std::size_t kAlignment = 64;

std::size_t rounded_up(double bytes) {
  const auto exact = static_cast<std::size_t>(bytes);
  return (exact + kAlignment - 1) / kAlignment * kAlignment;
}

std::int64_t elements(const leet_tensor_spec& spec) {
  std::int64_t count = 1;
  for (int axis = 0; axis < spec.rank; ++axis) count *= spec.extent[axis];
  return count;
}

// Normal values by the million: a table of them, gone through again and again. Its length is prime
// and above 2^16, so that no two rows, heads or tensors are the same.
class NormalTable {
 public:
  static constexpr std::size_t kLength = 65537;

  NormalTable(std::uint64_t seed, const char* name, double deviation, leet_dtype dtype)
      : bytes_(kLength * static_cast<std::size_t>(sdk::dtype_bytes(dtype))) {
    validate::Random random(seed, name);
    std::vector<double> values(kLength);
    for (double& value : values) value = deviation * random.normal();
    sdk::store_row(dtype, values.data(), bytes_.data(), static_cast<std::int64_t>(kLength));
  }

  void fill(void* data, std::size_t bytes) const {
    auto* to = static_cast<std::byte*>(data);
    for (std::size_t done = 0; done < bytes; done += bytes_.size()) {
      std::memcpy(to + done, bytes_.data(), std::min(bytes_.size(), bytes - done));
    }
  }

 private:
  std::vector<std::byte> bytes_;
};

// log_decay [1, H, 1 or N, 1 or R], varied by half up and down where it may differ.
std::vector<double> log_decays(const Point& point, const leet_tensor_spec& spec,
                               std::uint64_t seed) {
  validate::Random random(seed, "log_decay");
  const std::int64_t of_a_head = spec.extent[2] * spec.extent[3];
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(elements(spec)));
  for (std::int64_t bh = 0; bh < spec.extent[0] * spec.extent[1]; ++bh) {
    const double g = head_log_decay(bh % point.H, point.H);
    for (std::int64_t i = 0; i < of_a_head; ++i) {
      values.push_back(point.decay_kind == LEET_DECAY_HEAD ? g : g * (0.5 + random.uniform()));
    }
  }
  return values;
}

}  // namespace

double head_log_decay(std::int64_t h, std::int64_t H) {
  const double position = H > 1 ? static_cast<double>(h) / static_cast<double>(H - 1) : 0.0;
  return std::log1p(-std::exp2(-5.0 - 4.0 * position));
}

PointProblem::PointProblem(const Point& point) {
  const bool f64 = sdk::same(point.dtype, sdk::kF64);
  const auto set = [&](int role, leet_dtype dtype, std::array<std::int64_t, 4> extents) {
    leet_tensor_spec& spec = specs_[static_cast<std::size_t>(role)];
    spec.dtype = dtype;
    spec.rank = 4;
    spec.alignment = kAlignment;
    std::int64_t stride = 1;
    for (std::size_t axis = 4; axis-- > 0; stride *= extents[axis]) {
      spec.extent[axis] = extents[axis];
      spec.stride[axis] = stride;
    }
    pointers_[static_cast<std::size_t>(role)] = &spec;
  };
  const leet_dtype wide = f64 ? sdk::kF64 : sdk::kF32;
  const auto& [B, H, N, R, D, dtype, decay_kind, threads] = point;
  set(LEET_ROLE_Q, dtype, {B, H, N, R});
  set(LEET_ROLE_K, dtype, {B, H, N, R});
  set(LEET_ROLE_V, dtype, {B, H, N, D});
  set(LEET_ROLE_OUT, dtype, {B, H, N, D});
  if (decay_kind == LEET_DECAY_HEAD) set(LEET_ROLE_LOG_DECAY, wide, {1, H, 1, 1});
  if (decay_kind == LEET_DECAY_STEP) set(LEET_ROLE_LOG_DECAY, wide, {B, H, N, 1});
  if (decay_kind == LEET_DECAY_CHANNEL) set(LEET_ROLE_LOG_DECAY, wide, {B, H, N, R});
  if (N == 1) {
    set(LEET_ROLE_STATE_IN, wide, {B, H, R, D});
    set(LEET_ROLE_STATE_OUT, wide, {B, H, R, D});
  }
  problem_.struct_size = sizeof problem_;
  problem_.decay_kind = decay_kind;
  problem_.lowest_precision = LEET_PRECISION_EXACT;
  problem_.role_count = LEET_ROLE_COUNT;
  problem_.scale = 1;
  problem_.specs = pointers_.data();
}

double PointProblem::bytes(int role) const {
  const leet_tensor_spec* const of_role = spec(role);
  if (of_role == nullptr) return 0;
  double bytes = static_cast<double>(sdk::dtype_bytes(of_role->dtype));
  for (int axis = 0; axis < of_role->rank; ++axis) {
    bytes *= static_cast<double>(of_role->extent[axis]);
  }
  return bytes;
}

double PointProblem::bytes_min() const {
  double sum = 0;
  for (int role = 0; role < LEET_ROLE_COUNT; ++role) sum += bytes(role);
  return sum;
}

double PointProblem::footprint() const { return bytes_min() - bytes(LEET_ROLE_STATE_OUT); }

std::int64_t copies_for(double footprint, double cache_bytes, double free_bytes) {
  const double wanted = std::clamp(std::ceil(2 * cache_bytes / footprint), 1.0, 1024.0);
  return static_cast<std::int64_t>(std::min(wanted, std::floor(free_bytes / 2 / footprint)));
}

Tensors::Tensors(const Point& point, const PointProblem& problem, std::uint64_t seed,
                 std::int64_t copies) {
  place(problem, copies);
  fill(point, seed);
}

void Tensors::place(const PointProblem& problem, std::int64_t copies) {
  // One block a role, so that copies of small tensors share huge pages.
  copies_.resize(static_cast<std::size_t>(copies));
  for (int role = 0; role < LEET_ROLE_COUNT; ++role) {
    const leet_tensor_spec* const spec = problem.spec(role);
    if (spec == nullptr) continue;
    const auto index = static_cast<std::size_t>(role);
    const std::size_t bytes = rounded_up(problem.bytes(role));
    const bool in_place = role == LEET_ROLE_STATE_OUT;
    if (!in_place) memory_.emplace_back(bytes * static_cast<std::size_t>(copies));
    for (std::size_t copy = 0; copy < copies_.size(); ++copy) {
      Copy& ours = copies_[copy];
      ours.tensors[index].data =
          in_place ? ours.tensors[LEET_ROLE_STATE_IN].data : memory_.back().data() + copy * bytes;
      ours.tensors[index].spec = *spec;
    }
  }
  for (Copy& copy : copies_) {  // in place for good now
    for (int role = 0; role < LEET_ROLE_COUNT; ++role) {
      const auto index = static_cast<std::size_t>(role);
      if (problem.spec(role) != nullptr) copy.pointers[index] = &copy.tensors[index];
    }
  }
}

void Tensors::fill(const Point& point, std::uint64_t seed) {
  const double deviation = 1 / std::sqrt(static_cast<double>(point.R));
  const Copy& first = copies_.front();
  for (const int role : {LEET_ROLE_Q, LEET_ROLE_K, LEET_ROLE_V, LEET_ROLE_STATE_IN}) {
    const auto index = static_cast<std::size_t>(role);
    if (first.pointers[index] == nullptr) continue;
    const leet_tensor_spec& spec = first.tensors[index].spec;
    const NormalTable table(seed, core::role_name(role), deviation, spec.dtype);
    const auto bytes = static_cast<std::size_t>(elements(spec) * sdk::dtype_bytes(spec.dtype));
    for (const Copy& copy : copies_) table.fill(copy.tensors[index].data, bytes);
  }
  if (const leet_tensor* const decay = first.pointers[LEET_ROLE_LOG_DECAY]) {
    const std::vector<double> values = log_decays(point, decay->spec, seed);
    for (const Copy& copy : copies_) {
      sdk::store_row(decay->spec.dtype, values.data(), copy.tensors[LEET_ROLE_LOG_DECAY].data,
                     static_cast<std::int64_t>(values.size()));
    }
  }
  for (std::int64_t copy = 0; copy < copies(); ++copy) poison_out(copy);
}

void Tensors::poison_out(std::int64_t copy) {
  const leet_tensor& out = *pointers(copy)[LEET_ROLE_OUT];
  // All ones is a NaN in every float dtype.
  std::memset(out.data, 0xff,
              static_cast<std::size_t>(elements(out.spec) * sdk::dtype_bytes(out.spec.dtype)));
}

}  // namespace leet::bench
