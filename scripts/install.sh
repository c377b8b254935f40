#!/usr/bin/env bash
# Copies the programs and the catalog below a prefix.
#   scripts/install.sh BUILD PREFIX
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1 prefix=$2
install -D -m 755 "$build/puras" "$prefix/bin/puras"
install -D -m 755 "$build/puras-media" "$prefix/bin/puras-media"
find catalog -type f -name '*.yaml' -exec install -D -m 644 {} "$prefix/share/puras/{}" \;
install -D -m 644 LICENSE "$prefix/share/doc/puras/LICENSE"
echo "installed below $prefix: bin/puras, bin/puras-media, share/puras/catalog"
