#!/usr/bin/env bash
# 1,000 kills at random moments under load; power cuts under load; a power cut at each step of the first start.
set -euo pipefail
export PURAS_BUILD=${PURAS_BUILD:-build}
export PURAS_KILL_ROUNDS=${PURAS_KILL_ROUNDS:-1000} PURAS_CUT_ROUNDS=${PURAS_CUT_ROUNDS:-60} PURAS_CUT_STEP=1
tests/spec/0200-kill-9-under-load.py
for seed in 1 2 3 4 5 6 7 8; do PURAS_KILL_SEED=$seed tests/spec/0200-kill-9-under-load.py each_step; done
