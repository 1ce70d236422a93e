#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Sets up, builds and runs every test: the formatting check, the release build, clang-tidy, the build with AddressSanitizer and
# UndefinedBehaviorSanitizer, and the tests of threads with ThreadSanitizer. `tools/test.sh --quick` leaves clang-tidy and the
# sanitizers out.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

quick=no
case "${1:-}" in
  "") ;;
  --quick) quick=yes ;;
  *) echo "usage: tools/test.sh [--quick]" >&2; exit 2 ;;
esac

step() { printf '\n== %s\n' "$*" >&2; }

step "Setting up"
bash tools/setup.sh

step "Formatting"
bash tools/format.sh --check

step "Release build"
cmake --preset dev -DLEET_BUILD_TESTS=ON >/dev/null
cmake --build --preset dev
if [[ $quick == no ]]; then
  # The part that reads untrusted bytes and argues with strangers' code; all of it takes as long as a build: tools/tidy.sh.
  step "clang-tidy"
  bash tools/tidy.sh build core
  step "Tests of threads with ThreadSanitizer"
  cmake --preset tsan >/dev/null
  cmake --build --preset tsan --target leet_thread_tests
  ctest --preset tsan -L threads -j "$(nproc)"
  step "Build with sanitizers"
  cmake --preset asan >/dev/null
  cmake --build --preset asan
  step "Tests with sanitizers"
  ctest --preset asan --label-exclude slow -j "$(nproc)"
fi

step "Tests"
ctest --preset dev -j "$(nproc)"
