#!/usr/bin/env bash
# Copies the programs, the library, the catalog, the manual page and the shells' completions below a prefix.
#   scripts/install.sh BUILD PREFIX
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1 prefix=$2
install -D -m 755 "$build/puras" "$prefix/bin/puras"
install -D -m 755 "$build/puras-media" "$prefix/bin/puras-media"
install -D -m 755 "$build/puras-jq" "$prefix/bin/puras-jq"
find catalog -type f -name '*.yaml' -exec install -D -m 644 {} "$prefix/share/puras/{}" \;
# The library: header, shared object with its soname, and what pkg-config answers.
install -D -m 644 include/puras.h "$prefix/include/puras.h"
install -D -m 755 "$build/src/client/libpuras.so.0" "$prefix/lib/libpuras.so.0"
ln -sf libpuras.so.0 "$prefix/lib/libpuras.so"
install -d -m 755 "$prefix/lib/pkgconfig"
version=$("$build/puras" version | sed -n 's/.*\([0-9]\+\.[0-9]\+\.[0-9]\+\).*/\1/p')
printf '%s\n' "prefix=${PREFIX:-$prefix}" 'libdir=${prefix}/lib' 'includedir=${prefix}/include' '' 'Name: puras' \
    'Description: pictures, films, songs and voices from a puras server' "Version: $version" 'Libs: -L${libdir} -lpuras' 'Cflags: -I${includedir}' > "$prefix/lib/pkgconfig/puras.pc"
install -D -m 644 LICENSE "$prefix/share/doc/puras/LICENSE"
# Made by the program itself, from the tables by which it reads its arguments.
install -d -m 755 "$prefix/share/man/man1" "$prefix/share/bash-completion/completions" "$prefix/share/zsh/site-functions" "$prefix/share/fish/vendor_completions.d"
"$build/puras" man > "$prefix/share/man/man1/puras.1"
"$build/puras" completion bash > "$prefix/share/bash-completion/completions/puras"
"$build/puras" completion zsh > "$prefix/share/zsh/site-functions/_puras"
"$build/puras" completion fish > "$prefix/share/fish/vendor_completions.d/puras.fish"
echo "installed below $prefix: bin/puras, bin/puras-media, bin/puras-jq, lib/libpuras.so, include/puras.h, share/puras/catalog, share/man/man1/puras.1, completions for bash, zsh and fish"
