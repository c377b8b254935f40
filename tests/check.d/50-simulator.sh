#!/usr/bin/env bash
# The engine, the rules and the store on a virtual clock: every planted bug found within 2,000 seeds, every fault at every point of a
# small scenario, and 2,000 seeds clean.
set -euo pipefail
sim=${PURAS_BUILD:-build}/tests/sim/sim
seeds=${SIM_SEEDS:-2000} slice=250
"$sim" --plants 2000
"$sim" --sweep
for ((from = 1; from <= seeds; from += slice)); do
    "$sim" --seeds "$from" "$((from + slice <= seeds + 1 ? slice : seeds + 1 - from))"
done
