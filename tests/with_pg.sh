#!/bin/sh
# tests/with_pg.sh CMD...: runs CMD with a fresh PostgreSQL, whose URL is in PURAS_TEST_PG, and takes it away again.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d /tmp/puras-pg.XXXXXX)
trap '"$here/pg.sh" stop "$dir"; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM HUP
PURAS_TEST_PG=$("$here/pg.sh" start "$dir")
export PURAS_TEST_PG
status=0
"$@" || status=$?
exit $status
