#!/usr/bin/env bash
# A picture, an edit of it, two films, a song and a sentence on a fresh server, and a provider's film in the sandbox of a test key: makes
# them, prints receipts, links and the audit, and checks every figure to the micro.
#   scripts/demo.sh [BUILD]     leaves demo-out/
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

mkdir -p demo-out
rm -f demo-out/*
spent=0
# make NAME FILE MICROS MAGIC MODEL -i ...: one call, its receipt and the first bytes of its file
make_one() {
    local name=$1 file=demo-out/$2 micros=$3 magic=$4
    shift 4
    say "puras run $* -o $file"
    "$puras" run "$@" -o "$file" | tee "demo-out/$name.receipt.txt"
    grep -q "^billed .*($micros micros)" "demo-out/$name.receipt.txt" || fail "the receipt of $name does not say $micros micros"
    head -c 12 "$file" | od -An -tx1 | tr -d ' \n' | grep -q "$magic" || fail "$file is not what it should be"
    spent=$((spent + micros))
}
drive_path() { sed -n 's/^drive *//p' "demo-out/$1.receipt.txt"; }

make_one picture picture.png 10000 '^89504e47' puras/sketch -i prompt="two red bicycles under a blue umbrella at sunset" -i size=1280x720
make_one edit edited.png 12000 '^89504e47' puras/sketch-edit -i image="$(drive_path picture)" -i prompt='watercolour, warmer, with the caption "Tuesday"'
make_one film film.mp4 80000 '66747970' puras/motion-i2v -i image="$(drive_path picture)" -i prompt="zoom in slowly while it snows" -i duration=4 -i resolution=360p -i audio=true
make_one scene scene.mp4 80000 '66747970' puras/motion-t2v -i prompt="a green boat on the sea at dawn" -i duration=4 -i resolution=360p
make_one song song.mp3 50000 '^494433' puras/tune -i prompt="a cheerful song about riding bicycles" -i style=folk -i duration=30
sentence="Everything you saw was made on this machine."
make_one voice voice.mp3 $((15 * ${#sentence})) '^\(494433\|fff\)' puras/voice -i text="$sentence"

live_spent=$spent
printf '\nA test key runs the models of providers too: a sandbox file of the right kind, size and length, at the real price, in a book of its own.\n'
PURAS_API_KEY=$(member test_key < "$data/credentials.json")
make_one sandbox sandbox.mp4 672000 '66747970' kuaishou/kling-v3-i2v -i image=@demo-out/picture.png -i prompt="they ride away" -i duration=5
available=$("$puras" balance --json | member available_micros)
[ "$available" = $((100000000 - 672000)) ] || fail "100 USD of test credit less 672000 micros leave $((100000000 - 672000)), not $available"
PURAS_API_KEY=$live spent=$live_spent

url=$(sed -n 's/^url *//p' demo-out/picture.receipt.txt)
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
[ "$available" = $((10000000 - spent)) ] || fail "10 USD less $spent micros leave $((10000000 - spent)), not $available"
billed=$("$puras" usage --json | grep -o '"billed_micros": *[0-9]*' | tr -cd '0-9\n' | awk '{ sum += $1; n++ } END { print n, sum }')
[ "$billed" = "6 $spent" ] || fail "6 usage events of $spent micros in all were expected, not: $billed"

say "puras ledger audit"
PURAS_API_KEY=$admin "$puras" ledger audit || fail "the books do not agree"
kill "$server"
wait "$server" || fail "the server ended with status $?"
server=
say "puras ledger audit --data $data    (the server is stopped)"
"$puras" ledger audit --data "$data" || fail "the books on disk do not agree"
printf '\nWhat was made is in demo-out/: '; (cd demo-out && ls *.png *.mp4 *.mp3 | tr '\n' ' '); echo
