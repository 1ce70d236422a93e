#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# clang-tidy over the product's sources (not the tests'), with the compile commands of a configured build:
# `tools/tidy.sh [BUILD_DIRECTORY [PART...]]`; build/, and core plugins sdk tools if not given. Every finding is an error;
# .clang-tidy says what is looked for.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${1:-build}
parts=("${@:2}")
[[ ${#parts[@]} -gt 0 ]] || parts=(core plugins sdk tools)
[[ -f $build/compile_commands.json ]] || {
  echo "$build has no compile_commands.json; configure it first: cmake --preset dev" >&2
  exit 2
}

# clang stops at options that only gcc has.
database=$(mktemp -d)
trap 'rm -rf "$database"' EXIT
jq 'map(.command |= gsub(" -fno-gnu-unique"; ""))' "$build/compile_commands.json" >"$database/compile_commands.json"

jq -r '.[].file' "$database/compile_commands.json" | sort -u |
  grep -E "^$PWD/($(IFS='|'; echo "${parts[*]}"))/.*\.cpp$" |
  xargs -P "$(nproc)" -n 2 clang-tidy --quiet -p "$database" 2> >(grep -v 'warnings generated' >&2)
echo "clang-tidy: nothing found" >&2
