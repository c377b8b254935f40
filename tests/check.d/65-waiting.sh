#!/usr/bin/env bash
# A thousand calls wait for a provider that is down, and none leaves above its declared rate when it is back.
set -euo pipefail
export PURAS_BUILD=${PURAS_BUILD:-build} PURAS_WAITING=1000
tests/spec/0651-routes.py many_wait_while_it_is_down_and_the_rate_holds
