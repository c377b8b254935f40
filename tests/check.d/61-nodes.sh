#!/usr/bin/env bash
# Servers on one PostgreSQL, killed and paused again and again; one of 200 calls admitted, often.
set -euo pipefail
export PURAS_BUILD=${PURAS_BUILD:-build} PURAS_NODE_ROUNDS=${PURAS_NODE_ROUNDS:-8}
tests/with_pg.sh tests/spec/0220-two-nodes.py
for n in 1 2 3 4 5 6; do tests/with_pg.sh tests/spec/0230-one-admitted.py; done
