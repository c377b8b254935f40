#!/usr/bin/env bash
# Every slug that fal.ai, Replicate and OpenAI run, once, with a live key, through the server and the shipped descriptions, against the twin.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PURAS_BUILD=${PURAS_BUILD:-build}
tests/every_slug.py
