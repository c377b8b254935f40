#!/usr/bin/env bash
# Two nodes on one PostgreSQL, killed at random moments over calls to providers: PURAS_PROVIDER_SEEDS (8) runs with PURAS_PROVIDER_ROUNDS (8) kills each.
set -euo pipefail
export PURAS_BUILD=${PURAS_BUILD:-build} PURAS_PROVIDER_ROUNDS=${PURAS_PROVIDER_ROUNDS:-8}
for ((n = 1; n <= ${PURAS_PROVIDER_SEEDS:-8}; n++)); do
    PURAS_KILL_SEED=$n tests/with_pg.sh tests/spec/0633-nodes-killed-over-providers.py
done
