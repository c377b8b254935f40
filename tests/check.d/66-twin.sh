#!/usr/bin/env bash
# Every slug with a test key; and the whole way at every provider that the twin speaks, those that are asked slowly too, with live keys.
set -uo pipefail
cd "$(dirname "$0")/../.."
export PURAS_BUILD=${PURAS_BUILD:-build} PURAS_TWIN_ALL=1
failed=0
for scenario in 0670-the-twin-makes-every-slug 0673-live-keys-against-the-twin; do
    tests/spec/$scenario.py || failed=1
done
exit $failed
