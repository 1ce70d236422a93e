#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Formats every C, C++ and CUDA source with clang-format 14; with --check only says which files would change.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

mapfile -t files < <(git ls-files '*.c' '*.h' '*.cpp' '*.hpp' '*.cu' '*.cuh')
if [[ "${1:-}" == --check ]]; then
  clang-format --dry-run --Werror "${files[@]}"
else
  clang-format -i "${files[@]}"
fi
