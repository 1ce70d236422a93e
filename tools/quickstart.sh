#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# From a fresh Debian 12 to the main job: sets up, builds, lists the plugins, cross-checks them, runs every method on a trained
# language model's operator inputs and as that model's attention: its logits, the text it generates, how well it predicts
# another. Ends with a table; exits 0 only when all of it is right.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

step() { printf '\n== %s\n' "$*" >&2; }

step "Setting up"
bash tools/setup.sh

step "Building"
cmake --preset dev -DLEET_BUILD_TESTS=OFF >/dev/null
cmake --build --preset dev

# The plugins of this build alone, whatever else the user has.
unset LEET_PLUGIN_PATH LEET_CONFIG
export XDG_CONFIG_HOME=/nonexistent XDG_DATA_HOME=/nonexistent

leet=build/bin/leet
data=tests/data/kjv_lm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

step "Plugins found"
"$leet" list
mapfile -t methods < <("$leet" list --json | jq -r '.methods[].id')
if [[ ${#methods[@]} -eq 0 ]]; then
  echo "quickstart: no method was found; 'build/bin/leet list --all' says why" >&2
  exit 1
fi

step "Cross-checking every method against fp64 and against each other"
"$leet" validate "${methods[@]}"

step "Running every method on the language model's operator inputs, and as its attention"
expected_bits=$(jq .eval_bits_per_byte "$data/facts.json")
all_right=yes
rows=()
for method in "${methods[@]}"; do
  row=$method
  for layer in 0 3; do
    tensor="$data/operator/layer${layer}"
    status=0
    result=$("$leet" run "$method" --q "${tensor}_q.npy" --k "${tensor}_k.npy" --v "${tensor}_v.npy" \
      --log-decay "${tensor}_log_decay.npy" --out "$work/out.npy" --state-out "$work/state.npy" \
      --expect "${tensor}_out.npy" --expect-state "${tensor}_state_out.npy" --tolerance 2e-6 --json) || status=$?
    [[ $status -eq 0 ]] || all_right=no
    row+=$(jq -r '"|\(.out.relative_error)|\(.state_out.relative_error)"' <<<"$result")
  done
  build/bin/kjv_lm --method "$method" --prompt "$data/prompt.txt" --generate 240 --logits "$work/logits.npy" >"$work/text"
  result=$("$leet" compare "$work/logits.npy" "$data/logits.npy" --tolerance 1e-4 --json) || all_right=no
  row+=$(jq -r '"|\(.relative_error)"' <<<"$result")
  result=$(build/bin/kjv_lm --method "$method" --eval "$data/eval.txt" --json)
  bits=$(jq .eval.bits_per_byte <<<"$result")
  row+="|$bits"
  jq -ne "($bits - $expected_bits) | fabs <= 1e-4" >/dev/null || all_right=no
  if cmp -s "$work/text" "$data/greedy.txt"; then
    row+="|identical"
  else
    row+="|DIFFERENT"
    all_right=no
  fi
  rows+=("$row")
  printf '\n-- %s continues the prompt:\n' "$method" >&2
  cat "$work/text"
  echo
done

step "On real input: relative errors of out and state (at most 2e-6) and of the model's logits (at most 1e-4), its
   bits per byte of another text (at most 1e-4 from $(printf '%.5f' "$expected_bits")), the generated text against the expected one"
{
  printf '%-18s %12s %10s %12s %10s %10s %10s %10s\n' method "layer 0 out" state "layer 3 out" state logits "bits/byte" text
  for row in "${rows[@]}"; do
    IFS='|' read -r method out0 state0 out3 state3 logits bits text <<<"$row"
    printf '%-18s %12.2e %10.2e %12.2e %10.2e %10.2e %10.5f %10s\n' \
      "$method" "$out0" "$state0" "$out3" "$state3" "$logits" "$bits" "$text"
  done
}
if [[ $all_right != yes ]]; then
  echo "quickstart: a method is wrong on the real input, see the table" >&2
  exit 1
fi
echo "quickstart: all ${#methods[@]} methods are right on the real input"
