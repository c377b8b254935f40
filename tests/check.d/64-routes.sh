#!/usr/bin/env bash
# Every shipped route of the six providers that the twin speaks for: one call each, over the wire, with real files.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PURAS_BUILD=${PURAS_BUILD:-build}
tests/routes.py
