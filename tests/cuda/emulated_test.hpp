// SPDX-License-Identifier: Apache-2.0
#ifndef LEET_TESTS_CUDA_EMULATED_TEST_HPP
#define LEET_TESTS_CUDA_EMULATED_TEST_HPP

#include <gtest/gtest.h>

#include <leet/cuda/language.hpp>
#if LEET_CUDA_EMULATED
#include <leet/cuda/emulated/control.hpp>
#include <string>
#endif

namespace leet::cuda_test {

#if LEET_CUDA_EMULATED
// Each test has the device as new, on two operating system threads, and leaves no report unread.
class EmulatedTest : public testing::Test {
 protected:
  void SetUp() override {
#if defined(LEET_TEST_NEEDS_X86_64_V3)
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
      GTEST_SKIP() << "the kernels are compiled for x86-64-v3, which this processor is not";
    }
#endif
    emulator::Settings settings;
    settings.os_threads = 2;
    emulator::set_settings(settings);
  }
  void TearDown() override {
    for (const emulator::Report& report : emulator::take_reports()) {
      ADD_FAILURE() << emulator::report_kind_name(report.kind) << ": " << report.text;
    }
    cudaDeviceReset();
  }

  // The text of the one report that there is, of that kind.
  static std::string expect_report(emulator::ReportKind kind) {
    const auto reports = emulator::take_reports();
    if (reports.size() != 1) {
      ADD_FAILURE() << reports.size() << " reports instead of one";
      return reports.empty() ? "" : reports[0].text;
    }
    EXPECT_STREQ(emulator::report_kind_name(reports[0].kind), emulator::report_kind_name(kind));
    return reports[0].text;
  }
};
#else
// Compiled by nvcc, the same tests run on a GPU: tiles_test.cpp says how.
using EmulatedTest = testing::Test;
#endif

}  // namespace leet::cuda_test
#endif  // LEET_TESTS_CUDA_EMULATED_TEST_HPP
