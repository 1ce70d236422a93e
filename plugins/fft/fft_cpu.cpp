// SPDX-License-Identifier: Apache-2.0
//
// The plain kernel: each step of partition.hpp a loop of its own, over whole complex numbers.
#include "fft_cpu.hpp"

#include <algorithm>
#include <complex>
#include <cstddef>
#include <leet/plugin/decay.hpp>
#include <leet/plugin/dtype.hpp>

namespace leet::plugin_fft {
namespace {

using Complex = std::complex<double>;

// Complex numbers of a panel side by side; the real parts are its first columns, the imaginary
// parts its others.
constexpr std::int64_t kLanes = 8;

// std::complex's product looks for NaN and infinity and mends them; here they may spread.
Complex multiply(Complex a, Complex b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

Complex pair(const double* values, std::int64_t i) { return {values[2 * i], values[2 * i + 1]}; }

// The transform of one lane, x[0], x[kLanes], ..., in place: forward it leaves frequency f at
// position_of(f), inverse it takes them from there. The inverse is unnormalised.
void transform(Complex* x, std::int64_t length, const double* twiddles, bool inverse) {
  constexpr Complex kI(0, 1);
  const auto pass = [&](std::int64_t n) {
    const double* const w = twiddles + twiddles_before(length, n);
    const std::int64_t quarter = n / 4;
    for (std::int64_t base = 0; base < length; base += n) {
      for (std::int64_t j = 0; j < quarter; ++j) {
        Complex* const at = x + (base + j) * kLanes;
        Complex y[4];
        for (std::int64_t m = 0; m < 4; ++m) {
          y[m] = at[m * quarter * kLanes];
          if (inverse && m > 0 && n > 4) y[m] = multiply(y[m], std::conj(pair(w, 3 * j + m - 1)));
        }
        const Complex turn = multiply(inverse ? kI : -kI, y[1] - y[3]);
        Complex z[4] = {y[0] + y[2] + y[1] + y[3], y[0] - y[2] + turn, y[0] + y[2] - y[1] - y[3],
                        y[0] - y[2] - turn};
        for (std::int64_t m = 0; m < 4; ++m) {
          if (!inverse && m > 0 && n > 4) z[m] = multiply(z[m], pair(w, 3 * j + m - 1));
          at[m * quarter * kLanes] = z[m];
        }
      }
    }
  };
  if (inverse) {
    for (std::int64_t n = 4; n <= length; n *= 4) pass(n);
  } else {
    for (std::int64_t n = length; n >= 4; n /= 4) pass(n);
  }
}

struct PlainKernel {
  using Real = double;

  static constexpr std::int64_t columns() { return 2 * kLanes; }

  static void load_row(leet_dtype dtype, const std::byte* from, double* to, std::int64_t count) {
    sdk::load_row(dtype, from, to, count);
  }

  static void store_row(leet_dtype dtype, const double* from, std::byte* to, std::int64_t count) {
    sdk::store_row(dtype, from, to, count);
  }

  static void convolve(const BlockArgs<double>& args) {
    const std::int64_t block = args.length / 2;
    auto* const work = reinterpret_cast<Complex*>(args.work);
    auto* const carry = reinterpret_cast<Complex*>(args.carry);
    for (std::int64_t t = 0; t < block; ++t) {
      const double* const v = args.v + t * columns();
      for (std::int64_t i = 0; i < kLanes; ++i) {
        work[t * kLanes + i] = {args.k[t] * v[i], args.k[t] * v[i + kLanes]};
      }
    }
    std::fill(work + block * kLanes, work + args.length * kLanes, Complex());
    for (std::int64_t i = 0; i < kLanes; ++i)
      transform(work + i, args.length, args.twiddles, false);

    for (std::int64_t f = 0; f < args.length; ++f) {
      for (std::int64_t i = f * kLanes; i < (f + 1) * kLanes; ++i) {
        const Complex old = args.first ? Complex() : carry[i];
        carry[i] = {sdk::advance(old.real(), args.decay, work[i].real()),
                    sdk::advance(old.imag(), args.decay, work[i].imag())};
        work[i] = multiply(carry[i], pair(args.spectrum, f));
      }
    }

    for (std::int64_t i = 0; i < kLanes; ++i) transform(work + i, args.length, args.twiddles, true);
    for (int h = 0; h < args.heads; ++h) {
      for (std::int64_t t = 0; t < block; ++t) {
        const Complex* const y = work + (block + t) * kLanes;
        double* const out = args.out[h] + t * columns();
        for (std::int64_t i = 0; i < kLanes; ++i) {
          out[i] += args.q[h][t] * y[i].real();
          out[i + kLanes] += args.q[h][t] * y[i].imag();
        }
      }
    }
  }

  static void add_diagonal(const DirectArgs<double>& args, std::int64_t steps) {
    for (std::int64_t t = 0; t < steps; ++t) {
      for (std::int64_t j = 0; j <= t; ++j) {
        double score = 0;
        for (std::int64_t r = 0; r < args.R; ++r) {
          score += args.q[r * args.stride + t] * args.k[r * args.stride + j];
        }
        score *= args.weights[t - j];
        for (std::int64_t i = 0; i < columns(); ++i) {
          args.out[t * columns() + i] += score * args.v[j * columns() + i];
        }
      }
    }
  }

  static void add_state(const DirectArgs<double>& args, const double* state,
                        const double* weights) {
    for (std::int64_t t = 0; t < args.block; ++t) {
      double sum[columns()] = {};
      for (std::int64_t r = 0; r < args.R; ++r) {
        const double q = args.q[r * args.stride + t];
        for (std::int64_t i = 0; i < columns(); ++i) sum[i] += q * state[r * columns() + i];
      }
      for (std::int64_t i = 0; i < columns(); ++i) {
        args.out[t * columns() + i] += weights[t] * sum[i];
      }
    }
  }

  static void advance_state(const DirectArgs<double>& args, std::int64_t steps,
                            sdk::SplitDecay<double> decay, double* state) {
    for (std::int64_t r = 0; r < args.R; ++r, state += columns()) {
      double sum[columns()] = {};
      for (std::int64_t j = 0; j < steps; ++j) {
        const double k = args.k[r * args.stride + j] * args.weights[steps - 1 - j];
        for (std::int64_t i = 0; i < columns(); ++i) sum[i] += k * args.v[j * columns() + i];
      }
      for (std::int64_t i = 0; i < columns(); ++i) {
        // An infinite state stays infinite, where decay.low alone would make it NaN.
        const double correction = std::isfinite(state[i]) ? state[i] * decay.low : 0;
        state[i] = state[i] * decay.high + (correction + sum[i]);
      }
    }
  }
};

}  // namespace

std::uint64_t bytes_a_worker(std::int64_t R, std::int64_t block) {
  return Convolution<PlainKernel>::bytes_a_worker(R, block);
}

void execute_cpu(const sdk::Host& host, const sdk::Exec& exec, const Config<double>& config) {
  Convolution<PlainKernel>::execute(host, exec, config);
}

}  // namespace leet::plugin_fft
