#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the build to a prefix of its own and uses it as a third party would: a plugin and hosts are
# built out of tree, the plugin is dropped into a directory, and is used by name through C, C++ and
# the command line. Then the same project is built against the build tree.
#
#     install_test.sh CMAKE SOURCE_DIR BUILD_DIR WORK_DIR LIBDIR [CMAKE_ARGUMENT...]
set -euo pipefail
trap 'echo "install_test.sh: line $LINENO failed: $BASH_COMMAND" >&2' ERR

cmake=$1 source=$2 build=$3 work=$4 libdir=$5
shift 5
cmake_arguments=("$@")

# Nothing of the user's may help or disturb; directories become group-writable, as by default on
# many systems.
for name in $(compgen -e | grep '^LEET_' || true); do unset "$name"; done
export XDG_CONFIG_HOME=$work/xdg XDG_DATA_HOME=$work/xdg XDG_CACHE_HOME=$work/xdg
unset LD_LIBRARY_PATH
umask 002

step() { echo "-- $*"; }
fail() { echo "install_test.sh: $*" >&2; exit 1; }
# expect CODE COMMAND...: the command must end with CODE; its output goes to $work/output.
expect() {
  local want=$1 got=0
  shift
  "$@" >"$work/output" 2>&1 || got=$?
  if ((got != want)); then
    cat "$work/output" >&2
    fail "exit code $got, expected $want: $*"
  fi
}
expect_output() { grep -qF -- "$1" "$work/output" || { cat "$work/output" >&2; fail "no '$1' in the output"; }; }

rm -rf "$work"
mkdir -p "$work"
prefix=$work/prefix

step "install to $prefix"
expect 0 "$cmake" --install "$build" --prefix "$prefix"
for file in bin/leet libexec/leet/leet-probe "$libdir/libleet.so.0" "$libdir/leet/plugins-0/leet_naive.so" \
            "$libdir/leet/plugins-0/leet_recurrent.so" include/leet/plugin.h include/leet/plugin.hpp \
            include/leet/leet.h include/leet/leet.hpp "$libdir/cmake/Leet/LeetConfig.cmake" \
            "$libdir/cmake/Leet/LeetPlugin.cmake" "$libdir/cmake/Leet/leet_plugin.map"; do
  [[ -f $prefix/$file ]] || fail "not installed: $file"
done
soname=$(readelf -d "$prefix/$libdir/libleet.so.0" | grep SONAME)
[[ $soname == *'[libleet.so.0]'* ]] || fail "libleet.so.0 has another SONAME: $soname"
while IFS= read -r file; do
  if readelf -d "$file" 2>/dev/null | grep -E 'R(UN)?PATH' | grep -qF "$build"; then
    fail "$file looks for libraries in the build tree"
  fi
done < <(find "$prefix" -type f)
if grep -rlF -e "$build" -e "$source" "$prefix/$libdir/cmake" "$prefix/include"; then
  fail "an installed file names the source or build tree"
fi
leet=$prefix/bin/leet

step "the installed program finds the installed plugins by itself"
expect 0 "$leet" list
expect_output leet.naive
expect_output leet.recurrent
expect 0 "$leet" info leet.recurrent --json
expect_output "$prefix/$libdir/leet/plugins-0/leet_recurrent.so"
expect 3 "$leet" info acme.quadratic
expect 0 "$leet" list --all
expect_output "self-test of"

# configure_and_build SOURCE NAME CMAKE_ARGUMENT...
configure_and_build() {
  expect 0 "$cmake" -S "$1" -B "$work/$2" "${cmake_arguments[@]}" -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF "${@:3}"
  expect 0 "$cmake" --build "$work/$2"
}

step "a third party's plugin and hosts, built out of tree against the prefix"
configure_and_build "$source/tests/install/consumer" consumer -DCMAKE_PREFIX_PATH="$prefix"
grep -qF "Leet_DIR:PATH=$prefix/" "$work/consumer/CMakeCache.txt" || fail "another Leet was found"
configure_and_build "$source/sdk/examples/host_c" host_c -DCMAKE_PREFIX_PATH="$prefix"
mkdir -m 755 "$work/dropped"
cp "$work/consumer/plugins/leet_quadratic.so" "$work/dropped/"

step "used by name through C++"
expect 0 "$work/consumer/host" acme.quadratic "$work/dropped"
expect_output "acme.quadratic: relative error"
expect 0 "$work/consumer/host" recurrent
expect 3 "$work/consumer/host" acme.quadratic

step "used by name through C"
expect 0 env LEET_PLUGIN_PATH="$work/dropped" "$work/host_c/host_c" acme.quadratic
expect_output "method acme.quadratic 1.0.0"
expect_output "acme.quadratic is right"
expect 0 "$work/host_c/host_c" recurrent
expect 1 "$work/host_c/host_c" acme.quadratic

step "used by name on the command line"
data=$source/tests/data/kjv_lm/operator
run=(run quadratic --q "$data/layer0_q.npy" --k "$data/layer0_k.npy" --v "$data/layer0_v.npy"
     --log-decay "$data/layer0_log_decay.npy" --expect "$data/layer0_out.npy" --out "$work/out.npy")
expect 0 "$leet" "${run[@]}" --plugins "$work/dropped"
rm "$work/out.npy"
expect 0 env LEET_PLUGIN_PATH="$work/dropped" "$leet" "${run[@]}"
expect 0 "$leet" compare "$work/out.npy" "$data/layer0_out.npy"
expect 3 "$leet" "${run[@]}"

step "validated"
expect 0 "$leet" validate quadratic --plugins "$work/dropped"

step "the same project against the build tree"
configure_and_build "$source/tests/install/consumer" consumer_of_build -DLeet_DIR="$build/lib/cmake/Leet"
expect 0 "$work/consumer_of_build/host" acme.quadratic "$work/consumer_of_build/plugins"
expect 0 "$work/consumer_of_build/host" recurrent

step "all as expected"
