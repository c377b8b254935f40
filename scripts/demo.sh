#!/usr/bin/env bash
# One picture on a fresh server: makes it, prints receipt, path, link and audit, and checks every figure to the micro.
#   scripts/demo.sh [BUILD]     leaves demo-out/picture.png
set -euo pipefail
cd "$(dirname "$0")/.."
build=$PWD/${1:-build}
puras=$build/puras
[ -x "$puras" ] || { echo "demo: $puras is missing; run make build" >&2; exit 1; }

data=$(mktemp -d) server=
finish() {
    status=$?
    [ -z "$server" ] || { kill "$server" 2> /dev/null && wait "$server" 2> /dev/null; } || true
    if [ $status -ne 0 ] && [ -s "$data.log" ]; then echo "---- server log"; tail -20 "$data.log"; fi
    rm -rf "$data" "$data.log" "$data.out"
    exit $status
}
trap finish EXIT
fail() { echo "demo: $*" >&2; exit 1; }
say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }
# The value of a member of a flat JSON object on stdin: enough for what we ask here.
member() { sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\)\"\{0,1\}.*/\1/p" | head -1; }

unset PURAS_API_BASE PURAS_API_KEY
say "puras serve --data $data --listen 127.0.0.1:0"
"$puras" serve --data "$data" --listen 127.0.0.1:0 > "$data.out" 2> "$data.log" < /dev/null &
server=$!
for _ in $(seq 300); do
    PURAS_API_BASE=$(sed -n 's/.*listening on \(http:[^ ]*\).*/\1/p' "$data.out" | head -1)
    [ -z "$PURAS_API_BASE" ] || break
    kill -0 "$server" 2> /dev/null || fail "the server ended at once"
    sleep 0.05
done
[ -n "$PURAS_API_BASE" ] || fail "the server did not open its port within 15 s"
cat "$data.out"
[ "$(stat -c %a "$data/credentials.json")" = 600 ] || fail "credentials.json can be read by others"
live=$(member live_key < "$data/credentials.json")
admin=$(member admin_key < "$data/credentials.json")
export PURAS_API_BASE PURAS_API_KEY=$live

prompt="two red bicycles under a blue umbrella at sunset"
mkdir -p demo-out
rm -f demo-out/picture.png
say "puras run puras/sketch -i prompt=\"$prompt\" -o demo-out/picture.png"
"$puras" run puras/sketch -i prompt="$prompt" -o demo-out/picture.png | tee demo-out/receipt.txt
[ "$(head -c 8 demo-out/picture.png | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ] || fail "demo-out/picture.png is not a PNG"
[ "$(sed -n 's/^billed *//p' demo-out/receipt.txt)" = "0.01 USD (10000 micros)" ] || fail "the receipt does not say 10000 micros"

url=$(sed -n 's/^url *//p' demo-out/receipt.txt)
say "curl '$url' | sha256sum"
ours=$(sha256sum < demo-out/picture.png)
theirs=$(curl -fsS --noproxy '*' "$url" | sha256sum)
echo "$theirs"
[ "$ours" = "$theirs" ] || fail "the signed link serves other bytes than the file"
code=$(curl -s --noproxy '*' -o /dev/null -w '%{http_code}' "${url/exp=/exp=9}")
[ "$code" = 403 ] || fail "a changed link was answered with $code"

say "puras balance"
"$puras" balance
available=$("$puras" balance --json | member available_micros)
[ "$available" = 9990000 ] || fail "10 USD less one picture leave 9990000 micros, not $available"
billed=$("$puras" usage --json | grep -o '"billed_micros": *[0-9]*' | tr -cd '0-9\n' | tr '\n' ' ')
[ "$billed" = "10000 " ] || fail "one usage event of 10000 micros was expected, not: $billed"

say "puras ledger audit"
PURAS_API_KEY=$admin "$puras" ledger audit || fail "the books do not agree"
kill "$server"
wait "$server" || fail "the server ended with status $?"
server=
say "puras ledger audit --data $data    (the server is stopped)"
"$puras" ledger audit --data "$data" || fail "the books on disk do not agree"
printf '\nThe picture is demo-out/picture.png.\n'
