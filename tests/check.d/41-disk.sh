#!/usr/bin/env bash
# The drive over a disk that forgets what was not synced: 2,000 seeds clean, and the planted bug found.
set -euo pipefail
sim=${PURAS_BUILD:-build}/tests/shim/disk_sim
"$sim" --plant 2000
"$sim" --seeds 1 "${DISK_SEEDS:-2000}"
