#!/usr/bin/env bash
# The JavaScript client in headless Chromium with a publishable key. Installs Debian's chromium when it is missing; it is too large for every make test.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v chromium > /dev/null || { apt-get update -qq && apt-get install -y -qq chromium; } > /dev/null 2>&1 || { echo "FAIL chromium is not installed and cannot be (apt-get install chromium)"; exit 1; }
exec python3 tests/clients/browser.py
