#!/usr/bin/env bash
# Installs the Debian packages named in packages/*.txt. Asks dpkg first, so that a second run takes no time and no rights.
#   scripts/setup.sh            all three lists
#   scripts/setup.sh run        only the named lists (run, build, test)
set -euo pipefail
cd "$(dirname "$0")/.."

lists=("${@:-}")
[ -n "${lists[0]}" ] || lists=(run build test)
wanted=()
for list in "${lists[@]}"; do
    [ -f "packages/$list.txt" ] || { echo "setup: there is no list packages/$list.txt; the lists are run, build and test" >&2; exit 2; }
    while read -r name _; do
        case "$name" in '' | '#'*) ;; *) wanted+=("$name") ;; esac
    done < "packages/$list.txt"
done

if ! command -v dpkg-query > /dev/null || ! command -v apt-get > /dev/null; then
    cat >&2 <<TEXT
setup: this is not a Debian system, so nothing was installed. puras is built and tested on Debian 12.
Install what these packages hold under the names your system uses, then build with  make build SETUP=no :
  ${wanted[*]}
TEXT
    exit 1
fi

# One call for all; a package that dpkg does not know prints nothing on stdout.
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2> /dev/null | sed -n 's/^installed //p' || true)
missing=()
for name in "${wanted[@]}"; do
    grep -qxF "$name" <<< "$installed" || missing+=("$name")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo > /dev/null; then
        as_root=(sudo)
    else
        echo "setup: run this as root, because sudo is not here:  apt-get install -y ${missing[*]}" >&2
        exit 1
    fi
fi
echo "setup: installing ${missing[*]}"
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o Dpkg::Use-Pty=0 "$@"; }
# The lists of a fresh machine are empty or old; a failed install is tried once more with new ones.
if ! apt install --no-install-recommends "${missing[@]}"; then
    apt update
    apt install --no-install-recommends "${missing[@]}" || {
        echo "setup: apt-get could not install: ${missing[*]}. Its own lines above say why." >&2
        exit 1
    }
fi
