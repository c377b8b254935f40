#!/bin/sh
# A PostgreSQL for tests, on a unix socket in a folder of its own:
#   tests/pg.sh start DIR    makes it, starts it, prints its URL
#   tests/pg.sh stop DIR     stops it
# As root it runs as the user postgres, because initdb refuses root.
set -eu
usage() { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
[ $# = 2 ] || usage
dir=$2
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || { echo "pg.sh: PostgreSQL is not installed (apt-get install postgresql)" >&2; exit 1; }

as_owner() {
    if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --init-groups --inh-caps=-all -- "$@"; else "$@"; fi
}

case $1 in
start)
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    [ "$(id -u)" = 0 ] && chown postgres: "$dir"
    chmod 0755 "$dir"
    cd "$dir"
    as_owner "$bin/initdb" -D "$dir/data" -U puras -A trust -E UTF8 --no-sync --locale=C.UTF-8 >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; exit 1; }
    # it serves its socket only; full_page_writes and fsync stay on, because benches measure here too
    cat >>"$dir/data/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$dir'
max_connections = 60
shared_buffers = 64MB
logging_collector = off
CONF
    as_owner "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 60 start >/dev/null 2>&1 || { cat "$dir/log" >&2; exit 1; }
    as_owner "$bin/createdb" -h "$dir" -U puras puras
    echo "postgresql://puras@/puras?host=$(echo "$dir" | sed 's|/|%2F|g')"
    ;;
stop)
    cd /
    as_owner "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1 || true
    ;;
*) usage ;;
esac
